import { isDeepStrictEqual } from 'node:util';

import type Stripe from 'stripe';

import type { EventObject, RecordOf, WorldEvent } from '../../world/model';
import { EVENT_HORIZON } from '../../world/world';
import type { ObjectType, RenderContext, WireObject } from '../object-type';
import type { Wire } from '../wire';
import { charge } from './charge';
import { coupon } from './coupon';
import { creditNote } from './credit-note';
import { customer } from './customer';
import { discount } from './discount';
import { dispute } from './dispute';
import { invoice } from './invoice';
import { invoiceItem } from './invoice-item';
import { invoicePayment } from './invoice-payment';
import { paymentIntent } from './payment-intent';
import { paymentMethod } from './payment-method';
import { price } from './price';
import { product } from './product';
import { refund } from './refund';
import { subscription } from './subscription';

/** The version that stripe 23.1.0 pins, which every object here is rendered at. */
export const API_VERSION = '2026-10-28.endive';

export const event: ObjectType<WorldEvent> = {
  noun: 'event',
  permission: 'event',
  find: (id, world) => world.events.find(id),
  servedForSeconds: EVENT_HORIZON,
  render: renderEvent,
  expandable: {},
};

const typeByKind: { [K in EventObject['kind']]: ObjectType<RecordOf<K>> } = {
  charge,
  coupon,
  creditNote,
  customer,
  discount,
  dispute,
  invoice,
  invoiceItem,
  invoicePayment,
  paymentIntent,
  paymentMethod,
  price,
  product,
  refund,
  subscription,
};

function renderEvent(record: WorldEvent, context: RenderContext) {
  const { kind } = record.object;
  const object = renderAs(kind, record.object.record, context);
  const previous = record.previous && renderAs(kind, record.previous, context);
  return {
    id: record.id,
    object: 'event',
    api_version: API_VERSION,
    created: record.created,
    data: {
      object,
      ...(previous !== null && { previous_attributes: changedFrom(previous, object) }),
    },
    livemode: false,
    pending_webhooks: 0,
    request: {
      id: record.request?.id ?? null,
      idempotency_key: record.request?.idempotencyKey ?? null,
    },
    type: record.type,
  } satisfies Wire<Omit<Stripe.Event, 'data' | 'type'>> & { data: object; type: string };
}

function renderAs(
  kind: EventObject['kind'],
  record: EventObject['record'],
  context: RenderContext,
): WireObject {
  // An event's record is of its kind, which the compiler cannot follow through the table.
  const { render } = typeByKind[kind] as ObjectType<EventObject['record']>;
  return render(record, context);
}

/** The earlier values of the fields that differ, as in `previous_attributes`; hashes are compared within. */
function changedFrom(before: object, after: object): Record<string, unknown> {
  const later: Record<string, unknown> = { ...after };
  const changed: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(before) as [string, unknown][]) {
    const now = later[name];
    if (isDeepStrictEqual(value, now)) continue;
    changed[name] = isHash(value) && isHash(now) ? changedFrom(value, now) : value;
  }
  return changed;
}

function isHash(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
