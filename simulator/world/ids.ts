/** Ids with the prefixes and lengths of Stripe’s. */
import type { Random } from './random';

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** Characters after the prefix, as long as Stripe's. */
const LENGTHS = {
  cus: 14,
  prod: 14,
  si: 14,
  price: 24,
  txr: 24,
  di: 24,
  cbtxn: 24,
  pm: 24,
  sub: 24,
  ii: 24,
  in: 24,
  il: 24,
  inpay: 24,
  pi: 24,
  ch: 24,
  txn: 24,
  re: 24,
  du: 24,
  cn: 24,
  cnli: 24,
  mtr: 24,
} as const;

type IdPrefix = keyof typeof LENGTHS;

/** A new id such as `in_1Qc…`; 24-character ids start with a digit as Stripe's do. */
export function newId(random: Random, prefix: IdPrefix): string {
  const length = LENGTHS[prefix];
  if (length < 24) return `${prefix}_${random.text(length, BASE62)}`;
  return `${prefix}_${prefix === 'pi' || prefix === 'ch' ? '3' : '1'}${random.text(length - 1, BASE62)}`;
}

/** An event id whose order is that of the events: 24 characters beginning with the time and the sequence number. */
export function newEventId(
  random: Random,
  { created, sequence }: { created: number; sequence: number },
): string {
  return `evt_1${base62(created, 6)}${base62(sequence, 4)}${random.text(13, BASE62)}`;
}

/** Fixed length; the alphabet is in code-unit order, so that texts sort like the numbers. */
function base62(value: number, length: number): string {
  let text = '';
  for (let left = value; text.length < length; left = Math.floor(left / 62)) {
    text = `${BASE62.charAt(left % 62)}${text}`;
  }
  return text;
}

/** A coupon code of eight characters. */
export function newCouponId(random: Random): string {
  return random.text(8, BASE62);
}

/** What invoice numbers of one customer start with. */
export function newInvoicePrefix(random: Random): string {
  return random.text(8, '0123456789ABCDEF');
}

export function newFingerprint(random: Random): string {
  return random.text(16, BASE62);
}
