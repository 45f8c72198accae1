/**
 * What counts as recurring revenue, as data. Every ledger row can be traced to the id and version of the policy that made it.
 *
 * Fixed by the engine rather than by a field, because nobody can choose yet: trials, free plans, metered usage, one-time items,
 * tax and a paused collection are 0; a discount lowers the value down to 0 and not below; churn is dated when the subscription
 * ended; any return of a customer is a reactivation.
 */
export type Interval = 'day' | 'week' | 'month' | 'year';

export interface MetricPolicy {
  readonly id: string;
  readonly version: number;
  /** How many of the interval one month holds, as an exact fraction. */
  readonly periodsPerMonth: Readonly<Record<Interval, string>>;
  /** Durations of discounts that are deducted. */
  readonly deductedDurations: readonly string[];
  /** Subscription statuses that count. A trial is a time, not a status: see history.ts. */
  readonly countingStatuses: readonly string[];
}

export const DEFAULT_POLICY: MetricPolicy = {
  id: 'default',
  version: 1,
  periodsPerMonth: { day: '365/12', week: '52/12', month: '1', year: '1/12' },
  deductedDurations: ['repeating', 'forever'],
  countingStatuses: ['active', 'past_due'],
};

/** Raised whenever the same facts under the same policy may give other figures. */
export const ENGINE_VERSION = 1;
