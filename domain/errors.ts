/**
 * The taxonomy: every failure that Recoup can name, and what follows from it. Adapters translate what they meet into one of
 * these codes once; everybody else reads the table and never a message text.
 */

/** How far a failure reaches: it decides who stops and who goes on. */
export type ErrorScope =
  /** The caller asked for something impossible: say so, change nothing. */
  | 'input'
  /** The whole account cannot go on until a person acts: it becomes `blocked`. */
  | 'account'
  /** One resource cannot go on: it is parked by itself, the others finish. */
  | 'resource'
  /** Nobody's fault that waiting does not mend: try again later. */
  | 'transient';

interface ErrorClass {
  readonly scope: ErrorScope;
  /** What a person can do about it, as a sentence; empty where it mends itself. */
  readonly remedy: string;
}

export const ERRORS = {
  invalid_input: { scope: 'input', remedy: 'Correct the named field and try again.' },
  unknown_account: { scope: 'input', remedy: 'See `recoup accounts list` for the known ones.' },
  unknown_provider: { scope: 'input', remedy: 'Use one of the listed providers.' },
  secret_unavailable: {
    scope: 'account',
    remedy: 'Give the worker the environment variable that holds the secret, then resume.',
  },
  credentials_rejected: {
    scope: 'account',
    remedy: 'Give the account a valid key: `recoup accounts rotate-secret`.',
  },
  not_the_provider: {
    scope: 'account',
    remedy: 'Check the API base address: what answers there is not the billing service.',
  },
  permission_missing: {
    scope: 'resource',
    remedy: 'Grant the key the permission that is missing, then retry.',
  },
  request_refused: {
    scope: 'resource',
    remedy: 'The billing service refuses the request as such: look at its message.',
  },
  not_storable: {
    scope: 'resource',
    remedy: 'Report this: it is a defect. The worker’s log has what Postgres said.',
  },
  rate_limited: { scope: 'transient', remedy: '' },
  provider_unavailable: { scope: 'transient', remedy: '' },
  database_unavailable: { scope: 'transient', remedy: 'Check that Postgres is up.' },
  warehouse_unavailable: { scope: 'transient', remedy: 'Check that the warehouse is up.' },
  warehouse_refused: {
    scope: 'transient',
    remedy: 'See what is missing: `recoup warehouse check`.',
  },
  lease_lost: { scope: 'transient', remedy: '' },
  control_total_mismatch: {
    scope: 'account',
    remedy: 'The load was refused and rolled back. Report this: it is a defect.',
  },
  internal: { scope: 'transient', remedy: 'Report this: it is a defect.' },
} as const satisfies Record<string, ErrorClass>;

export type ErrorCode = keyof typeof ERRORS;

export interface RecoupErrorOptions {
  /** For logs only: may hold provider text, never a secret. Never reaches a workflow history. */
  readonly details?: Record<string, unknown>;
  /** Wait at least this long before the next try (Retry-After). */
  readonly retryAfterMs?: number;
  readonly cause?: unknown;
}

/** A failure with a stable code and a message that may be shown and stored: no secrets, no customer data in it. */
export class RecoupError extends Error {
  readonly code: ErrorCode;
  readonly details: Record<string, unknown>;
  readonly retryAfterMs: number | undefined;

  constructor(code: ErrorCode, safeMessage: string, options: RecoupErrorOptions = {}) {
    super(safeMessage, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'RecoupError';
    this.code = code;
    this.details = options.details ?? {};
    this.retryAfterMs = options.retryAfterMs;
  }

  get scope(): ErrorScope {
    return ERRORS[this.code].scope;
  }

  get remedy(): string {
    return ERRORS[this.code].remedy;
  }
}

/** Any thrown value as a RecoupError; what nobody classified is `internal`. */
export function asRecoupError(thrown: unknown): RecoupError {
  if (thrown instanceof RecoupError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new RecoupError('internal', `Unexpected error: ${message}`, { cause: thrown });
}
