/** Limits and delays of recovery, in one place; tests shrink them. */

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

export interface RecoveryPolicy {
  /** An attempt that was claimed longer ago than this is not sent any more: a frozen process that wakes late does nothing. */
  readonly sendWithinMs: number;
  /** How long the provider may take to answer a payment. */
  readonly paymentTimeoutMs: number;
  /** Longer than the provider takes to finish a payment and to show it, after the last instant at which it may have been sent. */
  readonly settleMs: number;
  /** When an unknown outcome is looked up: delays one after the other. After the last one a person is called. */
  readonly lookupDelaysMs: readonly number[];
  /** How often an invoice that waits for its customer, its account or somebody else's payment is looked at unasked. */
  readonly lookAgainMs: number;
  /**
   * When a payment that is being settled is looked at unasked: delays one after the other, the last one again and again. Banks take days,
   * and their answer comes by webhooks and with every sync; these looks are for what both have missed.
   */
  readonly settlementDelaysMs: readonly number[];
  /** A payment that is still being settled after so long is for a person to judge. */
  readonly settleWithinMs: number;
  /** So long after the instant of the provider's own retry it is expected to show its outcome. */
  readonly providerRetryGraceMs: number;
  /** Retries of the provider that were announced and never executed: after so many the case goes on by itself. */
  readonly maxIdleProviderRetries: number;
  /** Delay after a step that failed; doubles with each further one. */
  readonly backoffFirstMs: number;
  readonly backoffMaxMs: number;
  /** After this many failed steps in a row somebody is told; it goes on being tried. */
  readonly alarmAfterFailures: number;
}

export const RECOVERY_POLICY: RecoveryPolicy = {
  sendWithinMs: 10 * SECOND_MS,
  paymentTimeoutMs: 80 * SECOND_MS,
  settleMs: 5 * MINUTE_MS,
  lookupDelaysMs: [
    MINUTE_MS,
    5 * MINUTE_MS,
    30 * MINUTE_MS,
    2 * HOUR_MS,
    12 * HOUR_MS,
    DAY_MS,
    2 * DAY_MS,
    3 * DAY_MS,
  ],
  lookAgainMs: DAY_MS,
  settlementDelaysMs: [3 * DAY_MS, 4 * DAY_MS, 7 * DAY_MS, 7 * DAY_MS, 9 * DAY_MS],
  settleWithinMs: 30 * DAY_MS,
  providerRetryGraceMs: 2 * HOUR_MS,
  maxIdleProviderRetries: 2,
  backoffFirstMs: 30 * SECOND_MS,
  backoffMaxMs: HOUR_MS,
  alarmAfterFailures: 5,
};

/**
 * What is on the wire takes real time, whatever clock the account has; a simulated service is near, and answers at once or not
 * at all.
 */
export const SIMULATED_WIRE = {
  sendWithinMs: 2 * SECOND_MS,
  paymentTimeoutMs: 5 * SECOND_MS,
  settleMs: SECOND_MS,
} as const satisfies Partial<RecoveryPolicy>;
