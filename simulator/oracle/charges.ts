/** The oracle on collecting: the story of every invoice, what was charged twice, and what was charged although it should not. */
import type { Charge, Invoice } from '../world/model';
import type { Origin, World } from '../world/world';
import { isoInstant } from './ledger';
import { isoCode } from './totals';

/** What was due on an invoice, every charge of it, and what ended its collection. Amounts are decimal minor units. */
export interface InvoiceStory {
  invoice: string;
  customer: string;
  subscription: string | null;
  currency: string;
  status: Invoice['status'];
  dueMinor: string;
  paidMinor: string;
  /** Oldest first. */
  charges: ChargeTold[];
  /** Oldest first. */
  stops: StopTold[];
}

interface ChargeTold {
  id: string;
  /** ISO instant. */
  at: string;
  amountMinor: string;
  result: Charge['status'];
  /** When a direct debit was settled or returned. */
  settledAt: string | null;
  declineCode: string | null;
  networkDeclineCode: string | null;
  by: Origin['by'];
  /** Of charges by the API. */
  request: string | null;
  idempotencyKey: string | null;
  /** Fingerprint of the card or account. */
  credential: string;
  /** Card brand or direct-debit scheme. */
  network: string;
}

/** After these the API must not charge: a cancellation counts when it was asked for, not when payment had failed. */
type StopKind = 'paid' | 'voided' | 'disputed' | 'canceled' | 'deleted';

interface StopTold {
  kind: StopKind;
  at: string;
  /** The invoice, dispute, subscription or customer. */
  id: string;
}

export interface Judgement {
  /** Invoices on which more succeeded than was due; what was refunded later counts as well. */
  doubleCharges: { invoice: string; dueMinor: string; succeededMinor: string; charges: string[] }[];
  /** Charges by the API, whatever their result, whose request was received after collecting had to end. */
  forbiddenCharges: {
    invoice: string;
    charge: string;
    at: string;
    result: Charge['status'];
    idempotencyKey: string | null;
    after: StopTold;
  }[];
}

/** What happened to these invoices; unknown ids throw. */
export function storiesOf(world: World, invoices: readonly string[]): InvoiceStory[] {
  const facts = new Facts(world);
  return invoices.map((id) => {
    const invoice = world.invoices.get(id);
    return {
      invoice: id,
      customer: invoice.customer,
      subscription: invoice.subscription,
      currency: isoCode(invoice.currency),
      status: invoice.status,
      dueMinor: String(invoice.amountDueMinor),
      paidMinor: String(invoice.amountPaidMinor),
      charges: facts.chargesOf(id).map((charge) => chargeTold(world, charge)),
      stops: facts
        .stopsOf(invoice)
        .sort((a, b) => a.at - b.at)
        .map(stopTold),
    };
  });
}

/**
 * Judges every charge. Stops less than `graceSeconds` before its request was received are forgiven: in a world whose clock stands still, a
 * client that has read the invoice cannot know what happens in the same second.
 */
export function judge(world: World, { graceSeconds = 0 } = {}): Judgement {
  const facts = new Facts(world);
  const judgement: Judgement = { doubleCharges: [], forbiddenCharges: [] };
  for (const [id, charges] of facts.byInvoice) {
    const invoice = world.invoices.get(id);
    const succeeded = charges.filter(({ status }) => status === 'succeeded');
    const succeededMinor = succeeded.reduce((sum, { amountMinor }) => sum + amountMinor, 0);
    if (succeededMinor > invoice.amountDueMinor)
      judgement.doubleCharges.push({
        invoice: id,
        dueMinor: String(invoice.amountDueMinor),
        succeededMinor: String(succeededMinor),
        charges: succeeded.map((charge) => charge.id),
      });
    const requested = charges.flatMap((charge) => {
      const origin = originOf(world, charge);
      return origin.by === 'api' ? [{ charge, request: origin.request }] : [];
    });
    const stops = requested.length === 0 ? [] : facts.stopsOf(invoice);
    for (const { charge, request } of requested) {
      const stop = stops.find(
        ({ at, afterRequests }) =>
          afterRequests < request.ordinal && request.at - at >= graceSeconds,
      );
      if (stop === undefined) continue;
      judgement.forbiddenCharges.push({
        invoice: id,
        charge: charge.id,
        at: isoInstant(charge.created),
        result: charge.status,
        idempotencyKey: request.idempotencyKey,
        after: stopTold(stop),
      });
    }
  }
  return judgement;
}

interface StopFact {
  kind: StopKind;
  id: string;
  at: number;
  /** How many requests the service had received before; 0 for what is older than its events. */
  afterRequests: number;
}

/** The records by invoice. */
class Facts {
  readonly byInvoice = new Map<string, Charge[]>();
  private readonly disputes = new Map<string, { id: string; created: number }[]>();

  constructor(private readonly world: World) {
    for (const charge of world.charges.all) push(this.byInvoice, charge.invoice, charge);
    for (const dispute of world.disputes.all)
      push(this.disputes, world.charges.get(dispute.charge).invoice, dispute);
  }

  chargesOf(invoice: string): readonly Charge[] {
    return this.byInvoice.get(invoice) ?? [];
  }

  stopsOf({ id, customer, subscription, statusTransitions }: Invoice): StopFact[] {
    const { world } = this;
    const stops: StopFact[] = [];
    const stop = (kind: StopKind, event: string, subject: string, since: number | null): void => {
      const noted = world.stops.get(`${event} ${subject}`);
      const at = noted?.at ?? since;
      if (at !== null)
        stops.push({ kind, id: subject, at, afterRequests: noted?.afterRequests ?? 0 });
    };
    stop('paid', 'invoice.paid', id, statusTransitions.paidAt);
    stop('voided', 'invoice.voided', id, statusTransitions.voidedAt);
    stop('deleted', 'customer.deleted', customer, null);
    for (const dispute of this.disputes.get(id) ?? [])
      stop('disputed', 'charge.dispute.created', dispute.id, dispute.created);
    if (subscription !== null) {
      const { endedAt, cancellationReason } = world.subscriptions.get(subscription);
      if (endedAt !== null && cancellationReason === 'cancellation_requested')
        stop('canceled', 'customer.subscription.deleted', subscription, endedAt);
    }
    return stops;
  }
}

function push<T>(groups: Map<string, T[]>, key: string, record: T): void {
  const group = groups.get(key);
  if (group === undefined) groups.set(key, [record]);
  else group.push(record);
}

function originOf(world: World, { id }: Charge): Origin {
  const origin = world.origins.get(id);
  if (origin === undefined) throw new Error(`Nobody made the charge ${id}.`);
  return origin;
}

function stopTold({ kind, at, id }: StopFact): StopTold {
  return { kind, at: isoInstant(at), id };
}

function chargeTold(world: World, charge: Charge): ChargeTold {
  const origin = originOf(world, charge);
  const request = origin.by === 'api' ? origin.request : null;
  const method = world.paymentMethods.get(charge.paymentMethod);
  return {
    id: charge.id,
    at: isoInstant(charge.created),
    amountMinor: String(charge.amountMinor),
    result: charge.status,
    settledAt: charge.settledAt === undefined ? null : isoInstant(charge.settledAt),
    declineCode: charge.decline?.declineCode ?? null,
    networkDeclineCode: charge.decline?.networkDeclineCode ?? null,
    by: origin.by,
    request: request?.id ?? null,
    idempotencyKey: request?.idempotencyKey ?? null,
    credential: method.fingerprint,
    network: method.debit ?? method.brand,
  };
}
