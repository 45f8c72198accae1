/**
 * What every billing service looks like to the rest of Recoup. A provider fetches pages and turns objects into canonical
 * records; it never touches a store. All failures leave it as `RecoupError`.
 */
import type { RecoupError } from '../domain/errors';
import type { MetricPolicy } from '../domain/metrics/policy';
import type { Figure, FigureKind, MrrFigure } from '../domain/reconcile/figures';
import type { CanonicalRecord } from '../domain/records';
import type { Decline, DeclineCodes } from '../domain/recovery/decline';
import type { InvoiceSighting, PaymentAnswer, PaymentFinding } from '../domain/recovery/payment';

export type * from '../domain/recovery/payment';

/** A list that a sync walks. */
export interface Resource {
  /** Stable name, used in plans, rows, progress and the CLI, for example `invoice`. */
  readonly name: string;
  /**
   * Whether disjoint `created` windows of the list may be walked side by side. Where false, the one task of the resource ignores
   * splitting and its cursor is all there is.
   */
  readonly splittable: boolean;
  /** Whether an object that is read by its id brings others along, which change with it unsaid: a list alone does not show those. */
  readonly hasCompanions?: boolean;
}

/** How to reach one billing account. Lives in memory only. */
export interface Connection {
  /** The provider's id of the account, for example `acct_…`. */
  readonly externalId: string;
  readonly secret: string;
  /** Base URL instead of the provider's own; null for the default. */
  readonly apiBase: string | null;
}

/** What the provider says about itself and the account before anything is stored. */
export interface Probe {
  readonly externalId: string;
  readonly displayName: string | null;
  /** The provider's clock at the start of the request. */
  readonly providerTime: Date;
  /** When the account was made, where the provider tells: nothing in it is thought to be older. A hint, not a limit. */
  readonly createdAt?: Date;
}

/** A half-open interval of creation times; `from` null means since ever. */
export interface Window {
  readonly from: Date | null;
  readonly to: Date;
}

export interface PageRequest {
  readonly resource: string;
  readonly window: Window;
  /** Opaque position from the previous page's `nextCursor`; null at the start. */
  readonly cursor: string | null;
  /** `oldestCreatedAt` of the previous page: where to go on when the object behind the cursor is gone. */
  readonly lastSeen: Date | null;
  readonly signal: AbortSignal;
  /**
   * Makes each request after the first, where an answer takes several: tried again by itself, so that a page of hundreds need not
   * begin anew, or not at all any more. Left out: once.
   */
  readonly makeMore?: <T>(request: () => Promise<T>) => Promise<T>;
}

/** One object as the provider gave it, complete: embedded lists that came truncated have been read to their end. */
export interface RawObject {
  /** The resource that it is an object of, whichever list it was met in: together with the id, what a hint names. */
  readonly resource: string;
  /** The provider's type name, for example `invoice`. */
  readonly type: string;
  readonly id: string;
  readonly createdAt: Date | null;
  readonly value: Readonly<Record<string, unknown>>;
}

export interface Page {
  /** Newest first. */
  readonly objects: readonly RawObject[];
  /** Null when the window is exhausted. */
  readonly nextCursor: string | null;
  /** Creation time of the oldest object on the page; null for an empty page. */
  readonly oldestCreatedAt: Date | null;
  /** The provider's clock at the start of the request that read the page: the version of its objects. */
  readonly readAt: Date;
  /** Requests that it took, follow-ups for truncated embedded lists included. */
  readonly requests: number;
}

export interface ObjectRequest {
  /** The list that objects of this kind are of, though it may not show this one. */
  readonly resource: string;
  readonly id: string;
  readonly signal: AbortSignal;
  /** As in `PageRequest`. */
  readonly makeMore?: <T>(request: () => Promise<T>) => Promise<T>;
}

export interface FetchedObject {
  readonly object: RawObject;
  /** Objects of other lists that may have changed with it, though the provider tells of them in no other way. */
  readonly companions: readonly RawObject[];
  /** Those of them that could not be read: by resource, permission_missing or request_refused. */
  readonly refused: readonly { readonly resource: string; readonly error: RecoupError }[];
  /** The provider's clock at the start of the first request: the version of all of them. */
  readonly readAt: Date;
}

/** Names an object that must be read (again) by its id. */
export interface Hint {
  readonly resource: string;
  readonly id: string;
  /** The provider's time of the change; null for an object that is only to be read when it never was. */
  readonly changedAt: Date | null;
}

/** Canonical records of one raw object. */
export interface Normalised {
  readonly records: readonly CanonicalRecord[];
  /** Records seen only in passing inside another object (an inline price): kept only where none is known yet. */
  readonly mentions: readonly CanonicalRecord[];
  /** Customers whose recurring revenue this object may change. */
  readonly customerIds: readonly string[];
  /** Other objects that this one tells to read again: the change feed says which changed, a row names what no list holds. */
  readonly hints: readonly Hint[];
  /** Enum values and the like that this edition does not know, as `field=value`; counted, never fatal. */
  readonly unknowns: readonly string[];
}

/** A connection to one account; close it when done. An aborted signal rejects with its own reason, the one non-RecoupError. */
export interface ProviderClient {
  /** Errors: credentials_rejected, not_the_provider, provider_unavailable, rate_limited. */
  probe(signal: AbortSignal): Promise<Probe>;
  /**
   * Errors: those of probe, permission_missing, request_refused; credentials_rejected also for a key of another account than
   * `Connection.externalId`; invalid_input for a resource or cursor that is not the provider's.
   */
  fetchPage(request: PageRequest): Promise<Page>;
  /** One object by its id; null when the provider does not have it, or no longer. Errors: those of fetchPage. */
  fetchObject(request: ObjectRequest): Promise<FetchedObject | null>;
  /** Absent where the provider's payments cannot be tried again. */
  readonly payments?: Payments;
  /** Its own figures, for whoever compares. Absent where the provider gives none. Errors: those of probe. */
  openFigures?(signal: AbortSignal): Promise<Figures>;
  close(): void;
}

export interface FiguresRequest {
  readonly kind: FigureKind;
  readonly window: Window;
  /** As in `PageRequest`. */
  readonly cursor: string | null;
  readonly signal: AbortSignal;
}

export interface FiguresPage {
  readonly figures: readonly Figure[];
  /** Objects whose figures cannot be read, with why: no customer data in it. */
  readonly unreadable: readonly { readonly id: string; readonly reason: string }[];
  readonly nextCursor: string | null;
}

/** What the provider itself says of the account, as independent of what was synced as it can be asked for. */
export interface Figures {
  /** Where they are from, as in "compared with …". */
  readonly source: string;
  /** Errors: those of fetchPage. */
  readPage(request: FiguresRequest): Promise<FiguresPage>;
  /** Null where the provider says nothing about recurring revenue: then the subscriptions that it lists do. */
  readonly mrr: StatedMrr | null;
}

/** Errors: those of fetchPage. */
export interface StatedMrr {
  /** What counts in it. */
  readonly policy: MetricPolicy;
  /** Just before an instant. */
  readAt(instant: Date, signal: AbortSignal): Promise<readonly MrrFigure[]>;
  /** Customers whose history the provider does not give whole, with why. */
  readUntraced(
    signal: AbortSignal,
  ): Promise<readonly { readonly customer: string; readonly reason: string }[]>;
}

export interface PaymentRequest {
  readonly invoiceId: string;
  readonly credentialId: string;
  readonly idempotencyKey: string;
  /** Not begun later than this, by this machine's clock: whoever is woken too late answers `not_sent`. */
  readonly sendBefore: Date;
  /** Including its answer; real time. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

export interface PaymentSearch {
  readonly invoiceId: string;
  readonly idempotencyKey: string;
  /** By the provider's clock, just before the payment was intended. */
  readonly intendedAt: Date;
  /** `InvoiceSighting.latestChargeId` of then. */
  readonly chargeBefore: string | null;
  readonly signal: AbortSignal;
}

/** Payments of one account. All but `pay` only read. Errors, where it does not answer them: those of `fetchPage`. */
export interface Payments {
  /** Null when the provider does not have the invoice, or no longer. */
  readInvoice(request: {
    readonly invoiceId: string;
    readonly signal: AbortSignal;
  }): Promise<InvoiceSighting | null>;
  /** All charges of the customer since then, whoever made them, as a page to be stored. */
  readCharges(request: {
    readonly customerId: string;
    readonly since: Date;
    readonly signal: AbortSignal;
  }): Promise<Pick<Page, 'objects' | 'readAt' | 'requests'>>;
  /** One request, never repeated in here. Never throws but for an aborted signal before anything was sent. */
  pay(request: PaymentRequest): Promise<PaymentAnswer>;
  /** Looks for one attempt of ours by its key. */
  find(search: PaymentSearch): Promise<PaymentFinding>;
  /**
   * Who made a charge that is not ours: the provider's own retry, or somebody else (the customer by link, a person); somebody else
   * also where nothing tells any more. Null while nothing tells yet, which is minutes at most.
   */
  findPayer(request: {
    readonly chargeId: string;
    readonly signal: AbortSignal;
  }): Promise<'provider' | 'elsewhere' | null>;
}

/** The list of what changed, newest first, by the time of the change. Its objects are kept raw only where they give records. */
export interface ChangeFeed {
  /** The resource by which its pages are fetched: not one of `Provider.resources`. */
  readonly resource: string;
  /** How far back it reaches. */
  readonly horizonMs: number;
  /** The resources whose changes it tells, deletions included. */
  readonly resources: readonly string[];
}

/** A limit of requests that the provider sets. */
export interface RateScope {
  /** One of its kind within an account, for example `all`. */
  readonly name: string;
  readonly kind: 'account' | 'endpoint';
  /** What the provider has published. */
  readonly perSecond: number;
}

/** Whoever makes a request asks here first. The limits are shared by all processes. */
export interface Pace {
  /**
   * Resolves when a request that counts towards all these scopes may be sent. Errors: rate_limited, when the provider has asked
   * for a longer pause than is waited for here; database_unavailable. An aborted signal rejects with its reason.
   */
  take(scopes: readonly RateScope[], signal: AbortSignal): Promise<void>;
  /**
   * The provider said that these limits were exceeded; `retryAfterMs` is what it asked for, null where it did not. Errors:
   * database_unavailable.
   */
  exceeded(scopes: readonly RateScope[], retryAfterMs: number | null): Promise<void>;
}

export interface ConnectOptions {
  /** Without one, requests are sent at once. */
  readonly pace?: Pace;
}

/** One delivery of a webhook as it came. */
export interface WebhookDelivery {
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** The raw body: signatures are over bytes. */
  readonly body: Buffer;
  /** The account that the endpoint is for. */
  readonly externalId: string;
  /** Signing secrets of the endpoint: several while one is being replaced. */
  readonly secrets: readonly string[];
  readonly now: Date;
}

export type WebhookReading =
  | {
      readonly ok: true;
      readonly eventId: string;
      readonly eventType: string;
      readonly hints: readonly Hint[];
    }
  /** Refused: the reason is safe to answer and to log. */
  | { readonly ok: false; readonly reason: string };

export interface Provider {
  readonly name: string;
  /** In the order of a full walk. */
  readonly resources: readonly Resource[];
  /** Null where a provider has none: then every sync is a full walk. */
  readonly feed: ChangeFeed | null;
  connect(connection: Connection, options?: ConnectOptions): ProviderClient;
  /** Whether its clients have payments: failed ones are recovered where they do. */
  readonly hasPayments: boolean;
  /** Verifies and reads a webhook; null where the provider sends none. */
  readonly readWebhook: ((delivery: WebhookDelivery) => WebhookReading) | null;
  /** What the codes of a failed attempt come to, in the provider's own vocabularies and the networks'. Never throws. */
  readonly readDecline: (codes: DeclineCodes) => Decline;
  /** Raised with every change of what `normalise` makes of an object: rows of before can be made anew from what is stored. */
  readonly normaliserVersion: number;
  /** The resource whose objects are of this type; null for a type that it does not know. */
  readonly resourceOf: (type: string) => string | null;
  /**
   * From nothing but what is stored of an object, so that it can be done again. Throws `NotNormalisable` for one that lacks what its
   * kind needs; the caller keeps it raw and names it.
   */
  normalise(object: Pick<RawObject, 'type' | 'id' | 'value'>): Normalised;
}

/** An object lacks what its kind needs. The message names the field and what was expected, and holds no customer data. */
export class NotNormalisable extends Error {
  constructor(
    message: string,
    /** What it tells to read again all the same. */
    readonly hints: readonly Hint[] = [],
  ) {
    super(message);
    this.name = 'NotNormalisable';
  }
}
