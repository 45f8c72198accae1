/**
 * The vocabulary of a recovery case: one failed invoice, from the moment it is found until its money is in, or will not come.
 * `transitions.ts` says what each event means in each state.
 */

export const CASE_STATES = [
  /** A row, not yet looked at. */
  'discovered',
  /** Found fit; whether it belongs to the control group is being drawn. */
  'eligibility',
  /** In the control group: watched to the end of its window, never charged. A row without a workflow. */
  'holdout',
  /** The provider still retries by itself. */
  'monitoring',
  /** What to do next is being decided. */
  'planning',
  /** An attempt is planned for an instant. */
  'scheduled',
  /** The invoice and the credential's charges are read again. */
  'precheck',
  /** An attempt is claimed in the ledger and may be on the wire. */
  'charging',
  /** Whether an attempt happened is not known: it is looked up, and never tried again before that is proven. */
  'unknown',
  /** The provider has taken the payment and will say later whether it came through (direct debits). */
  'pending_settlement',
  /** Only the customer can go on: new card, authentication, payment by link. */
  'awaiting_customer',
  'paused',
  /** Nothing proves what happened: a person must say. */
  'needs_human',
  'recovered_by_us',
  /** Paid by the customer, by hand, or by the provider's own retry. */
  'recovered_elsewhere',
  'partially_recovered',
  /** All that was allowed was tried, or the window is over. */
  'exhausted',
  /** A rule forbids any further attempt. */
  'hard_stopped',
  'canceled',
  /** Never fit for recovery. */
  'excluded',
  /** Recovered, and then refunded, disputed and lost, or returned. */
  'reversed',
] as const;
export type CaseState = (typeof CASE_STATES)[number];

/** No attempt ever follows one of these, unless a person opens an exhausted case again. What is recovered may become `reversed`. */
export const TERMINAL_STATES = [
  'recovered_by_us',
  'recovered_elsewhere',
  'partially_recovered',
  'exhausted',
  'hard_stopped',
  'canceled',
  'excluded',
  'reversed',
] as const satisfies readonly CaseState[];
export type TerminalState = (typeof TERMINAL_STATES)[number];

export const isTerminal = (state: CaseState): state is TerminalState =>
  (TERMINAL_STATES as readonly CaseState[]).includes(state);

export const CASE_EVENT_TYPES = [
  // What the opening found.
  'fit',
  'unfit',
  'held_out',
  // What a plan says.
  'attempt_planned',
  'provider_retry_pending',
  'customer_needed',
  'ceilings_used_up',
  'retry_forbidden',
  // Time and wishes of people.
  'timer_fired',
  'window_ended',
  'attempt_now',
  'pause',
  'resume',
  'cancel',
  'account_paused',
  'account_resumed',
  'reopen',
  // What a look at the invoice shows.
  'clear',
  'plan_outdated',
  'paid_elsewhere',
  'voided',
  'disputed',
  'refunded',
  'card_updated',
  // How an attempt, or the lookup of one, ended; a person may say so, too.
  'succeeded',
  'partially_succeeded',
  'declined',
  'authentication_required',
  'pending',
  'not_sent',
  'refused',
  'outcome_unknown',
  'absent',
  'inconclusive',
  'lookups_ended',
  'returned',
  // A step could not be done for now.
  'step_failed',
  // After a recovery.
  'reversed',
] as const;
export type CaseEventType = (typeof CASE_EVENT_TYPES)[number];
