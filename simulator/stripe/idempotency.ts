/** The `Idempotency-Key` header. */
import { ApiError, conflict, invalidRequest } from './errors';

/** Stripe may prune keys once they are a day old; here they end exactly then, by the service's clock. */
const KEY_LIFETIME_SECONDS = 24 * 60 * 60;
/** Beyond this the oldest are forgotten, however young. */
const MAX_KEYS = 100_000;
const KEY_MAX_CHARACTERS = 255;

export interface StoredAnswer {
  status: number;
  body: unknown;
  requestId: string;
}

interface Entry {
  fingerprint: string;
  startedAt: number;
  answer: StoredAnswer | null;
}

/**
 * Answers of POST requests by idempotency key. A key is stored once execution begins, and its answer is replayed
 * whatever it was, a decline or a 500 included.
 */
export class IdempotencyStore {
  private readonly entries = new Map<string, Entry>();

  constructor(private readonly nowSeconds: () => number) {}

  /**
   * Returns the stored answer, or undefined after having reserved the key for the caller, who must `finish` it.
   * `scope` keeps the keys of different API keys apart. Throws 400 for other parameters and 409 while in use.
   */
  begin(scope: string, key: string, fingerprint: string): StoredAnswer | undefined {
    if (key.length > KEY_MAX_CHARACTERS)
      throw invalidRequest(
        `Idempotency keys may be at most ${KEY_MAX_CHARACTERS} characters long; this one has ${key.length}.`,
      );
    this.prune();
    const id = `${scope} ${key}`;
    const known = this.entries.get(id);
    if (known === undefined) {
      this.entries.set(id, { fingerprint, startedAt: this.nowSeconds(), answer: null });
      return undefined;
    }
    if (known.fingerprint !== fingerprint)
      throw new ApiError(400, {
        type: 'idempotency_error',
        message: `Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a key other than '${key}' if you meant to execute a different request.`,
      });
    if (known.answer === null) throw conflict(key);
    return known.answer;
  }

  finish(scope: string, key: string, answer: StoredAnswer): void {
    const entry = this.entries.get(`${scope} ${key}`);
    if (entry !== undefined) entry.answer = answer;
  }

  /** The entries are in the order of their start. */
  private prune(): void {
    for (const [id, { startedAt }] of this.entries) {
      const isOld = this.nowSeconds() - startedAt >= KEY_LIFETIME_SECONDS;
      if (!isOld && this.entries.size < MAX_KEYS) return;
      this.entries.delete(id);
    }
  }
}
