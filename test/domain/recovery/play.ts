/** A case played in memory: the engine with steps whose answers follow a script, as whoever runs a case does it. */
import fc from 'fast-check';
import type { CaseEvent } from '../../../domain/recovery/decide';
import {
  answer,
  clockAt,
  failureOf,
  happen,
  hear,
  recorded,
  recordOf,
  takeUp,
  taskOf,
  told,
} from '../../../domain/recovery/engine';
import type { CaseMemory } from '../../../domain/recovery/memory';
import { RECOVERY_POLICY } from '../../../domain/recovery/policy';
import type { CaseFacts, CaseTransition } from '../../../domain/recovery/record';
import type { CaseEventType } from '../../../domain/recovery/states';
import type { CaseStepName } from '../../../domain/recovery/work';
import { eventOf, NOW_MS } from './events';

const HOUR_MS = 3_600_000;
export const WINDOW_MS = 28 * 24 * HOUR_MS;

export const FACTS: CaseFacts = {
  account: 'acct_1',
  invoice: 'in_1',
  campaign: 'camp_1',
  provider: 'stripe',
  clock: 'simulated',
  state: 'planning',
  because: 'It is fit.',
  attention: false,
  transitions: 2,
  attempts: 0,
  openAttempt: null,
  nextActionAtMs: null,
  windowEndsAtMs: NOW_MS + WINDOW_MS,
  amountMinor: '4200',
  currency: 'eur',
  desired: 'run',
  recovery: null,
  nowMs: NOW_MS,
};

const WISHES = ['pause', 'resume', 'cancel', 'attempt_now'] as const;
export type Wish = (typeof WISHES)[number];

/** What a step answers, once the wishes of people were heard that came while it was under way. */
export interface Turn {
  /** Null: it dies. */
  readonly says: CaseEventType | null;
  /** Of a plan or a lookup. */
  readonly laterMs: number;
  readonly meanwhile: readonly Wish[];
}

export type Beat =
  | { readonly kind: 'pass'; readonly byMs: number }
  | { readonly kind: 'wish'; readonly wish: Wish }
  | { readonly kind: 'news' };

export interface Script {
  readonly turns: Readonly<Record<CaseStepName, readonly Turn[]>>;
  readonly beats: readonly Beat[];
}

/** What a step says once its script is used up: nothing new. */
export const LAST: Readonly<Record<CaseStepName, Turn>> = {
  plan: { says: 'customer_needed', laterMs: 0, meanwhile: [] },
  check: { says: 'clear', laterMs: 0, meanwhile: [] },
  charge: { says: 'declined', laterMs: 0, meanwhile: [] },
  lookup: { says: 'inconclusive', laterMs: 0, meanwhile: [] },
};

export const DIED = 'It broke. Report this: it is a defect.';

export const eventOfTurn = ({ says, laterMs }: Turn & { says: CaseEventType }, nowMs: number) =>
  eventOf(says, nowMs + laterMs);

/** A request about money, as the ledger has it: what was asked about which attempt, when, and what it has come to. */
export interface LedgerLine {
  readonly step: 'charge' | 'lookup';
  readonly number: number;
  readonly atMs: number;
  /** Null: the answer was lost. */
  readonly says: CaseEventType | null;
}

export class Play {
  memory: CaseMemory;
  nowMs: number;
  readonly ledger: LedgerLine[] = [];
  readonly journal: CaseTransition[] = [];
  /** Every step with the case as it was when it began. */
  readonly steps: { readonly step: CaseStepName; readonly before: CaseMemory }[] = [];
  private readonly used: Record<CaseStepName, number> = { plan: 0, check: 0, charge: 0, lookup: 0 };

  constructor(
    private readonly script: Script,
    private readonly facts = FACTS,
    private readonly policy = RECOVERY_POLICY,
  ) {
    this.nowMs = facts.nowMs;
    this.memory = takeUp(facts, policy);
  }

  private get moment() {
    return { nowMs: this.nowMs, policy: this.policy };
  }

  happen(event: CaseEvent): void {
    this.memory = happen(this.memory, event, this.moment);
  }

  beat(beat: Beat): void {
    if (beat.kind === 'pass') this.pass(beat.byMs);
    else if (beat.kind === 'news') this.memory = hear(this.memory);
    else this.happen({ type: beat.wish });
    this.settle();
  }

  /** A simulated clock leaps; by a real one every timer fires at its instant, and what it brings is done before time goes on. */
  private pass(byMs: number, maxTimers = 200): void {
    const untilMs = this.nowMs + byMs;
    for (let fired = 0; this.facts.clock === 'real' && fired < maxTimers; fired += 1) {
      const task = taskOf(this.memory, this.moment);
      if (task.do !== 'wait' || task.untilMs === null || task.untilMs > untilMs) break;
      this.nowMs = task.untilMs;
      this.settle();
    }
    this.nowMs = untilMs;
    this.memory = clockAt(this.memory, this.nowMs);
  }

  /** Until the case waits or has ended. */
  settle(maxTasks = 200): void {
    for (let done = 0; done < maxTasks; done += 1) {
      const task = taskOf(this.memory, this.moment);
      if (task.do === 'step') this.act(task.step);
      else if (task.do === 'apply') this.happen(task.event);
      else {
        this.store();
        if (task.do !== 'tell') return;
        this.memory = told(this.memory);
      }
    }
    throw new Error(`The case is at work without an end in ${this.memory.state}.`);
  }

  private act(step: CaseStepName): void {
    const begun = this.memory;
    this.steps.push({ step, before: begun });
    const record = recordOf(begun, this.moment);
    const turn = this.script.turns[step][this.used[step]] ?? LAST[step];
    this.used[step] += 1;
    for (const type of turn.meanwhile) this.happen({ type });
    const { says } = turn;
    if (step === 'charge' || step === 'lookup') {
      const { open, attempts } = begun;
      const number = step === 'charge' ? attempts + 1 : (open ?? attempts);
      this.ledger.push({ step, number, atMs: this.nowMs, says });
    }
    if (says !== null) {
      this.journal.push(...(record?.transitions ?? []));
      this.memory = recorded(this.memory, record);
    }
    const event =
      says === null
        ? failureOf(step, { because: DIED, retryAfterMs: null })
        : eventOfTurn({ ...turn, says }, this.nowMs);
    const attempt = step === 'charge' && says !== null ? { attempt: begun.attempts + 1 } : {};
    this.memory = answer(
      this.memory,
      { step, event, begunIn: begun.state, ...attempt },
      this.moment,
    );
  }

  private store(): void {
    const record = recordOf(this.memory, this.moment);
    this.journal.push(...(record?.transitions ?? []));
    this.memory = recorded(this.memory, record);
  }
}

const SAYS: Readonly<Record<CaseStepName, readonly (CaseEventType | null)[]>> = {
  plan: [
    'attempt_planned',
    'attempt_planned',
    'attempt_planned',
    'attempt_planned',
    'provider_retry_pending',
    'customer_needed',
    'outcome_unknown',
    'paid_elsewhere',
    'ceilings_used_up',
    'account_paused',
    null,
  ],
  check: [
    'clear',
    'clear',
    'clear',
    'clear',
    'plan_outdated',
    'card_updated',
    'disputed',
    'account_paused',
    'account_resumed',
    null,
  ],
  charge: [
    'declined',
    'declined',
    'outcome_unknown',
    'not_sent',
    'pending',
    'authentication_required',
    'refused',
    'pause',
    'account_paused',
    'plan_outdated',
    'succeeded',
    null,
  ],
  lookup: ['inconclusive', 'inconclusive', 'absent', 'declined', 'pending', 'succeeded', null],
};

const wish = fc.constantFrom(...WISHES);
const duration = (range: { min: number; max: number }, grainMs: number) =>
  fc
    .integer({ min: range.min, max: Math.floor(range.max / grainMs) })
    .map((grains) => grains * grainMs);
const turns = (step: CaseStepName, grainMs: number): fc.Arbitrary<readonly Turn[]> =>
  fc.array(
    fc.record({
      says: fc.constantFrom(...SAYS[step]),
      laterMs: duration({ min: 0, max: 48 * HOUR_MS }, grainMs),
      meanwhile: fc.oneof(
        { weight: 4, arbitrary: fc.constant<readonly Wish[]>([]) },
        { weight: 1, arbitrary: fc.array(wish, { minLength: 1, maxLength: 2 }) },
      ),
    }),
    { minLength: 2, maxLength: 10 },
  );
const beat = (grainMs: number): fc.Arbitrary<Beat> =>
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant('pass' as const),
        byMs: duration({ min: 1, max: 96 * HOUR_MS }, grainMs),
      }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('wish' as const), wish }) },
    { weight: 1, arbitrary: fc.constant({ kind: 'news' } as const) },
  );

/** All durations are multiples of `grainMs`. */
export const scripts = (maxBeats: number, grainMs = 1): fc.Arbitrary<Script> =>
  fc.record({
    turns: fc.record({
      plan: turns('plan', grainMs),
      check: turns('check', grainMs),
      charge: turns('charge', grainMs),
      lookup: turns('lookup', grainMs),
    }),
    beats: fc.array(beat(grainMs), { minLength: 3, maxLength: maxBeats }),
  });
