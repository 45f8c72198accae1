/** How a process ends: asked once it drains, asked twice it goes. */

const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;
/** What shells report for a process that a signal ended: 128 and its number. */
const SIGNAL_EXIT_BASE = 128;

/** Calls `drain` at the first signal; at the second the process ends at once. */
export function drainOnSignal(drain: () => void): void {
  let draining = false;
  for (const [signal, number] of Object.entries(SIGNALS)) {
    process.on(signal, () => {
      if (draining) process.exit(SIGNAL_EXIT_BASE + number);
      draining = true;
      drain();
    });
  }
}
