/** How a launcher ends: its work done, an error, or a signal. */
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 };
/** A terminal's Ctrl-C reaches us twice under npm, which passes it on: a second one within this time is its echo. */
const ECHO_MS = 500;
const PARENT_WATCH_MS = 1_000;

/**
 * One way out, by which all children are ended first; the first reason to come decides the exit code.
 * @param {import('./children.mjs').Children} children
 * @param {() => void} onStopped
 */
export function createEnding(children, onStopped) {
  let exitCode = null;
  return {
    isEnding: () => exitCode !== null,
    async end(code, { atOnce = false } = {}) {
      if (exitCode !== null && !atOnce) return;
      exitCode ??= code;
      await children.stopAll({ atOnce });
      onStopped();
      process.exit(exitCode);
    },
  };
}

/**
 * The first signal stops in order, a second one at once.
 * @param {ReturnType<typeof createEnding>} ending @param {import('./say.mjs').Say} say
 */
export function endOnSignals(ending, say) {
  let firstAt = null;
  const onSignal = (signal) => {
    if (firstAt === null) {
      firstAt = Date.now();
      say.note('Stopping', 'in order; Ctrl-C again to stop at once');
      void ending.end(EXIT_CODES[signal]);
    } else if (Date.now() - firstAt > ECHO_MS) {
      void ending.end(EXIT_CODES[signal], { atOnce: true });
    }
  };
  for (const signal of Object.keys(EXIT_CODES)) process.on(signal, onSignal);
  // An npm that is killed passes nothing on. Without npm, we may well outlive our parent (nohup, &).
  if (!process.env.npm_lifecycle_event) return;
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent && firstAt === null) onSignal('SIGHUP');
  }, PARENT_WATCH_MS).unref();
}
