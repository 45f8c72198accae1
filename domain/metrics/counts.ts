/** What is counted by period beside customers: subscriptions that are worth something, and trials that ended. */
import type { TrialCounts } from './measures';
import type { PeriodSpan } from './periods';

/** A time during which a subscription was worth something. */
export interface Live {
  readonly subscription: string;
  readonly from: Date;
  readonly to: Date | null;
}

/** How many subscriptions were worth something at the end of each period; those of `lives` may overlap. */
export function subscriptionCounts(lives: readonly Live[], spans: readonly PeriodSpan[]): number[] {
  const changes = [
    ...lives.map(({ subscription, from }) => ({ subscription, at: from, by: 1 })),
    ...lives.flatMap(({ subscription, to }) => (to ? [{ subscription, at: to, by: -1 }] : [])),
  ].sort((a, b) => a.at.getTime() - b.at.getTime());
  const items = new Map<string, number>();
  let next = 0;
  return spans.map(({ to }) => {
    for (; ; next += 1) {
      const change = changes[next];
      if (!change || change.at >= to) break;
      const left = (items.get(change.subscription) ?? 0) + change.by;
      if (left === 0) items.delete(change.subscription);
      else items.set(change.subscription, left);
    }
    return items.size;
  });
}

/** A trial that has ended. */
export interface EndedTrial {
  readonly at: Date;
  /** Whether its subscription was worth something then or at any time since. */
  readonly isConverted: boolean;
}

export function trialCounts(
  trials: readonly EndedTrial[],
  spans: readonly PeriodSpan[],
): TrialCounts[] {
  const ordered = [...trials].sort((a, b) => a.at.getTime() - b.at.getTime());
  let next = 0;
  return spans.map(({ from, to }) => {
    const counts = { trialsEnded: 0, trialsConverted: 0 };
    for (; ; next += 1) {
      const trial = ordered[next];
      if (!trial || trial.at >= to) break;
      if (trial.at < from) continue;
      counts.trialsEnded += 1;
      if (trial.isConverted) counts.trialsConverted += 1;
    }
    return counts;
  });
}
