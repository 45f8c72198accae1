/** Events: every change of a record is told, with the record before and after. */
import { newEventId } from './ids';
import type { EventObject, RecordOf } from './model';
import type { Random } from './random';
import type { World } from './world';

/** Events after which an invoice is not to be collected any more. */
const STOPS: ReadonlySet<string> = new Set([
  'charge.dispute.created',
  'customer.deleted',
  'customer.subscription.deleted',
  'invoice.paid',
  'invoice.voided',
]);

/** Writes an event with a copy of the record as it is now, where the world keeps events; older ones than the provider keeps are not made. */
export function emit<K extends EventObject['kind']>(
  world: World,
  { at, type, kind, record }: { at: number; type: string; kind: K; record: RecordOf<K> },
  previous: RecordOf<K> | null = null,
): void {
  if (at < world.eventsFrom) return;
  if (STOPS.has(type) && !world.stops.has(`${type} ${record.id}`))
    world.stops.set(`${type} ${record.id}`, { at, afterRequests: world.requestsReceived });
  if (!world.settings.events) return;
  const request = world.request ?? world.page;
  const event = world.events.add({
    id: newEventId(idsFor(world, record), { created: at, sequence: world.events.size }),
    created: at,
    type,
    // The pair of kind and record is what the type parameter says; TypeScript cannot follow it through the union.
    object: { kind, record: copyOf(record) } as EventObject,
    previous,
    request: request && { id: request.id, idempotencyKey: request.idempotencyKey },
  });
  world.onEvent?.(event);
}

/** Changes a record and writes the event that tells of it, with the record as it was before. */
export function amend<K extends EventObject['kind']>(
  world: World,
  about: { at: number; type: string; kind: K; record: RecordOf<K> },
  change: () => void,
): void {
  const isTold = world.settings.events && about.at >= world.eventsFrom;
  const previous = isTold ? copyOf(about.record) : null;
  change();
  emit(world, about, previous);
}

/** Records are plain data; structuredClone is several times slower, and was most of a world's making. */
function copyOf<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(copyOf) as T;
  const copy = { ...value };
  for (const key in copy) copy[key] = copyOf(copy[key]);
  return copy;
}

/** Event ids come from the stream of the customer concerned, so that one customer never shifts another's ids. */
function idsFor(world: World, record: EventObject['record']): Random {
  const customer =
    'customer' in record
      ? record.customer
      : 'charge' in record
        ? world.charges.get(record.charge).customer
        : 'invoice' in record
          ? world.invoices.get(record.invoice).customer
          : record.id;
  return world.agendas.get(customer)?.ids ?? world.ids;
}
