/** Policies as people read them: field by field. */
import { DEFAULT_POLICY, type MetricPolicy } from './policy';

export type PolicyField = keyof MetricPolicy;

/** In the order of the document. */
export const POLICY_FIELDS = Object.keys(DEFAULT_POLICY) as readonly PolicyField[];

/** A field's value in words: `keep`, `365/12`, `churnAfterDays=30`, `none`. */
export function fieldText(policy: MetricPolicy, field: PolicyField): string {
  const value: unknown = policy[field];
  if (value === null) return 'none';
  if (typeof value !== 'object') return String(value);
  return Object.entries(value)
    .map(([name, count]) => `${name}=${String(count)}`)
    .join(' ');
}

export interface PolicyChange {
  readonly field: PolicyField;
  readonly from: string;
  readonly to: string;
}

/** Fields in which two policies differ. */
export const policyChanges = (from: MetricPolicy, to: MetricPolicy): PolicyChange[] =>
  POLICY_FIELDS.map((field) => ({
    field,
    from: fieldText(from, field),
    to: fieldText(to, field),
  })).filter((change) => change.from !== change.to);
