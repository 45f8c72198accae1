/** Steps of a recovery case without a provider or a database: a ledger in memory, and answers that follow a script. */
import { ApplicationFailure } from '@temporalio/common';
import type { CaseActivities, CaseFacts, CaseRecord } from '../../activities/contract';
import type { CaseEvent } from '../../domain/recovery/decide';

/** What a step says; it may take its time, or throw. */
export type Says = CaseEvent | (() => CaseEvent | Promise<CaseEvent>);

type Scripted = 'plan' | 'check' | 'charge' | 'lookup';

export const PLANNED_IN_MS = 60_000;
const WINDOW_MS = 28 * 86_400_000;

export const succeeded: CaseEvent = {
  type: 'succeeded',
  by: 'us',
  amountMinor: '4200',
  chargeId: 'ch_1',
};
export const declined: CaseEvent = { type: 'declined', because: 'The bank said 51' };

export class CaseFakes {
  facts: CaseFacts = {
    account: 'acct_1',
    invoice: 'in_1',
    campaign: 'camp_1',
    provider: 'stripe',
    clock: 'real',
    state: 'planning',
    because: 'It is fit.',
    attention: false,
    transitions: 2,
    attempts: 0,
    openAttempt: null,
    nextActionAtMs: null,
    windowEndsAtMs: Date.now() + WINDOW_MS,
    amountMinor: '4200',
    currency: 'eur',
    desired: 'run',
    recovery: null,
    nowMs: Date.now(),
  };
  /** The account's clock as the steps see it. */
  now: () => number = Date.now;
  /** One for each call; then `byDefault`. */
  readonly script: Record<Scripted, Says[]> = { plan: [], check: [], charge: [], lookup: [] };
  byDefault: Record<Scripted, Says> = {
    plan: () => ({
      type: 'attempt_planned',
      atMs: this.now() + PLANNED_IN_MS,
      because: 'The ladder says so.',
      facts: { edition: '2026-11', rules: ['ladder'] },
    }),
    check: { type: 'clear' },
    charge: declined,
    lookup: () => ({ type: 'inconclusive', atMs: this.now() }),
  };
  /** Whoever waits for a step to be under way. */
  begun: Partial<Record<Scripted, () => void>> = {};
  /** Every step as `name` or `name number`, in order. */
  readonly steps: string[] = [];
  /** By sequence, as the table has them: written once. */
  readonly transitions = new Map<number, CaseRecord['transitions'][number]>();
  record: CaseRecord | null = null;
  readonly wanted: string[] = [];
  readonly delivered: string[] = [];
  message: string | null = 'msg_1';

  /** The moves so far, as `from -event-> to`. */
  get story(): string[] {
    return [...this.transitions.values()].map(({ from, event, to }) => `${from} -${event}-> ${to}`);
  }

  /** Resolves once the step is under way. */
  next(step: Scripted): Promise<void> {
    return new Promise((resolve) => {
      this.begun[step] = resolve;
    });
  }

  /** Whether a step is under way. */
  atWork = false;

  private async say(step: Scripted): Promise<CaseEvent> {
    this.begun[step]?.();
    const says = this.script[step].shift() ?? this.byDefault[step];
    this.atWork = true;
    try {
      return typeof says === 'function' ? await says() : says;
    } finally {
      this.atWork = false;
    }
  }

  private store(record: CaseRecord | null): void {
    if (record === null) return;
    for (const line of record.transitions) {
      const known = this.transitions.get(line.sequence);
      if (known !== undefined && JSON.stringify(known) !== JSON.stringify(line)) {
        throw ApplicationFailure.nonRetryable('A line was told in two ways.', 'internal');
      }
      this.transitions.set(line.sequence, line);
    }
    this.record = record;
  }

  private async step(step: Scripted, name: string, record: CaseRecord | null) {
    this.store(record);
    this.steps.push(name);
    const event = await this.say(step);
    return { nowMs: this.now(), event };
  }

  readonly activities: CaseActivities = {
    readCase: ({ account, invoice }) => {
      if (invoice === 'in_unknown') {
        throw ApplicationFailure.nonRetryable('No case in_unknown.', 'invalid_input');
      }
      this.steps.push('read');
      return Promise.resolve({ ...this.facts, account, invoice });
    },
    recordCase: ({ record }) => {
      this.steps.push('record');
      this.store(record);
      return Promise.resolve({ isRefused: false });
    },
    setCaseDesired: ({ record, desired }) => {
      this.store(record);
      this.wanted.push(desired);
      return Promise.resolve({ isRefused: false });
    },
    reopenCase: ({ account, invoice, reason }) => {
      this.steps.push('reopen');
      const { transitions } = this.facts;
      this.facts = {
        ...this.facts,
        state: 'planning',
        because: reason,
        transitions: transitions + 1,
        windowEndsAtMs: this.now() + WINDOW_MS,
        nowMs: this.now(),
      };
      return Promise.resolve({ ...this.facts, account, invoice });
    },
    planCase: ({ record }) => this.step('plan', 'plan', record),
    checkCase: ({ record }) => this.step('check', 'check', record),
    chargeCase: async ({ record, after }) => {
      const seen = await this.step('charge', `charge ${String(after + 1)}`, record);
      const { attempt = after + 1 } = seen.event;
      return { ...seen, attempt: attempt === 0 ? null : attempt };
    },
    lookUpAttempt: ({ record, number }) => this.step('lookup', `lookup ${String(number)}`, record),
    resolveAttempt: ({ record, number, outcome, reason }) => {
      this.store(record);
      this.steps.push(`resolve ${String(number)} ${outcome}`);
      const event = outcome === 'succeeded' ? succeeded : ({ type: outcome } as const);
      return Promise.resolve({ nowMs: this.now(), event: { ...event, because: reason } });
    },
    noteCustomerNeeded: ({ record }) => {
      this.store(record);
      this.steps.push('note');
      return Promise.resolve({ message: this.message });
    },
    deliverWebhook: ({ message }) => {
      this.delivered.push(message);
      return Promise.resolve();
    },
  };
}
