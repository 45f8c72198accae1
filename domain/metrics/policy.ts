/**
 * What counts as recurring revenue, as a document. Vendors disagree about every field (docs/metrics.md has the definitions), so
 * each account chooses, and its choices are kept as versions. Fixed by the engine, because nobody disagrees: one-time items are 0,
 * a month is a month and a year is twelve, a discount lowers a value down to 0 and not below.
 */
import { z } from 'zod';
import { isoExponent } from '../currency';
import { RecoupError } from '../errors';
import { wrongFields } from '../wrong-fields';

const MAX_DAYS = 3_650;
const MAX_INVOICES = 120;

export const oneOf = <const T extends readonly string[]>(...values: T) =>
  z.enum(values, `expected one of ${values.map((value) => `"${value}"`).join(', ')}`);

const PERIODS_EXPECTED = 'expected a decimal or a fraction above 0 as a string, such as "365/12"';
const factor = z
  .string(PERIODS_EXPECTED)
  .max(40, PERIODS_EXPECTED)
  .regex(/^0*[1-9]\d*(\/0*[1-9]\d*)?$|^(?=.*[1-9])\d+\.\d+$/, PERIODS_EXPECTED);

export const whole = (min: number, max: number) => {
  const expected = `expected a whole number from ${String(min)} to ${String(max)}`;
  return z.int(expected).min(min, expected).max(max, expected);
};

/** One of some words, or an object with one number. */
const wordOrCount = <W extends string, F extends string>(options: {
  words: readonly [W, ...W[]];
  field: F;
  count: z.ZodType<number>;
}) => {
  const { words, field, count } = options;
  const shape = { [field]: count } as { [K in F]: z.ZodType<number> };
  const said = words.map((word) => `"${word}"`).join(', ');
  return z.union(
    [z.enum(words), z.strictObject(shape)],
    `expected ${said} or {"${field}": whole number}`,
  );
};

export const currencyCode = z
  .string('expected an ISO 4217 code such as "EUR"')
  .refine((code) => isoExponent(code) !== null, 'expected an ISO 4217 code such as "EUR"');

export const policySchema = z.strictObject(
  {
    /** How many days one month holds. */
    dayFactor: factor.default('365/12'),
    /** How many weeks one month holds. */
    weekFactor: factor.default('52/12'),
    /** Which discounts are deducted; `recurring` are all that last longer than one invoice. */
    discounts: oneOf('none', 'recurring', 'all').default('recurring'),
    /** Whether a trial counts as if it were paid. */
    trials: oneOf('exclude', 'count').default('exclude'),
    /** How long what is not paid goes on counting. */
    pastDue: wordOrCount({
      words: ['keep'],
      field: 'churnAfterDays',
      count: whole(0, MAX_DAYS),
    }).default('keep'),
    /** What a subscription counts for while its collection is paused. */
    pauses: oneOf('zero', 'keep').default('zero'),
    /** What it is called when a customer stops paying and stays on a plan that costs nothing. */
    freePlans: oneOf('churn', 'contraction').default('churn'),
    /** What usage counts for: nothing, what was billed last, or the average of what was billed last. */
    metered: wordOrCount({
      words: ['exclude', 'last_invoice'],
      field: 'averageOfInvoices',
      count: whole(1, MAX_INVOICES),
    }).default('exclude'),
    /** Who returns sooner than after so many days of 24 hours never left: contraction and expansion. 0: any return is a reactivation. */
    reactivationGapDays: whole(0, MAX_DAYS).default(0),
    /** When churn is dated: at the end, when it was cancelled, or when what was paid for was used up. */
    churnDate: oneOf('ended', 'canceled', 'paid_period_end').default('ended'),
    /** Whether tax that is billed on top counts. */
    tax: oneOf('exclude', 'include').default('exclude'),
    /** The currency into which everything is converted as well; null for none. */
    reportingCurrency: currencyCode.nullable().default(null),
    /** At which rate: of the day, the average of the calendar month's days, or that of the day on which it was booked. */
    fx: oneOf('daily', 'month_average', 'booking_rate').default('daily'),
  },
  { error: (issue) => (issue.code === 'invalid_type' ? 'expected an object' : undefined) },
);

export type MetricPolicy = z.output<typeof policySchema>;

export const DEFAULT_POLICY: MetricPolicy = policySchema.parse({});

/** Fields that are left out have their defaults. Errors: `invalid_input`, naming each wrong field and what was expected. */
export function readPolicy(document: unknown): MetricPolicy {
  const parsed = policySchema.safeParse(document);
  if (parsed.success) return parsed.data;
  throw new RecoupError('invalid_input', `The policy is wrong: ${wrongFields(parsed.error)}.`);
}

/** Raised whenever the same facts under the same policy may give other figures. */
export const ENGINE_VERSION = 3;
