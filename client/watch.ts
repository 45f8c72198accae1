/** Draws something again and again: in place on a terminal, and elsewhere as a line whenever it has changed. */
import { setTimeout as sleep } from 'node:timers/promises';
import { print, say } from './output';

const DRAW_EVERY_MS = 1_000;
const EXIT_ON_INTERRUPT = 130;

export interface Drawing {
  readonly drawn: string;
  readonly line: string;
  readonly ended: boolean;
}

/** Until it has ended, or Ctrl-C ends the watching. The last drawing stays. */
export async function watch(
  look: () => Promise<Drawing>,
  { onInterrupt }: { readonly onInterrupt: string },
): Promise<void> {
  const interrupt = (): void => {
    say(onInterrupt);
    process.exit(EXIT_ON_INTERRUPT);
  };
  process.once('SIGINT', interrupt);
  const redraws = process.stdout.isTTY;
  let height = 0;
  let lastLine = '';
  try {
    for (;;) {
      const { drawn, line, ended } = await look();
      if (redraws) {
        height = redraw(drawn, height);
      } else if (ended) {
        print(drawn);
      } else if (line !== lastLine) {
        say(line);
      }
      lastLine = line;
      if (ended) return;
      await sleep(DRAW_EVERY_MS);
    }
  } finally {
    process.off('SIGINT', interrupt);
  }
}

/** Over what was drawn before, of which as much can be reached as the terminal shows. Returns the height. */
function redraw(drawn: string, before: number): number {
  const lines = drawn.split('\n').slice(0, Math.max(1, (process.stdout.rows ?? Infinity) - 1));
  const up = before === 0 ? '' : `\u001b[${before}A`;
  process.stdout.write(`${up}${lines.map((line) => `\u001b[2K${line}\n`).join('')}\u001b[J`);
  return lines.length;
}
