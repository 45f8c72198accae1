/** The file that `recoup metrics compute` reads: what outside programs write, checked field by field. */
import { DateTime, IANAZone } from 'luxon';
import { z } from 'zod';
import { exact } from './exact';
import { PERIODS } from './periods';
import { currencyCode, oneOf, policySchema, whole } from './policy';

const MAX_ITEMS = 1_000_000;
const MAX_INTERVAL_COUNT = 1_000;
const MAX_PERCENT = 100;

const DECIMAL = /^\d{1,40}(\.\d{1,40})?$/;
const decimalExpected = 'expected a decimal string such as "1999" or "0.5"';
/** A JSON number would have been a floating-point number on its way here. */
const decimal = z.string(decimalExpected).regex(DECIMAL, decimalExpected);

/** Percentages, rates and whole amounts may be JSON numbers too: each is taken as the decimal that it is written as. */
const decimalOrNumber = (expected: string) =>
  z
    .union([z.string(), z.number()], expected)
    .transform((value) => String(value))
    .refine((value) => DECIMAL.test(value), expected);

const id = z.string('expected a text').min(1, 'expected a text that is not empty');

const INSTANT_EXPECTED =
  'expected an instant such as "2026-03-01T00:00:00Z", or a date, which is the midnight that begins it in the time zone';
const instant = z.union([z.iso.datetime({ offset: true }), z.iso.date()], INSTANT_EXPECTED);

const TIME_ZONE_EXPECTED = 'expected an IANA time zone such as "Europe/Berlin"';
const timeZone = z
  .string(TIME_ZONE_EXPECTED)
  .refine((name) => IANAZone.isValidZone(name), TIME_ZONE_EXPECTED);

const PERCENT_EXPECTED = 'expected a percentage from 0 to 100, such as "12.5"';
const AMOUNT_EXPECTED = 'expected minor units as a decimal string such as "500"';
const ONE_KIND_EXPECTED = 'expected either "percentOff" or "amountOffMinor"';

const discount = z
  .strictObject(
    {
      percentOff: decimalOrNumber(PERCENT_EXPECTED)
        .refine((percent) => Number(percent) <= MAX_PERCENT, PERCENT_EXPECTED)
        .nullable()
        .default(null),
      /** Per billing period. */
      amountOffMinor: decimalOrNumber(AMOUNT_EXPECTED).nullable().default(null),
      duration: oneOf('once', 'repeating', 'forever').default('forever'),
      from: instant.nullable().default(null),
      to: instant.nullable().default(null),
    },
    'expected an object',
  )
  .refine(
    ({ percentOff, amountOffMinor }) => (percentOff === null) !== (amountOffMinor === null),
    ONE_KIND_EXPECTED,
  );

const item = z.strictObject(
  {
    customer: id,
    subscription: id,
    item: id,
    currency: currencyCode,
    /** Of one unit, for one billing period. */
    unitAmountMinor: decimal,
    interval: oneOf('day', 'week', 'month', 'year'),
    intervalCount: whole(1, MAX_INTERVAL_COUNT).default(1),
    quantity: decimal.default('1'),
    discounts: z.array(discount, 'expected a list of discounts').default([]),
    kind: oneOf('licensed', 'metered', 'trial', 'free').default('licensed'),
    from: instant,
    to: instant.nullable().default(null),
  },
  'expected an object',
);

const RATE_EXPECTED = 'expected a decimal above 0 as a string, such as "1.0842"';
export const rateSchema = z.strictObject(
  {
    currency: currencyCode,
    date: z.iso.date('expected a date such as "2026-03-29"'),
    /** What one unit of the currency is worth in the reporting currency. */
    rate: decimalOrNumber(RATE_EXPECTED).refine((value) => /[1-9]/.test(value), RATE_EXPECTED),
  },
  'expected an object',
);

export const inputSchema = z
  .strictObject(
    {
      policy: policySchema.omit({ reportingCurrency: true }).prefault({}),
      /** What has not happened by then has not happened. */
      now: instant,
      timeZone: timeZone.default('UTC'),
      reportingCurrency: currencyCode.nullable().default(null),
      items: z
        .array(item, 'expected a list of items')
        .max(MAX_ITEMS, `expected at most ${String(MAX_ITEMS)} items`),
      fx: z.array(rateSchema, 'expected a list of rates').default([]),
      period: oneOf(...PERIODS).default('month'),
    },
    'expected an object with "now" and "items"',
  )
  .superRefine(({ items, fx, timeZone: zone }, context) => {
    const wrong = (path: (string | number)[], message: string) =>
      context.addIssue({ code: 'custom', path, message });
    const isBackwards = ({ from, to }: { from: string | null; to: string | null }) =>
      from && to && instantOf(to, zone) < instantOf(from, zone);
    for (const [index, each] of items.entries()) {
      if (isBackwards(each)) wrong(['items', index, 'to'], 'expected no time before "from"');
      for (const [position, given] of each.discounts.entries()) {
        const path = ['items', index, 'discounts', position, 'to'];
        if (isBackwards(given)) wrong(path, 'expected no time before "from"');
      }
    }
    const known = new Map<string, string>();
    for (const [index, { currency, date, rate: given }] of fx.entries()) {
      const key = `${currency} ${date}`;
      const before = known.get(key) ?? given;
      known.set(key, before);
      if (!exact(before).equals(exact(given))) {
        wrong(['fx', index, 'rate'], `expected ${before}, as another rate of ${key} has it`);
      }
    }
  });

export type ComputeInput = z.output<typeof inputSchema>;
export type InputItem = ComputeInput['items'][number];

/** A date alone is the midnight that begins it. */
export const instantOf = (text: string, zone: string): Date =>
  DateTime.fromISO(text, { zone }).toJSDate();
