/** All metrics of one customer, from its facts: the one entrance to this room. */
import { inOrder, type CustomerFacts } from './facts';
import { itemVersions, type ItemVersion } from './history';
import { movementsOf, type Movement } from './movements';
import type { MetricPolicy } from './policy';
import { timelineOf, type Segment } from './segments';

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
}): CustomerMetrics {
  const { policy, asOf } = options;
  const facts = inOrder(options.facts);
  const versions = itemVersions(facts);
  const { segments, marks, unpriced } = timelineOf(facts, versions, policy);
  const times = segments.flatMap(({ from, to }) => (to ? [from, to] : [from]));
  const future = times.filter((time) => time > asOf).sort((a, b) => a.getTime() - b.getTime());
  const past = segments
    .filter(({ from }) => from <= asOf)
    .map((segment) => (segment.to && segment.to > asOf ? { ...segment, to: null } : segment));
  return {
    versions,
    segments: past,
    movements: movementsOf(past, marks),
    nextChangeAt: future[0] ?? null,
    missingPrices: [...new Set(versions.map(({ price }) => price))].filter(
      (id) => !facts.price.some((price) => price.id === id),
    ),
    unpriced,
  };
}
