/** What processes use, seen from outside through /proc; where there is none, nothing is known. */
import { readFileSync, readdirSync } from 'node:fs';

const SAMPLE_MS = 100;
const KB_PER_MB = 1_024;
/** Linux counts the processor time of processes in hundredths of a second. */
const TICKS_PER_SECOND = 100;

/** A file of /proc; null when the process is gone, or this is no Linux. */
function readProc(path) {
  try {
    return readFileSync(`/proc/${path}`, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'ESRCH') return null;
    throw error;
  }
}

/** The most memory that a process has ever held (the kernel's VmHWM); null when it is gone, or this is no Linux. */
export function peakRssMb(pid) {
  const kb = /^VmHWM:\s+(\d+) kB$/m.exec(readProc(`${pid}/status`) ?? '')?.[1];
  return kb === undefined ? null : Math.round(Number(kb) / KB_PER_MB);
}

/**
 * Follows the kernel's high-water mark of the contender's memory (VmHWM), and counts processor time from now on.
 * @param {{ contender: number, postgres: number }} pids
 * @returns {() => { peakRssMb: number | null, processorSeconds: Record<string, number> }} ends the following
 */
export function watchUsage(pids) {
  let peak = null;
  const look = () => {
    peak = peakRssMb(pids.contender) ?? peak;
  };
  const timer = setInterval(look, SAMPLE_MS);
  const startedAt = Object.entries(pids).map(([who, pid]) => [who, processorTicks(pid)]);
  return () => {
    clearInterval(timer);
    look();
    const worked = startedAt.map(([who, ticks]) => [
      who,
      (processorTicks(pids[who]) - ticks) / TICKS_PER_SECOND,
    ]);
    return { peakRssMb: peak, processorSeconds: Object.fromEntries(worked) };
  };
}

/** Of a process so far, with its children that live and those that have ended. */
function processorTicks(pid) {
  const processes = (readProc(`${pid}/stat`) === null ? [] : readdirSync('/proc'))
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      // The name of the program, in parentheses, may hold anything.
      const fields = readProc(`${name}/stat`)
        ?.replace(/^.*\) /s, '')
        .split(' ')
        .map(Number);
      return fields ? [{ pid: Number(name), parent: fields[1], fields }] : [];
    })
    .filter((process) => process.pid === pid || process.parent === pid);
  // User and system time, of itself and of its ended children.
  const ticks = processes.flatMap(({ fields }) => fields.slice(11, 15));
  return ticks.reduce((sum, each) => sum + each, 0);
}
