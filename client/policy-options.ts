/** A metrics policy on the command line: each field of the document as an option. */
import { readFileSync } from 'node:fs';
import { POLICY_FIELDS, type PolicyField } from '../domain/metrics/policy-changes';
import { wrongUse } from './errors';

/** What each field is about, and how it is written. */
const FIELDS: Readonly<Record<PolicyField, readonly [value: string, about: string]>> = {
  dayFactor: ['<days>', 'days of a month, such as 365/12 or 30'],
  weekFactor: ['<weeks>', 'weeks of a month, such as 52/12 or 4.33'],
  discounts: ['<which>', 'deducted discounts: none, recurring, all'],
  trials: ['<how>', 'trials: exclude, count'],
  pastDue: ['<how>', 'what is not paid: keep, churnAfterDays=30'],
  pauses: ['<how>', 'paused collection: zero, keep'],
  freePlans: ['<how>', 'who moves to a free plan: churn, contraction'],
  metered: ['<how>', 'usage: exclude, last_invoice, averageOfInvoices=3'],
  reactivationGapDays: ['<days>', 'who is back sooner never left'],
  churnDate: ['<when>', 'churn is dated: ended, canceled, paid_period_end'],
  tax: ['<how>', 'tax on top: exclude, include'],
  reportingCurrency: ['<code>', 'everything in this currency too, such as EUR; none'],
  fx: ['<how>', 'rates: daily, month_average, booking_rate'],
};

export const POLICY_OPTIONS = POLICY_FIELDS.map((field) => {
  const [value, about] = FIELDS[field];
  return { field, flags: `--${kebab(field)} ${value}`, about };
});

function kebab(field: string): string {
  return field.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** Fields as they were typed, as parts of a document: whether they are right is for `readPolicy` to say. */
export const typedFields = (options: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(
    POLICY_FIELDS.flatMap((field) => {
      const text = options[field];
      return typeof text === 'string' ? [[field, typedValue(field, text)]] : [];
    }),
  );

function typedValue(field: PolicyField, text: string): unknown {
  const [, name, count] = /^(\w+)=(\d+)$/.exec(text) ?? [];
  if (name !== undefined) return { [name]: Number(count) };
  if (field === 'reportingCurrency') return text === 'none' ? null : text;
  if (field === 'reactivationGapDays' && /^\d+$/.test(text)) return Number(text);
  return text;
}

/** Errors: exit code 2 for a file that cannot be read or holds no JSON object. */
export function readJsonFile(path: string): Record<string, unknown> {
  let document: unknown;
  try {
    document = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw wrongUse(`${path} cannot be read as JSON: ${why}`, 'Give a file with one object.', cause);
  }
  if (typeof document === 'object' && document !== null && !Array.isArray(document)) {
    return document as Record<string, unknown>;
  }
  throw wrongUse(`${path} holds no JSON object`, 'Give a file with one object.');
}
