/** Draws something again and again: in place on a terminal, and elsewhere as a line whenever it has changed. */
import { setTimeout as sleep } from 'node:timers/promises';
import { say } from './output';

const DRAW_EVERY_MS = 1_000;
const LINE_EVERY_MS = 3_000;
const EXIT_ON_INTERRUPT = 130;

export interface Drawing {
  readonly drawn: string;
  readonly line: string;
  readonly ended: boolean;
}

/** Until it has ended, or Ctrl-C ends the watching. The last drawing stays, on `stream`, whole. */
export async function watch(
  look: () => Promise<Drawing>,
  {
    onInterrupt,
    stream = process.stdout,
  }: { readonly onInterrupt: string; readonly stream?: NodeJS.WriteStream },
): Promise<void> {
  const interrupt = (): void => {
    say(onInterrupt);
    process.exit(EXIT_ON_INTERRUPT);
  };
  process.once('SIGINT', interrupt);
  let height = 0;
  let last = { line: '', atMs: -Infinity };
  try {
    for (;;) {
      const { drawn, line, ended } = await look();
      const nowMs = performance.now();
      if (stream.isTTY) {
        height = redraw(stream, { lines: drawn.split('\n'), before: height, ended });
      } else if (ended) {
        stream.write(`${drawn}\n`);
      } else if (line !== last.line && nowMs - last.atMs >= LINE_EVERY_MS) {
        say(line);
        last = { line, atMs: nowMs };
      }
      if (ended) return;
      await sleep(DRAW_EVERY_MS);
    }
  } finally {
    process.off('SIGINT', interrupt);
  }
}

/** Over what was drawn before, of which as much can be reached as the terminal shows. Returns the height. */
function redraw(
  stream: NodeJS.WriteStream,
  of: { readonly lines: readonly string[]; readonly before: number; readonly ended: boolean },
): number {
  const { lines, before, ended } = of;
  const shown = ended ? lines : lines.slice(0, Math.max(1, stream.rows - 1));
  const up = before === 0 ? '' : `\u001b[${before}A`;
  stream.write(`${up}${shown.map((line) => `\u001b[2K${line}\n`).join('')}\u001b[J`);
  return shown.length;
}
