/** How often one page is tried, and how long to wait in between: about a minute and a half in all, longer when told so. */
export const MAX_PAGE_ATTEMPTS = 10;

const FIRST_DELAY_MS = 500;
const MAX_DELAY_MS = 20_000;

export interface Backoff {
  /** Tries so far, from 1. */
  readonly attempt: number;
  /** What the service asked for. */
  readonly retryAfterMs: number | undefined;
  /** Spreads lanes that met the same trouble at the same moment. */
  readonly seed: bigint;
}

/** Exponential, up to a quarter longer by seed, and never shorter than the service asked for. */
export function backoffMs({ attempt, retryAfterMs, seed }: Backoff): number {
  const delayMs = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** (attempt - 1));
  const spread = Number((seed * 37n) % 100n) / 400;
  return Math.round(Math.max(delayMs, retryAfterMs ?? 0) * (1 + spread));
}
