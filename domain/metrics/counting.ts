/**
 * When a subscription counts for nothing although it exists: trials, before the first payment, statuses that do not count,
 * paused collection.
 */
import type { Basis, Cause, CustomerFacts, Fact } from './facts';
import { asObject, compareText } from './plain';
import type { MetricPolicy } from './policy';

/** A half-open time without value; `to` null means that it lasts. */
export interface Gap {
  readonly from: Date;
  readonly to: Date | null;
  readonly begins: Cause;
  readonly ends: Cause;
  readonly basis: Basis;
  /** Ids of the records that show it. */
  readonly source: readonly string[];
}

const COUNTING_STATUSES = ['active', 'past_due'];
/** Stripe lets a first payment wait for 23 hours (`incomplete`), then ends the subscription (`incomplete_expired`). */
const FIRST_PAYMENT_LIMIT_MS = 23 * 3_600_000;
/** A renewal while collection is paused is given up at once: within the hour for which invoices stay drafts, and some slack. */
const GIVEN_UP_LIMIT_MS = 24 * 3_600_000;

/** All gaps of a subscription, in no order; they may overlap. */
export function gapsOf(
  subscription: Fact<'subscription'>,
  facts: CustomerFacts,
  policy: MetricPolicy,
): Gap[] {
  const invoices = facts.invoice.filter((invoice) => invoice.subscriptionId === subscription.id);
  const changes = facts.subscription_change
    .filter((change) => change.subscriptionId === subscription.id)
    .sort((a, b) => a.at.getTime() - b.at.getTime() || compareText(a.id, b.id));
  const known = { subscription, invoices, changes, policy };
  const paused =
    policy.pauses === 'zero' ? pauseObservations({ ...known, lines: facts.invoice_line }) : [];
  return [
    ...(policy.trials === 'exclude' ? trialOf(subscription) : []),
    ...gapsBetween(statusObservations(known), 'status_stopped', 'status_resumed'),
    ...gapsBetween(paused, 'collection_paused', 'collection_resumed'),
    ...(policy.pastDue === 'keep' ? [] : arrears(invoices, policy.pastDue.churnAfterDays)),
  ];
}

const DAY_MS = 24 * 3_600_000;

/** What has not been paid for so many days no longer counts, until it is paid or given up. */
function arrears(invoices: readonly Fact<'invoice'>[], days: number): Gap[] {
  return invoices.flatMap((invoice): Gap[] => {
    const { id, status, amountDueMinor, dueAt, finalizedAt, createdAt } = invoice;
    if (status === 'draft' || amountDueMinor <= 0n) return [];
    const from = new Date((dueAt ?? finalizedAt ?? createdAt).getTime() + days * DAY_MS);
    const to = invoice.paidAt ?? invoice.voidedAt ?? invoice.markedUncollectibleAt;
    if (to && to <= from) return [];
    const causes = { begins: 'past_due_too_long', ends: 'past_due_settled' } as const;
    return [{ from, to, ...causes, basis: 'exact', source: [id] }];
  });
}

/** Rather than by its trial, which ended without a means of payment: that one was never paid for. */
const wasPausedByHand = ({ pausedAt, trialEndAt }: Fact<'subscription'>): boolean =>
  trialEndAt === null || (pausedAt !== null && pausedAt > trialEndAt);

function trialOf({ id, startedAt, trialStartAt, trialEndAt }: Fact<'subscription'>): Gap[] {
  if (trialEndAt === null) return [];
  const from = trialStartAt ?? startedAt;
  return [
    {
      from,
      to: trialEndAt,
      begins: 'trial_started',
      ends: 'trial_ended',
      basis: 'exact',
      source: [id],
    },
  ];
}

/** From `at` on the subscription does not count (`off`) or does. */
interface Observation {
  readonly at: Date;
  readonly off: boolean;
  readonly basis: Basis;
  readonly source: string;
}

interface SubscriptionFacts {
  readonly subscription: Fact<'subscription'>;
  readonly invoices: readonly Fact<'invoice'>[];
  readonly changes: readonly Fact<'subscription_change'>[];
}

function statusObservations(options: SubscriptionFacts & { policy: MetricPolicy }): Observation[] {
  const { subscription, invoices, changes, policy } = options;
  // A trial and the end have their own instants on the subscription.
  const isOff = (status: string) =>
    !['trialing', 'canceled', ...COUNTING_STATUSES].includes(status) &&
    !(status === 'paused' && policy.pauses === 'keep' && wasPausedByHand(subscription));
  const observations = firstPayment(subscription, invoices);
  for (const change of changes) {
    const before = asObject(change.before)['status'];
    const after = asObject(change.after)['status'];
    if (typeof after !== 'string') continue;
    if (typeof before === 'string' && isOff(before) && !lastOf(observations)?.off) {
      observations.push(stoppedSince(before, subscription, invoices));
    }
    observations.push({ at: change.at, off: isOff(after), basis: 'exact', source: change.id });
  }
  const { status, seenAt, id } = subscription;
  if (isOff(status) && !lastOf(observations)?.off) {
    observations.push(stoppedSince(status, subscription, invoices));
  } else if (status !== 'canceled' && !isOff(status) && lastOf(observations)?.off) {
    observations.push({ at: seenAt, off: false, basis: 'inferred', source: id });
  }
  return observations;
}

/** A subscription that is charged automatically counts from its first payment on, if that came late. */
function firstPayment(
  subscription: Fact<'subscription'>,
  invoices: readonly Fact<'invoice'>[],
): Observation[] {
  const { startedAt, endedAt } = subscription;
  const first = invoices.find((invoice) => invoice.billingReason === 'subscription_create');
  if (first?.collectionMethod !== 'charge_automatically' || first.amountDueMinor <= 0n) return [];
  const waits = { at: startedAt, off: true, basis: 'exact', source: first.id } as const;
  const limit = startedAt.getTime() + FIRST_PAYMENT_LIMIT_MS;
  const { paidAt } = first;
  if (paidAt) {
    // Paid later than that, it was a payment that takes days, during which the subscription is active.
    if (paidAt <= startedAt || paidAt.getTime() > limit) return [];
    return [waits, { at: paidAt, off: false, basis: 'exact', source: first.id }];
  }
  return endedAt && endedAt.getTime() <= limit ? [waits] : [];
}

/** Since when a status that does not count has lasted, where no change of the feed shows it. */
function stoppedSince(
  status: string,
  subscription: Fact<'subscription'>,
  invoices: readonly Fact<'invoice'>[],
): Observation {
  const { id, startedAt, pausedAt, trialEndAt, seenAt } = subscription;
  if (status.startsWith('incomplete')) {
    return { at: startedAt, off: true, basis: 'exact', source: id };
  }
  if (status === 'paused' && pausedAt) {
    return { at: pausedAt, off: true, basis: 'exact', source: id };
  }
  // Stripe pauses a subscription whose trial ends without a means of payment.
  if (status === 'paused' && trialEndAt) {
    return { at: trialEndAt, off: true, basis: 'inferred', source: id };
  }
  const unpaid = invoices
    .filter(({ status }) => status === 'open' || status === 'uncollectible' || status === 'void')
    .sort(byCreation)[0];
  return {
    at: unpaid?.createdAt ?? seenAt,
    off: true,
    basis: 'inferred',
    source: unpaid?.id ?? id,
  };
}

/**
 * The feed tells of pauses exactly. Older ones show in renewals that were given up at once, without an attempt, and in those
 * that were collected again.
 */
function pauseObservations(
  options: SubscriptionFacts & { lines: readonly Fact<'invoice_line'>[] },
): Observation[] {
  const { subscription, invoices, changes, lines } = options;
  const observations: Observation[] = [];
  const renewals = invoices
    .filter((invoice) => invoice.billingReason === 'subscription_cycle')
    .sort(byCreation);
  if (renewals.some(isGivenUp)) {
    const starts = new Map<string, Date>();
    for (const { invoiceId, kind, periodStart } of lines) {
      const known = starts.get(invoiceId);
      if (kind === 'recurring' && !(known && known >= periodStart)) {
        starts.set(invoiceId, periodStart);
      }
    }
    for (const renewal of renewals) {
      observations.push({
        at: starts.get(renewal.id) ?? renewal.createdAt,
        off: isGivenUp(renewal),
        basis: 'inferred',
        source: renewal.id,
      });
    }
  }
  for (const change of changes) {
    const after = asObject(change.after);
    if (!('pauseBehavior' in after)) continue;
    const off = after['pauseBehavior'] !== null;
    observations.push({ at: change.at, off, basis: 'exact', source: change.id });
  }
  observations.sort(
    (a, b) =>
      a.at.getTime() - b.at.getTime() ||
      Number(a.basis === 'exact') - Number(b.basis === 'exact') ||
      compareText(a.source, b.source),
  );
  const { id, pauseBehavior, seenAt, endedAt } = subscription;
  const off = pauseBehavior !== null;
  if (endedAt === null && off !== (lastOf(observations)?.off ?? false)) {
    // Nothing shows when it was paused or resumed: it is dated when it was first seen.
    observations.push({ at: seenAt, off, basis: 'inferred', source: id });
  }
  return observations;
}

function isGivenUp(invoice: Fact<'invoice'>): boolean {
  if (invoice.attemptCount > 0) return false;
  const { status, createdAt, seenAt } = invoice;
  if (status === 'draft') return seenAt.getTime() - createdAt.getTime() > GIVEN_UP_LIMIT_MS;
  const at = invoice.voidedAt ?? invoice.markedUncollectibleAt;
  return at !== null && at.getTime() - createdAt.getTime() <= GIVEN_UP_LIMIT_MS;
}

/** Turns observations, in order of time, into the gaps between them. */
function gapsBetween(observations: readonly Observation[], begins: Cause, ends: Cause): Gap[] {
  const gaps: Gap[] = [];
  let open: Observation | null = null;
  const close = (start: Observation, end: Observation | null) => {
    const exactly = start.basis === 'exact' && (end === null || end.basis === 'exact');
    gaps.push({
      from: start.at,
      to: end?.at ?? null,
      begins,
      ends,
      basis: exactly ? 'exact' : 'inferred',
      source: [start.source, ...(end ? [end.source] : [])],
    });
  };
  for (const observation of observations) {
    if (observation.off) {
      open ??= observation;
    } else if (open) {
      close(open, observation);
      open = null;
    }
  }
  if (open) close(open, null);
  return gaps.filter((gap) => gap.to === null || gap.from < gap.to);
}

const lastOf = <T>(list: readonly T[]): T | undefined => list.at(-1);

const byCreation = (a: Fact<'invoice'>, b: Fact<'invoice'>): number =>
  a.createdAt.getTime() - b.createdAt.getTime() || compareText(a.id, b.id);
