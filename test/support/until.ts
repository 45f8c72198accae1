import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 20;

/** Waits for something to become true. Errors: when it has not within the limit. */
export async function until(
  condition: () => Promise<boolean>,
  { limitMs }: { readonly limitMs: number },
): Promise<void> {
  const endMs = Date.now() + limitMs;
  while (!(await condition())) {
    if (Date.now() > endMs) throw new Error('What was waited for did not come.');
    await sleep(POLL_MS);
  }
}
