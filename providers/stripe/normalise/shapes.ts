/**
 * What Stripe's fields look like on the wire and what they become. A shape names only what its record needs: everything else,
 * fields of later versions included, stays in the raw object.
 */
import { z } from 'zod';
import { NotNormalisable } from '../../provider';
import { stripeCurrency } from '../currencies';

/** 0001-01-01 and the end of 9999: ISO text writes years beyond in a form that Postgres refuses, and with them a whole page. */
const MIN_SECONDS = -62_135_596_800;
const MAX_SECONDS = 253_402_300_799;

export const instant = z
  .int()
  .min(MIN_SECONDS)
  .max(MAX_SECONDS)
  .transform((seconds) => new Date(seconds * 1000));

/** Minor units. JSON numbers beyond 2^53 have lost digits on the way, and are refused. */
export const minor = z.int().transform((value) => BigInt(value));

/** An exact decimal, as Stripe writes it: at most twelve places. */
export const decimalText = z.string().regex(/^-?\d+(\.\d{1,12})?$/, 'expected a decimal');

/** A number that Stripe sends as JSON number though it is a decimal, such as a percentage. */
export const decimalNumber = z.number().transform(String).pipe(decimalText);

/** ISO code and decimals of the amounts beside it, from Stripe's lower-case code. */
export const currency = z.string().transform((code, context) => {
  const known = stripeCurrency(code);
  if (known !== null) return known;
  context.addIssue({ code: 'custom', message: 'expected the code of a currency' });
  return z.NEVER;
});

/** An object elsewhere: its id, or itself when it was expanded. */
export const reference = z
  .union([z.string(), z.object({ id: z.string() })])
  .transform((value) => (typeof value === 'string' ? value : value.id));

/** Null where the field is null or absent. */
export function orNull<T extends z.ZodType>(shape: T) {
  return shape.nullable().default(null);
}

/** An embedded list. A cut one is refused: its missing members would be taken for removed ones. */
export function completeList<T extends z.ZodType>(member: T) {
  return z
    .object({ data: z.array(member), has_more: z.literal(false, 'expected the whole list') })
    .transform((list) => list.data);
}

/** Amounts of taxes or discounts, by the sum. */
export const amounts = orNull(z.array(z.object({ amount: minor }))).transform((list) =>
  (list ?? []).reduce((sum, { amount }) => sum + amount, 0n),
);

/** What is added to an amount as tax: inclusive tax is part of the amount. What the list says nothing of is on top, as Stripe's default is. */
export const taxOnTop = orNull(
  z.array(z.object({ amount: minor, tax_behavior: orNull(z.string()) })),
).transform((list) =>
  (list ?? []).reduce(
    (sum, { amount, tax_behavior: behaviour }) => (behaviour === 'inclusive' ? sum : sum + amount),
    0n,
  ),
);

/** Throws NotNormalisable, naming the field. `noun` is the type of the object. */
export function parse<T extends z.ZodType>(noun: string, shape: T, value: unknown): z.infer<T> {
  const result = shape.safeParse(value);
  if (result.success) return result.data;
  throw new NotNormalisable(`${noun}${describe(result.error.issues)}`);
}

/** Path and expectation of the first issue; zod's messages name types and never values. */
function describe(issues: readonly z.core.$ZodIssue[]): string {
  const [issue] = issues;
  if (issue === undefined) return ': not as expected';
  const path = issue.path.map((step) => `.${String(step)}`).join('');
  if (issue.code === 'invalid_union') return path + describe(issue.errors.at(-1) ?? []);
  return `${path}: ${issue.message.replace(/^Invalid (input|\w+): /, '')}`;
}

/** `field=value` for a word that this edition does not know. */
export function unknownOf(
  field: string,
  value: string | null,
  known: readonly string[],
): readonly string[] {
  if (value === null || known.includes(value)) return [];
  // Words only: whatever else stands there could be anything.
  return [`${field}=${/^[\w.-]{1,64}$/.test(value) ? value : '(not a word)'}`];
}
