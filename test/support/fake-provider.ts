/**
 * A billing service in memory behind the Provider interface: lists newest first, with windows and cursors, a clock that the test
 * moves, and a script of what goes wrong.
 */
import type { CanonicalRecord } from '../../domain/records';
import {
  NotNormalisable,
  type FetchedObject,
  type Normalised,
  type ObjectRequest,
  type Page,
  type PageRequest,
  type Provider,
  type ProviderClient,
  type RawObject,
} from '../../providers/provider';
import { readStripeDecline } from '../../providers/stripe/declines';

const DAY_MS = 86_400_000;

const FAKE_RESOURCES = ['customer', 'subscription', 'invoice', 'dispute'] as const;
const FEED = { resource: 'change', horizonMs: 30 * DAY_MS, resources: FAKE_RESOURCES };
/** Prices are in no list here: they are had by id alone. */
type FakeResource = (typeof FAKE_RESOURCES)[number] | 'price';
type FakeObject = { type: FakeResource; id: string; createdAt: Date; [field: string]: unknown };

export class FakeService {
  readonly objects = new Map<string, RawObject>();
  readonly requests: PageRequest[] = [];
  readonly fetches: ObjectRequest[] = [];
  now = new Date('2026-03-01T00:00:00Z');
  createdAt: Date | undefined;
  pageSize = 10;
  /** Requests that every page takes beyond its first; and how many of them were made. */
  morePerPage = 0;
  moreRequests = 0;
  beforeMore: (number: number) => void | Promise<void> = () => undefined;
  /** Pages show what there was when they were asked for, not when they are answered. */
  answersAsAsked = false;
  /** Called for every page request with its number from 1, before it is answered: throw, wait or change something. */
  beforeAnswer: (request: PageRequest, number: number) => void | Promise<void> = () => undefined;
  /** The same for every object that is fetched by id. */
  beforeObject: (request: ObjectRequest, number: number) => void | Promise<void> = () => undefined;
  /** The same for every probe. */
  beforeProbe: () => void | Promise<void> = () => undefined;
  open = 0;

  put(object: FakeObject): void {
    const { type, id, createdAt } = object;
    this.objects.set(`${type} ${id}`, {
      resource: type,
      type,
      id,
      createdAt,
      value: { ...object },
    });
  }

  remove(type: FakeResource, id: string): void {
    this.objects.delete(`${type} ${id}`);
  }

  /** Tells in the feed, as of now, that an object has changed; the change itself is the test's. */
  tell(resource: FakeResource, id: string, at = this.now): void {
    const event = `evt_${String(this.objects.size).padStart(6, '0')}_${id}`;
    const value = { id: event, resource, of: id, at: at.toISOString() };
    this.objects.set(`change ${event}`, {
      resource: 'event',
      type: 'change',
      id: event,
      createdAt: at,
      value,
    });
  }

  /** Changes or makes an object, and tells of it. */
  change(object: FakeObject): void {
    this.put(object);
    this.tell(object.type, object.id);
  }

  readonly provider: Provider = {
    name: 'fake',
    resources: FAKE_RESOURCES.map((name) => ({ name, splittable: true })),
    feed: FEED,
    connect: (connection) => this.connect(connection.externalId),
    hasPayments: false,
    readWebhook: null,
    readDecline: readStripeDecline,
    normaliserVersion: 1,
    resourceOf: (type) => (type === 'change' ? 'event' : type),
    normalise,
  };

  private connect(externalId: string): ProviderClient {
    this.open += 1;
    return {
      probe: async () => {
        await this.beforeProbe();
        return {
          externalId,
          displayName: 'Fake account',
          providerTime: this.now,
          ...(this.createdAt && { createdAt: this.createdAt }),
        };
      },
      fetchPage: (request) => this.fetchPage(request),
      fetchObject: (request) => this.fetchObject(request),
      close: () => {
        this.open -= 1;
      },
    };
  }

  private async fetchObject(request: ObjectRequest): Promise<FetchedObject | null> {
    this.fetches.push(request);
    const readAt = this.now;
    await this.beforeObject(request, this.fetches.length);
    request.signal.throwIfAborted();
    const object = this.objects.get(`${request.resource} ${request.id}`);
    return object ? { object, readAt, companions: [], refused: [] } : null;
  }

  private async fetchPage(request: PageRequest): Promise<Page> {
    this.requests.push(request);
    const readAt = this.now;
    const asked = this.page(request);
    await this.beforeAnswer(request, this.requests.length);
    request.signal.throwIfAborted();
    for (let more = 0; more < this.morePerPage; more += 1) {
      const make = async (): Promise<void> => {
        request.signal.throwIfAborted();
        this.moreRequests += 1;
        await this.beforeMore(this.moreRequests);
      };
      await (request.makeMore?.(make) ?? make());
    }
    return { ...(this.answersAsAsked ? asked : this.page(request)), readAt };
  }

  private page(request: PageRequest): Omit<Page, 'readAt'> {
    const { from, to } = request.window;
    const listed = [...this.objects.values()]
      .filter(({ type }) => type === request.resource)
      .filter(({ createdAt: at }) => at !== null && (from === null || at >= from) && at < to)
      .sort((a, b) => Number(b.createdAt) - Number(a.createdAt) || (a.id < b.id ? 1 : -1));
    const start =
      request.cursor === null ? 0 : listed.findIndex((o) => o.id === request.cursor) + 1;
    const objects = listed.slice(start, start + this.pageSize);
    const last = objects.at(-1);
    return {
      objects,
      nextCursor: last && start + objects.length < listed.length ? last.id : null,
      oldestCreatedAt: last?.createdAt ?? null,
      requests: 1 + this.morePerPage,
    };
  }
}

const NOTHING: Normalised = { records: [], mentions: [], customerIds: [], hints: [], unknowns: [] };

function normalise({ type, id, value }: Pick<RawObject, 'type' | 'id' | 'value'>): Normalised {
  const field = <T>(name: string) => value[name] as T;
  const at = new Date(field<string | Date | undefined>('createdAt') ?? 0);
  const customerId = field<string | undefined>('customerId') ?? null;
  if (type === 'change') {
    const changedAt = new Date(field<string>('at'));
    const hint = { resource: field<string>('resource'), id: field<string>('of'), changedAt };
    return { ...NOTHING, hints: [hint] };
  }
  if (value['broken']) throw new NotNormalisable(`${type}.currency: expected a text`);
  const records: Record<FakeResource, () => CanonicalRecord[]> = {
    customer: () => [
      {
        kind: 'customer',
        id,
        fields: {
          name: field<string>('name'),
          email: null,
          currency: 'eur',
          country: null,
          createdAt: at,
        },
      },
    ],
    subscription: () => [
      {
        kind: 'subscription',
        id,
        fields: {
          customerId,
          status: field<string>('status'),
          currency: 'eur',
          createdAt: at,
          startedAt: at,
          trialStartAt: null,
          trialEndAt: null,
          cancelAtPeriodEnd: false,
          cancelAt: null,
          canceledAt: null,
          endedAt: null,
          endReason: null,
          anchorAt: null,
          pauseBehavior: null,
          pausedAt: null,
          collectionMethod: null,
        },
      },
      ...field<string[]>('items').map((item): CanonicalRecord => ({
        kind: 'subscription_item',
        id: item,
        fields: {
          subscriptionId: id,
          customerId,
          priceId: field<string | undefined>('priceId') ?? 'price_1',
          quantity: '1',
          createdAt: at,
          periodStart: null,
          periodEnd: null,
          discountIds: [],
        },
      })),
    ],
    invoice: () => [
      {
        kind: 'invoice',
        id,
        fields: {
          customerId,
          subscriptionId: null,
          number: null,
          status: 'paid',
          billingReason: null,
          collectionMethod: null,
          currency: 'eur',
          exponent: 2,
          subtotalMinor: 0n,
          discountMinor: 0n,
          taxMinor: 0n,
          totalMinor: BigInt(field<number>('total')),
          amountDueMinor: 0n,
          amountPaidMinor: 0n,
          amountRemainingMinor: 0n,
          attemptCount: 1,
          nextPaymentAttemptAt: null,
          createdAt: at,
          finalizedAt: null,
          dueAt: null,
          paidAt: null,
          voidedAt: null,
          markedUncollectibleAt: null,
        },
      },
    ],
    price: () => [
      {
        kind: 'price',
        id,
        fields: {
          productId: null,
          active: false,
          currency: 'eur',
          exponent: 2,
          scheme: 'per_unit',
          unitAmount: field<string>('unitAmount'),
          tiers: null,
          transformQuantity: null,
          interval: 'month',
          intervalCount: 1,
          usage: 'licensed',
          createdAt: at,
        },
      },
    ],
    dispute: () => [
      {
        kind: 'dispute',
        id,
        fields: {
          attemptId: null,
          paymentId: null,
          status: 'lost',
          reason: null,
          currency: 'eur',
          exponent: 2,
          amountMinor: 100n,
          createdAt: at,
        },
      },
    ],
  };
  const price = field<string | undefined>('price');
  return {
    records: records[type as FakeResource](),
    mentions:
      price === undefined
        ? []
        : [
            {
              kind: 'product',
              id: price,
              fields: { name: 'seen in passing', active: true, createdAt: at },
            },
          ],
    customerIds: type === 'customer' ? [id] : customerId === null ? [] : [customerId],
    hints:
      type === 'subscription' && field<string | undefined>('priceId')
        ? [{ resource: 'price', id: field<string>('priceId'), changedAt: null }]
        : [],
    unknowns: field<string[] | undefined>('unknowns') ?? [],
  };
}
