/** Types and lists as they are on the wire. */
import type Stripe from 'stripe';

/**
 * The JSON form of an SDK type: a `Stripe.Decimal` is a string on the wire. Renderers say
 * `satisfies Wire<Stripe.Invoice>`, so that a field of an older API version does not compile.
 */
export type Wire<T> = T extends string
  ? T
  : T extends Stripe.Decimal
    ? string
    : T extends (infer E)[]
      ? Wire<E>[]
      : T extends object
        ? { [K in keyof T]: Wire<T[K]> }
        : T;

interface WireList<T> {
  object: 'list';
  data: T[];
  has_more: boolean;
  url: string;
}

/** The first `pageSize` elements of a list embedded in an object; the rest is at `url`. */
export function embeddedList<T>(
  elements: readonly T[],
  url: string,
  pageSize: number,
): WireList<T> {
  return {
    object: 'list',
    data: elements.slice(0, pageSize),
    has_more: elements.length > pageSize,
    url,
  };
}
