/** All metrics of one customer, from its facts: the one entrance to this room. */
import { datedBy } from './churn-date';
import { inOrder, type CustomerFacts } from './facts';
import { itemVersions, type ItemVersion } from './history';
import { movementsOf, type Movement } from './movements';
import type { MetricPolicy } from './policy';
import { timelineOf, type Segment } from './segments';
import type { Workings } from './steps';

export interface CustomerMetrics {
  readonly versions: readonly ItemVersion[];
  readonly segments: readonly Segment[];
  readonly movements: readonly Movement[];
  /** When the passing of time alone will move the ledger (a discount or a trial that ends); null if it will not. */
  readonly nextChangeAt: Date | null;
  /** Prices that items name and that the facts lack. */
  readonly missingPrices: readonly string[];
  /** Prices without a known value, counted as 0. */
  readonly unpriced: readonly string[];
}

/** Everything up to and including `asOf`; what is to come is told by `nextChangeAt` only. */
export function customerMetrics(options: {
  facts: CustomerFacts;
  policy: MetricPolicy;
  asOf: Date;
  /** Where the arithmetic is told, for whoever wants to explain it. */
  workings?: Workings;
}): CustomerMetrics {
  const { policy, asOf, workings } = options;
  const facts = datedBy(policy, inOrder(options.facts));
  const versions = itemVersions(facts);
  const { segments, stays, marks, unpriced } = timelineOf(facts, versions, policy, workings);
  const kept = policy.freePlans === 'contraction' ? stays : [];
  const past = until(asOf, segments);
  return {
    versions,
    segments: past,
    movements: movementsOf(past, marks, { ...policy, stays: until(asOf, kept) }),
    nextChangeAt: firstAfter(asOf, [...segments, ...kept]),
    missingPrices: [...new Set(versions.map(({ price }) => price))].filter(
      (id) => !facts.price.some((price) => price.id === id),
    ),
    unpriced,
  };
}

interface Span {
  readonly from: Date;
  readonly to: Date | null;
}

/** What has begun by then; what has not ended by then, lasts. */
export const until = <T extends Span>(asOf: Date, spans: readonly T[]): T[] =>
  spans
    .filter(({ from }) => from <= asOf)
    .map((span) => (span.to && span.to > asOf ? { ...span, to: null } : span));

function firstAfter(asOf: Date, spans: readonly Span[]): Date | null {
  let first: Date | null = null;
  for (const time of spans.flatMap(({ from, to }) => [from, to])) {
    if (time && time > asOf && !(first && first <= time)) first = time;
  }
  return first;
}
