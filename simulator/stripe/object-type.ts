/** What the dialect knows of each kind of object: where its records are, its wire form, what expands in it. */
import type { World } from '../world/world';
import type { Permission } from './keys';

/** What rendering needs besides the record. */
export interface RenderContext {
  world: World;
  account: AccountFacts;
  /** Elements served inside an object (subscription items, invoice lines) before `has_more`. */
  embeddedPageSize: number;
}

export interface AccountFacts {
  id: string;
  name: string;
  country: string;
  created: number;
}

export interface WireObject {
  id: string;
  object: string;
}

/**
 * What `expand` may do at one field. A `reference` holds ids that become objects; an `embedded` object or
 * `embeddedList` is always there and can be expanded within; an `included` field is absent until asked for: a list, or
 * plain data when `to` is null.
 */
export type Expandable =
  | { kind: 'reference' | 'embedded' | 'embeddedList'; to: Noun }
  | { kind: 'included'; to: Noun | null; load: (id: string, context: RenderContext) => unknown };

/** Stripe's `object` values, which its messages use as well. */
export type Noun =
  | 'charge'
  | 'coupon'
  | 'credit_note'
  | 'credit_note_line_item'
  | 'customer'
  | 'discount'
  | 'dispute'
  | 'event'
  | 'invoice'
  | 'invoice_payment'
  | 'invoiceitem'
  | 'line_item'
  | 'payment_intent'
  | 'payment_method'
  | 'price'
  | 'product'
  | 'refund'
  | 'subscription'
  | 'subscription_item';

/** One kind of object: how it is found, rendered at the newest API version, expanded, and guarded. */
export interface ObjectType<R> {
  noun: Noun;
  permission: Permission;
  /** Absent where objects are served inside others only. */
  find?: (id: string, world: World) => R | undefined;
  /** How long after its creation it is served; for ever when absent. */
  servedForSeconds?: number;
  /** Nothing expanded; a new object each time, which the caller may change. */
  render: (record: R, context: RenderContext) => WireObject;
  /** By dotted path within the object. */
  expandable: Readonly<Record<string, Expandable>>;
}

export function reference(to: Noun): Expandable {
  return { kind: 'reference', to };
}

export function embedded(to: Noun): Expandable {
  return { kind: 'embedded', to };
}

export function embeddedListOf(to: Noun): Expandable {
  return { kind: 'embeddedList', to };
}
