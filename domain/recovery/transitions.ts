/**
 * The life of a recovery case as a table: what each event means in each state. A missing pair does not compile; an event that
 * means nothing in a state says so with its reason. `decide.ts` reads this table, `diagram.ts` draws it.
 *
 * While an attempt is in flight (`charging`, `unknown`, `pending_settlement`) whatever would stop the case is remembered, and
 * applied once its outcome is known: money that may be moving is never forgotten.
 */
import type { CaseEventType, CaseState } from './states';

/** What a move asks for; `decide` adds the numbers. */
export type CaseEffectName =
  /** Write into the database what is wanted, where the ledger reads it when an attempt is claimed. */
  | 'want_run'
  | 'want_pause'
  | 'want_cancel'
  /** Keep the event until the outcome of the attempt is known. */
  | 'remember'
  | 'forget_pause'
  /** Wait: until the instant of the event, for the provider's own retry, for the first or next lookup, for another look, for a bank. */
  | 'wait_until'
  | 'wait_for_provider'
  | 'look_up'
  | 'look_up_again'
  | 'look_again'
  | 'await_settlement'
  | 'await_settlement_on'
  /** Wait for nothing but people and news. */
  | 'wait_for_people'
  /** Nothing came of it: try again later, and tell somebody once it was in vain too often in a row. */
  | 'back_off'
  | 'forgive'
  /** Do not wait for the next try. */
  | 'hurry'
  | 'raise_attention'
  | 'clear_attention'
  | 'count_money'
  | 'count_reversal'
  | 'tell_customer';

/** Conditions on the context that choose between moves. */
export const CASE_GUARDS = [
  /** The step of the state itself answers so: nothing of it is in flight. */
  'answered',
  /** An attempt is open whose outcome nobody knows. */
  'attempt_open',
  /** What was remembered says that somebody else paid, too. */
  'paid_meanwhile',
  'stopped_meanwhile',
] as const;
export type CaseGuard = (typeof CASE_GUARDS)[number];

export interface CaseMove {
  /** The first move whose guard holds is taken; the last one has none. */
  readonly when: CaseGuard | null;
  /** `same` stays. */
  readonly to: CaseState | 'same';
  readonly because: string;
  readonly effects: readonly CaseEffectName[];
}

export type CaseCell =
  | { readonly kind: 'moves'; readonly first: readonly CaseMove[]; readonly otherwise: CaseMove }
  | { readonly kind: 'forbidden'; readonly because: string };

type Row = { readonly [E in CaseEventType]: CaseCell };
export type CaseTable = { readonly [S in CaseState]: Row };

const move = (to: CaseMove['to'], because: string, ...effects: CaseEffectName[]): CaseMove => ({
  when: null,
  to,
  because,
  effects,
});
const only = (otherwise: CaseMove): CaseCell => ({ kind: 'moves', first: [], otherwise });
const go = (to: CaseState, because: string, ...effects: CaseEffectName[]): CaseCell =>
  only(move(to, because, ...effects));
const stay = (because: string, ...effects: CaseEffectName[]): CaseCell =>
  only(move('same', because, ...effects));
const choose = (when: CaseGuard, then: CaseMove, otherwise: CaseMove): CaseCell => ({
  kind: 'moves',
  first: [{ ...then, when }],
  otherwise,
});
const forbid = (because: string): CaseCell => ({ kind: 'forbidden', because });

/** What ends a case that has nothing in flight, or halts it. */
const STOP = {
  cancel: move('canceled', 'Canceled.', 'want_cancel'),
  pause: move('paused', 'Paused by a person.', 'want_pause'),
  window_ended: move('exhausted', 'The time in which it may be recovered is over.'),
  paid_elsewhere: move(
    'recovered_elsewhere',
    'The invoice was paid, and not by an attempt of ours.',
    'count_money',
  ),
  voided: move('canceled', 'The invoice was voided: nothing is owed any more.'),
  disputed: move('hard_stopped', 'A charge of the invoice is disputed: it is not charged again.'),
  refunded: move('canceled', 'The invoice was refunded: it is not charged again.'),
} as const satisfies { readonly [E in CaseEventType]?: CaseMove };
type Stop = keyof typeof STOP;
export const CASE_STOPS = Object.keys(STOP) as readonly Stop[];

const stops = (cell: (type: Stop) => CaseCell): { readonly [E in Stop]: CaseCell } =>
  Object.fromEntries(CASE_STOPS.map((type) => [type, cell(type)])) as Record<Stop, CaseCell>;
const stopAtOnce = stops((type) => only(STOP[type]));

const WISHES = { cancel: ['want_cancel'], pause: ['want_pause'] } as const;
const stopAfter = (type: Stop): CaseMove =>
  move(
    'same',
    'This is applied once the outcome of the attempt is known.',
    ...(type === 'cancel' || type === 'pause' ? WISHES[type] : []),
    'remember',
  );

/** Money that came in counts whatever was asked for meanwhile, and says so. */
const money = (to: CaseState, because: string): CaseCell => ({
  kind: 'moves',
  first: [
    {
      ...move(
        to,
        `${because} The invoice was also paid elsewhere meanwhile: look whether the customer has paid twice.`,
        'count_money',
        'raise_attention',
      ),
      when: 'paid_meanwhile',
    },
    {
      ...move(
        to,
        `${because} The case was to be stopped meanwhile; the money had moved already.`,
        'count_money',
        'clear_attention',
      ),
      when: 'stopped_meanwhile',
    },
  ],
  otherwise: move(to, because, 'count_money', 'clear_attention'),
});
const moneyIn = {
  succeeded: money('recovered_by_us', 'An attempt of ours has brought the money.'),
  partially_succeeded: money(
    'partially_recovered',
    'An attempt of ours has brought a part of the money.',
  ),
};

const opened = forbid('The case was opened already.');
const notOpened = { fit: opened, unfit: opened, held_out: opened };

const unplanned = forbid('No plan is being made in this state.');
const notPlanned = {
  attempt_planned: unplanned,
  provider_retry_pending: unplanned,
  customer_needed: unplanned,
  ceilings_used_up: unplanned,
  retry_forbidden: unplanned,
};

const ACCOUNT_PAUSED = move(
  'paused',
  'The account is paused: nothing is tried before it is resumed.',
  'forgive',
  'look_again',
);
const waitOnForAccount = stay(
  'The account is paused: the invoice is looked at again later.',
  'forgive',
  'look_again',
);
const notForAccount = forbid('It does not wait for its account.');
const notEnded = forbid('It has not ended: there is nothing to open again.');
/** What most states that have not ended say of the account, and of being opened again. */
const ongoing = { account_resumed: notForAccount, reopen: notEnded };

const noTimer = forbid('No timer is set in this state.');
const noReversal = forbid('Nothing was recovered that could be taken back.');

const noAttempt = forbid('No attempt is under way that this could be about.');
/** Nothing is in flight; what proves the contrary is believed all the same. */
const atRest = {
  ...moneyIn,
  pending: go('pending_settlement', 'A payment of ours is being settled.', 'await_settlement'),
  outcome_unknown: go('unknown', 'An attempt is open, and nobody knows its outcome.', 'look_up'),
  declined: noAttempt,
  authentication_required: noAttempt,
  not_sent: noAttempt,
  refused: noAttempt,
  absent: noAttempt,
  inconclusive: noAttempt,
  lookups_ended: noAttempt,
  returned: noAttempt,
  reversed: noReversal,
};

const tryLater = stay('A step could not be done and is tried again.', 'back_off');

const unopened = forbid('The case is still being opened.');
const beingOpened = {
  ...stops((type) => (type === 'pause' ? unopened : only(STOP[type]))),
  ...notPlanned,
  unfit: go('excluded', 'The invoice is not fit for recovery.'),
  timer_fired: noTimer,
  attempt_now: unopened,
  resume: unopened,
  account_paused: unopened,
  ...ongoing,
  clear: unopened,
  plan_outdated: unopened,
  card_updated: stay('The first plan uses it.'),
  succeeded: noAttempt,
  partially_succeeded: noAttempt,
  declined: noAttempt,
  authentication_required: noAttempt,
  pending: noAttempt,
  not_sent: noAttempt,
  refused: noAttempt,
  outcome_unknown: noAttempt,
  absent: noAttempt,
  inconclusive: noAttempt,
  lookups_ended: noAttempt,
  returned: noAttempt,
  step_failed: tryLater,
  reversed: noReversal,
};

/** How an attempt may have ended, as far as it is proven. */
const proven = {
  ...moneyIn,
  declined: move('planning', 'The attempt was declined.', 'forgive'),
  authentication_required: move(
    'awaiting_customer',
    'The customer has to authenticate the payment.',
    'forgive',
    'look_again',
    'tell_customer',
  ),
  pending: move(
    'pending_settlement',
    'The payment is being settled.',
    'forgive',
    'await_settlement',
  ),
  absent: move('planning', 'It is proven that the attempt never happened.', 'forgive'),
  returned: move('planning', 'The payment was returned.', 'forgive'),
};

const inFlight = forbid('The attempt at hand comes first: its outcome is not known yet.');
const anAttemptAtHand = {
  ...notOpened,
  ...notPlanned,
  ...ongoing,
  account_paused: inFlight,
  timer_fired: noTimer,
  attempt_now: inFlight,
  resume: stay(
    'It goes on once the outcome is known, unless it was canceled before.',
    'want_run',
    'forget_pause',
  ),
  clear: inFlight,
  card_updated: stay('The next plan uses it.'),
  reversed: noReversal,
};

const unsaid = forbid('Only whoever sent the attempt could know this, and has not said so.');
const ended = forbid('The case has ended.');
const over = {
  ...notOpened,
  ...notPlanned,
  ...stops(() => ended),
  timer_fired: noTimer,
  attempt_now: ended,
  resume: ended,
  account_paused: ended,
  account_resumed: ended,
  reopen: forbid('Only a case that is exhausted is opened again.'),
  clear: ended,
  plan_outdated: ended,
  card_updated: ended,
  declined: ended,
  authentication_required: ended,
  pending: ended,
  not_sent: ended,
  refused: ended,
  outcome_unknown: ended,
  absent: ended,
  inconclusive: ended,
  lookups_ended: ended,
  returned: ended,
  step_failed: ended,
};
const tooLate = stay(
  'Money has come in after the case had ended: look whether the customer has paid twice.',
  'raise_attention',
);
/** Ended without money of ours. */
const lost = { ...over, succeeded: tooLate, partially_succeeded: tooLate, reversed: noReversal };
/** Ended with money. */
const won = {
  ...over,
  succeeded: forbid('It was recovered already.'),
  partially_succeeded: forbid('It was recovered already.'),
  reversed: go('reversed', 'The money was taken back.', 'count_reversal'),
};
const wonByUs = {
  ...won,
  paid_elsewhere: stay(
    'The invoice was also paid elsewhere: look whether the customer has paid twice.',
    'raise_attention',
  ),
};

export const CASE_TABLE: CaseTable = {
  discovered: {
    ...beingOpened,
    fit: go('eligibility', 'The invoice is fit for recovery.'),
    held_out: forbid('Whether it is fit comes first.'),
  },
  eligibility: {
    ...beingOpened,
    fit: go('planning', 'It does not belong to the control group.'),
    held_out: go('holdout', 'Its customer belongs to the control group: watched, never charged.'),
  },
  holdout: {
    ...beingOpened,
    ...notOpened,
    pause: forbid('The control group is only watched: there is nothing to pause.'),
    resume: forbid('The control group is only watched: there is nothing to resume.'),
    account_paused: forbid('The control group is only watched: there is nothing to pause.'),
    window_ended: go(
      'exhausted',
      'It was watched until the end of its time, and nobody has paid it.',
    ),
    attempt_now: forbid('The control group is never charged.'),
    clear: stay('Nothing has changed.'),
    plan_outdated: stay('Nothing is planned for the control group.'),
    card_updated: stay('The control group is only watched.'),
  },
  monitoring: {
    ...notOpened,
    ...notPlanned,
    ...atRest,
    ...ongoing,
    ...stopAtOnce,
    account_paused: waitOnForAccount,
    provider_retry_pending: stay(
      'The provider retries once more by itself.',
      'forgive',
      'wait_for_provider',
    ),
    timer_fired: noTimer,
    attempt_now: go('planning', 'A person asked for an attempt now.', 'forgive'),
    resume: forbid('Nothing is paused.'),
    clear: go('planning', 'The provider’s own retry has not brought the money.', 'forgive'),
    plan_outdated: go('planning', 'The invoice has changed.'),
    card_updated: go('planning', 'The customer has a new payment method.', 'forgive'),
    step_failed: tryLater,
  },
  planning: {
    ...notOpened,
    ...atRest,
    ...ongoing,
    ...stopAtOnce,
    account_paused: only(ACCOUNT_PAUSED),
    attempt_planned: go('scheduled', 'An attempt is planned.', 'wait_until'),
    provider_retry_pending: go(
      'monitoring',
      'The provider still retries by itself.',
      'wait_for_provider',
    ),
    customer_needed: go(
      'awaiting_customer',
      'Only the customer can go on.',
      'forgive',
      'look_again',
      'tell_customer',
    ),
    ceilings_used_up: go('exhausted', 'All that is allowed was tried.'),
    retry_forbidden: go('hard_stopped', 'A rule forbids any further attempt.'),
    timer_fired: noTimer,
    attempt_now: stay('What comes next is being decided at this moment.', 'hurry'),
    resume: forbid('Nothing is paused.'),
    clear: forbid('It is being planned anew anyway.'),
    plan_outdated: forbid('It is being planned anew anyway.'),
    card_updated: stay('The plan at hand uses it.', 'hurry'),
    step_failed: tryLater,
  },
  scheduled: {
    ...notOpened,
    ...notPlanned,
    ...atRest,
    ...ongoing,
    ...stopAtOnce,
    account_paused: stay(
      'The account is paused: should it still be then, nothing is tried.',
      'forgive',
    ),
    provider_retry_pending: go(
      'monitoring',
      'The provider retries by itself before.',
      'wait_for_provider',
    ),
    timer_fired: go('precheck', 'The planned instant has come.'),
    attempt_now: go('precheck', 'A person asked for the attempt now.'),
    resume: forbid('Nothing is paused.'),
    clear: stay('The plan still holds.', 'forgive'),
    plan_outdated: go('planning', 'The plan no longer holds.'),
    card_updated: go('planning', 'The customer has a new payment method.', 'forgive'),
    step_failed: tryLater,
  },
  precheck: {
    ...notOpened,
    ...atRest,
    ...ongoing,
    ...stopAtOnce,
    account_paused: only(ACCOUNT_PAUSED),
    attempt_planned: unplanned,
    provider_retry_pending: go(
      'monitoring',
      'The provider still retries by itself.',
      'wait_for_provider',
    ),
    customer_needed: go(
      'awaiting_customer',
      'Only the customer can go on.',
      'forgive',
      'look_again',
      'tell_customer',
    ),
    ceilings_used_up: go('planning', 'The limit of attempts is reached for now.', 'back_off'),
    retry_forbidden: go('hard_stopped', 'A rule forbids any further attempt.'),
    timer_fired: noTimer,
    attempt_now: stay('It is being checked at this moment.', 'hurry'),
    resume: forbid('Nothing is paused.'),
    clear: go('charging', 'Nothing speaks against the attempt.'),
    plan_outdated: go('planning', 'The plan no longer holds.', 'back_off'),
    card_updated: go('planning', 'The customer has a new payment method.', 'forgive'),
    step_failed: tryLater,
  },
  charging: {
    ...anAttemptAtHand,
    ...stops((type) => choose('answered', STOP[type], stopAfter(type))),
    ...moneyIn,
    declined: only(proven.declined),
    authentication_required: only(proven.authentication_required),
    pending: only(proven.pending),
    absent: only(proven.absent),
    returned: only(proven.returned),
    provider_retry_pending: choose(
      'answered',
      move('monitoring', 'The provider retries by itself after all.', 'wait_for_provider'),
      move('same', 'The attempt at hand comes first.'),
    ),
    customer_needed: choose(
      'answered',
      move('awaiting_customer', 'Only the customer can go on.', 'look_again', 'tell_customer'),
      move('same', 'The attempt at hand comes first.'),
    ),
    ceilings_used_up: choose(
      'answered',
      move('planning', 'The limit of attempts was reached meanwhile; none was made.', 'back_off'),
      move('same', 'The attempt at hand counts already.'),
    ),
    retry_forbidden: choose(
      'answered',
      move('hard_stopped', 'A rule forbids any further attempt; none was made.'),
      move('same', 'The attempt at hand was allowed.'),
    ),
    account_paused: choose(
      'answered',
      ACCOUNT_PAUSED,
      move('same', 'The attempt at hand comes first.'),
    ),
    plan_outdated: choose(
      'answered',
      move('planning', 'The plan no longer held; no attempt was made.', 'back_off'),
      move('same', 'The next plan takes it into account.'),
    ),
    not_sent: go('planning', 'The attempt was certainly not sent.', 'back_off'),
    refused: go(
      'needs_human',
      'The provider refuses the attempt as such: mend the cause, then resume.',
      'raise_attention',
    ),
    outcome_unknown: go('unknown', 'Whether the attempt happened is not known.', 'look_up'),
    inconclusive: go('unknown', 'Whether the attempt happened is not known.', 'look_up'),
    lookups_ended: inFlight,
    step_failed: go('unknown', 'The attempt ended without an answer.', 'look_up'),
  },
  unknown: {
    ...anAttemptAtHand,
    ...stops((type) => only(stopAfter(type))),
    ...moneyIn,
    declined: only(proven.declined),
    authentication_required: only(proven.authentication_required),
    pending: only(proven.pending),
    absent: only(proven.absent),
    returned: only(proven.returned),
    plan_outdated: inFlight,
    not_sent: unsaid,
    refused: unsaid,
    outcome_unknown: stay('Still nobody knows.'),
    inconclusive: stay(
      'Nothing proves yet what became of the attempt.',
      'forgive',
      'look_up_again',
    ),
    lookups_ended: go(
      'needs_human',
      'Nothing proves what became of the attempt: a person must say.',
      'raise_attention',
    ),
    step_failed: stay('The attempt could not be looked up and is looked up again.', 'back_off'),
  },
  pending_settlement: {
    ...anAttemptAtHand,
    ...stops((type) => only(stopAfter(type))),
    ...moneyIn,
    declined: go('planning', 'The payment was not settled.', 'forgive'),
    authentication_required: only(proven.authentication_required),
    pending: stay('It is still being settled.', 'forgive', 'await_settlement_on'),
    absent: stay(
      'It was seen before, so that nothing is proven by not seeing it.',
      'await_settlement_on',
    ),
    returned: only(proven.returned),
    plan_outdated: inFlight,
    not_sent: unsaid,
    refused: unsaid,
    outcome_unknown: stay('It is still being settled.', 'await_settlement_on'),
    inconclusive: stay('It is still being settled.', 'await_settlement_on'),
    lookups_ended: go(
      'needs_human',
      'The payment has been settling for too long: a person must say what became of it.',
      'raise_attention',
    ),
    step_failed: stay('The payment could not be looked up and is looked up again.', 'back_off'),
  },
  awaiting_customer: {
    ...notOpened,
    ...notPlanned,
    ...atRest,
    ...ongoing,
    ...stopAtOnce,
    account_paused: waitOnForAccount,
    provider_retry_pending: stay('Only the customer can go on, whatever the provider tries.'),
    timer_fired: noTimer,
    attempt_now: go('planning', 'A person asked for an attempt now.', 'forgive'),
    resume: forbid('Nothing is paused: it waits for the customer.'),
    clear: stay('The customer has not done anything yet.', 'forgive', 'look_again'),
    plan_outdated: go('planning', 'The invoice has changed.'),
    card_updated: go('planning', 'The customer has a new payment method.', 'forgive'),
    step_failed: tryLater,
  },
  paused: {
    ...notOpened,
    ...notPlanned,
    ...atRest,
    ...ongoing,
    ...stopAtOnce,
    account_paused: stay('The account is still paused.', 'forgive', 'look_again'),
    account_resumed: go('planning', 'The account was resumed.', 'forgive'),
    pause: stay('It was paused already.', 'want_pause', 'wait_for_people'),
    timer_fired: noTimer,
    attempt_now: forbid('It is paused: resume it first.'),
    resume: go('planning', 'Resumed by a person.', 'want_run', 'forgive'),
    clear: stay('Nothing has changed.'),
    plan_outdated: stay('It is planned anew once it is resumed.'),
    card_updated: stay('It is planned anew once it is resumed.'),
    step_failed: tryLater,
  },
  needs_human: {
    ...notOpened,
    ...notPlanned,
    ...stops((type) => choose('attempt_open', stopAfter(type), clearing(STOP[type]))),
    ...moneyIn,
    ...ongoing,
    account_paused: stay('It still needs a person.'),
    timer_fired: noTimer,
    attempt_now: forbid('A person is needed first: `resolve` says what became of the attempt.'),
    resume: choose(
      'attempt_open',
      move('unknown', 'It is looked up once more.', 'want_run', 'look_up', 'clear_attention'),
      move('planning', 'Resumed by a person.', 'want_run', 'forgive', 'clear_attention'),
    ),
    clear: stay('It still needs a person.'),
    plan_outdated: stay('It still needs a person.'),
    card_updated: choose(
      'attempt_open',
      move('same', 'The next plan uses it; what became of the attempt comes first.'),
      move('planning', 'The customer has a new payment method.', 'forgive', 'clear_attention'),
    ),
    declined: whenOpen(proven.declined),
    authentication_required: whenOpen(proven.authentication_required),
    pending: only(clearing(proven.pending)),
    absent: whenOpen(proven.absent),
    returned: whenOpen(proven.returned),
    not_sent: unsaid,
    refused: unsaid,
    outcome_unknown: stay('It still needs a person.'),
    inconclusive: stay('Still nothing proves what became of the attempt.'),
    lookups_ended: stay('It still needs a person.'),
    step_failed: tryLater,
    reversed: noReversal,
  },
  recovered_by_us: wonByUs,
  recovered_elsewhere: { ...won, succeeded: tooLate, partially_succeeded: tooLate },
  partially_recovered: wonByUs,
  exhausted: {
    ...lost,
    attempt_now: forbid('The case has ended: `reopen` opens it again.'),
    reopen: go('planning', 'Opened again by a person.', 'want_run'),
  },
  hard_stopped: lost,
  canceled: lost,
  excluded: lost,
  reversed: {
    ...won,
    reversed: stay('More of the money was taken back.', 'count_reversal'),
  },
};

function clearing(given: CaseMove): CaseMove {
  return { ...given, effects: [...given.effects, 'clear_attention'] };
}

function whenOpen(given: CaseMove): CaseCell {
  return choose('attempt_open', clearing(given), move('same', 'No attempt waits for an answer.'));
}
