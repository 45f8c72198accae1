/** What the account has set about collecting, and what the service guards against. */

/**
 * The service's own retries. `on`: on a schedule, after a hard decline only with a new card. `off`: none after the first attempt.
 * `scheduled_never_executed`: every decline counts as a hard one: attempts are scheduled and counted, none is made without a new card.
 */
export const RETRY_MODES = ['on', 'off', 'scheduled_never_executed'] as const;
export type RetryMode = (typeof RETRY_MODES)[number];

export interface Settings {
  retries: RetryMode;
  /** Stripe refuses to collect what is paid, void or being paid; without this guard it is charged again, as other services do. */
  guard: boolean;
  /** Whether what happens is written down as events: half of the work of a world whose events nobody reads. */
  events: boolean;
}
