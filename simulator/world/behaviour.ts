/** What customers and the merchant decide: drawn from each customer's own stream, then done through the actions. */
import type { Agenda, BehaviourTask, SubscriptionAct, SubscriptionWish, Task } from './agenda';
import { DAY, HOUR, monthsIn, periodAt } from './calendar';
import { DAILY, MONTHLY, QUARTERLY, WEEKLY, YEARLY, addPrice } from './catalog';
import { attachCard } from './customers';
import { creditLine } from './credit-notes';
import { openDispute } from './disputes';
import { drawCard } from './cards';
import { markUncollectible, voidInvoice } from './invoices';
import { invoiceByHand } from './manual-invoices';
import type { Charge, Coupon, Customer, Interval, Invoice, Price, Subscription } from './model';
import { isProcessing, payInvoice } from './payments';
import type { Random } from './random';
import { refundCharge } from './refunds';
import { carryOutOnPage } from './requests';
import { applyCoupon, removeDiscount } from './discounts';
import { pauseCollection, resumeCollection } from './pauses';
import { isEnded, isMetered, periodOf } from './subscription-parts';
import {
  addItem,
  cancelNow,
  changeItem,
  removeItem,
  setCancelAtPeriodEnd,
  subscribe,
  switchInterval,
  type ChangeOptions,
  type Terms,
} from './subscriptions';
import { EVENT_HORIZON, agendaOf, type World } from './world';

/** Chance per month of each decision about a subscription that runs. */
const HAZARDS: [SubscriptionAct, number][] = [
  ['upgrade', 0.02],
  ['downgrade', 0.012],
  ['changeQuantity', 0.04],
  ['switchToYearly', 0.006],
  ['addItem', 0.012],
  ['removeItem', 0.01],
  ['applyCoupon', 0.006],
  ['cancelNow', 0.009],
  ['cancelAtPeriodEnd', 0.014],
];
/** Chance per month that collection is paused from the next renewal on. */
const PAUSE_HAZARD = 0.004;
/** The same two decisions at an instant that only the event feed shows, while it still reaches there; rare before. */
const UNTRACED_HAZARDS: [SubscriptionAct, { recent: number; old: number }][] = [
  ['pause', { recent: 0.006, old: 0.0002 }],
  ['removeCoupon', { recent: 0.03, old: 0.001 }],
];
/** Changes keep this distance from a period's ends, so that none falls on a boundary or into a draft. */
const MARGIN = { start: 2 * HOUR, end: HOUR } as const;

const INTERVALS: [Interval, number][] = [
  [MONTHLY, 66],
  [YEARLY, 17],
  [QUARTERLY, 9],
  [WEEKLY, 4],
  [{ unit: 'week', count: 2 }, 1],
  [{ unit: 'day', count: 30 }, 1.5],
  [DAILY, 0.8],
];

/** Does what was decided, where it still makes sense. */
export function act(
  world: World,
  customer: string,
  { at, task }: { at: number; task: BehaviourTask },
): void {
  const who = world.customers.get(customer);
  switch (task.kind) {
    case 'subscribe':
      return signUp(world, who, task.wish, at);
    case 'manualInvoice':
      return sellOnce(world, who, at);
    case 'replaceCard':
      attachCard(world, who, {
        at,
        ...drawCard(agendaOf(world, customer).choices, { country: who.country, at }),
      });
      return;
    case 'payOpenInvoice': {
      const invoice = world.invoices.get(task.invoice);
      if (invoice.status === 'open')
        carryOutOnPage(world, { invoice: invoice.id, at }, () =>
          payInvoice(world, { invoice: invoice.id, at }),
        );
      return;
    }
    case 'giveUpInvoice':
      return giveUp(world, world.invoices.get(task.invoice), at);
    case 'refund':
      return refundSome(world, world.charges.get(task.charge), at);
    case 'dispute': {
      const charge = world.charges.get(task.charge);
      if (!charge.disputed && charge.amountRefundedMinor < charge.amountMinor)
        openDispute(world, charge, at);
      return;
    }
    case 'creditNote':
      return creditSome(world, world.invoices.get(task.invoice), at);
    default:
      return actOn(world, world.subscriptions.get(task.subscription), { at, kind: task.kind });
  }
}

/** What a lively customer makes of something that has just happened. */
export function react(
  world: World,
  customer: string,
  { at, task }: { at: number; task: Task },
): void {
  const agenda = agendaOf(world, customer);
  switch (task.kind) {
    case 'renew': {
      const subscription = world.subscriptions.get(task.subscription);
      if (subscription.endedAt === at) maybeReturn(agenda, at);
      else if (!isEnded(subscription) && periodOf(subscription).start === at)
        planPeriod(world, subscription);
      return;
    }
    case 'cancelNow':
      return maybeReturn(agenda, at);
    case 'finalize':
    case 'attempt':
      return afterAttempt(world, world.invoices.get(task.invoice), at);
    case 'expireIncomplete':
      if (
        world.subscriptions.get(task.subscription).status === 'incomplete_expired' &&
        agenda.choices.chance(0.3)
      ) {
        agenda.plan(at + 2 * DAY, { kind: 'replaceCard' });
        agenda.plan(at + 2 * DAY + HOUR, { kind: 'subscribe', wish: {} });
      }
      return;
    default:
  }
}

function signUp(world: World, customer: Customer, wish: SubscriptionWish, at: number): void {
  const agenda = agendaOf(world, customer.id);
  const { choices } = agenda;
  const items = drawItems(world, customer, { at, wish });
  const coupons = wish.coupons ?? drawCoupons(world, customer, choices);
  const trialDays =
    wish.trialDays ?? (agenda.autonomous && choices.chance(0.15) ? choices.pick([7, 14, 30]) : 0);
  const subscription = subscribe(world, {
    at,
    customer,
    items,
    coupons: coupons.map((id) => world.coupons.get(id)),
    trialDays,
  });
  for (const { at: when, kind } of wish.acts ?? [])
    agenda.plan(when, { kind, subscription: subscription.id });
  if (!agenda.autonomous) return;
  planPeriod(world, subscription);
  if (
    subscription.status === 'incomplete' &&
    subscription.latestInvoice !== null &&
    choices.chance(0.5)
  ) {
    const later = at + choices.integer(10, 20 * 60) * 60;
    agenda.plan(later, { kind: 'replaceCard' });
    agenda.plan(later, { kind: 'payOpenInvoice', invoice: subscription.latestInvoice });
  }
}

/** Draws what may happen within the period that has just begun. */
function planPeriod(world: World, subscription: Subscription): void {
  const agenda = agendaOf(world, subscription.customer);
  const { choices } = agenda;
  const { start, end } = periodOf(subscription);
  const months = Math.min(monthsIn(subscription.interval), (end - start) / (30 * DAY));
  const within = (): number => choices.integer(start + MARGIN.start, end - MARGIN.end);
  const maybe = (kind: SubscriptionAct, perMonth: number, when: number): void => {
    if (choices.chance(Math.min(0.6, perMonth * months))) {
      agenda.plan(when, { kind, subscription: subscription.id });
    }
  };
  for (const [kind, perMonth] of HAZARDS) maybe(kind, perMonth, within());
  for (const [kind, { recent, old }] of UNTRACED_HAZARDS) {
    const when = within();
    maybe(kind, isInFirstFeed(world, when) ? recent : old, when);
  }
  maybe('pause', PAUSE_HAZARD, end);
  if (choices.chance(0.012 * months)) agenda.plan(within(), { kind: 'manualInvoice' });
  if (choices.chance(0.008 * months)) agenda.plan(within(), { kind: 'replaceCard' });
}

function actOn(
  world: World,
  subscription: Subscription,
  { at, kind }: { at: number; kind: SubscriptionAct },
): void {
  const agenda = agendaOf(world, subscription.customer);
  const { choices } = agenda;
  if (isEnded(subscription) || subscription.status === 'incomplete') return;
  const runs = subscription.status === 'active' || subscription.status === 'past_due';
  const paused = subscription.pauseCollection !== null;
  const mayChange = runs && !paused && !subscription.cancelAtPeriodEnd;
  switch (kind) {
    case 'cancelNow':
      return cancelNow(world, subscription, at);
    case 'cancelAtPeriodEnd': {
      if (subscription.cancelAtPeriodEnd) return;
      setCancelAtPeriodEnd(world, subscription, { at, cancel: true });
      if (agenda.autonomous && choices.chance(0.15)) {
        const { end } = periodOf(subscription);
        agenda.plan(choices.integer(at, end - 1), {
          kind: 'keepAfterAll',
          subscription: subscription.id,
        });
      }
      return;
    }
    case 'keepAfterAll':
      if (subscription.cancelAtPeriodEnd)
        setCancelAtPeriodEnd(world, subscription, { at, cancel: false });
      return;
    case 'resumeNow':
      return resumeCollection(world, subscription, at);
    case 'removeCoupon': {
      const forever = subscription.discounts
        .map((id) => world.discounts.get(id))
        .find(({ coupon }) => world.coupons.get(coupon).duration === 'forever');
      // Before an invoice has shown it, taking it away would leave no trace that it ever was.
      const { latestInvoice } = subscription;
      const shown = latestInvoice === null ? [] : world.invoices.get(latestInvoice).discounts;
      if (runs && forever !== undefined && shown.includes(forever.id)) {
        removeDiscount(world, forever, at);
      }
      return;
    }
    default:
      if (mayChange) change(world, subscription, { at, kind });
  }
}

function change(
  world: World,
  subscription: Subscription,
  {
    at,
    kind,
  }: {
    at: number;
    kind: Exclude<
      SubscriptionAct,
      'cancelNow' | 'cancelAtPeriodEnd' | 'keepAfterAll' | 'resumeNow' | 'removeCoupon'
    >;
  },
): void {
  const { choices } = agendaOf(world, subscription.customer);
  const options: ChangeOptions = {
    at,
    proration: choices.chance(0.4) ? 'always_invoice' : 'create_prorations',
  };
  const licensed = subscription.items.filter((item) => !isMetered(world.prices.get(item.price)));
  const item = choices.pick(licensed);
  const price = world.prices.get(item.price);
  const quantity = item.quantity ?? 1;
  switch (kind) {
    case 'upgrade':
    case 'downgrade': {
      const others = offers(world, subscription, at).filter((other) => !isMetered(other));
      if (others.length === 0) return;
      const other = choices.pick(others);
      // Seats carry over; what is sold by the hundred is counted anew.
      const terms = [price, other].some(isSoldInBulk)
        ? termsOf(other, choices)
        : {
            price: other,
            quantity:
              kind === 'upgrade'
                ? quantity + choices.integer(0, 2)
                : Math.max(1, Math.ceil(quantity / 2)),
          };
      return changeItem(world, { subscription, item, terms }, options);
    }
    case 'changeQuantity': {
      const next = choices.chance(0.65)
        ? quantity + choices.integer(1, 4)
        : Math.max(1, quantity - choices.integer(1, 3));
      if (next !== quantity)
        changeItem(world, { subscription, item, terms: { price, quantity: next } }, options);
      return;
    }
    case 'addItem': {
      const others = offers(world, subscription, at);
      if (subscription.items.length >= 3 || others.length === 0) return;
      addItem(world, { subscription, terms: termsOf(choices.pick(others), choices) }, options);
      return;
    }
    case 'removeItem': {
      const gone = choices.pick(subscription.items);
      if (licensed.length > 1) removeItem(world, { subscription, item: gone }, options);
      return;
    }
    case 'switchToYearly': {
      if (licensed.length < subscription.items.length || subscription.interval.unit !== 'month')
        return;
      const terms = subscription.items.flatMap((each): Terms[] => {
        const { product } = world.prices.get(each.price);
        const yearly = world.prices.all.find(
          (other) =>
            other.product === product &&
            other.currency === subscription.currency &&
            isOffered(other, at) &&
            other.recurring?.interval.unit === 'year',
        );
        return yearly === undefined ? [] : [{ price: yearly, quantity: each.quantity }];
      });
      if (terms.length === subscription.items.length)
        switchInterval(world, { subscription, terms }, at);
      return;
    }
    case 'applyCoupon': {
      const { end } = periodOf(subscription);
      const coupon = choices.pick(
        redeemable(world, subscription.currency).filter(
          // One that would run out before the next invoice would leave no trace.
          ({ duration, durationInMonths }) =>
            duration !== 'repeating' || at + (durationInMonths ?? 0) * 28 * DAY > end,
        ),
      );
      if (subscription.discounts.length === 0) applyCoupon(world, subscription, coupon, at);
      return;
    }
    case 'pause':
      return pause(world, subscription, at);
  }
}

/** Whether the event feed of the generated world shows an instant, with days to spare for reading it. */
function isInFirstFeed({ eventsFrom }: World, at: number): boolean {
  return at > eventsFrom + 3 * DAY && at < eventsFrom + EVENT_HORIZON;
}

/** Pauses until a later boundary, until somebody resumes it, or for good. */
function pause(world: World, subscription: Subscription, at: number): void {
  const agenda = agendaOf(world, subscription.customer);
  const { choices } = agenda;
  let resumesAt = periodOf(subscription).end;
  if (resumesAt === at) resumesAt = nextBoundary(subscription, at);
  for (let more = choices.integer(0, 2); more > 0; more -= 1)
    resumesAt = nextBoundary(subscription, resumesAt);
  const announced = choices.chance(0.6);
  pauseCollection(world, subscription, { at, resumesAt: announced ? resumesAt : null });
  if (announced) return;
  const when =
    isInFirstFeed(world, at) && choices.chance(0.5) ? at + choices.integer(1, 10) * DAY : resumesAt;
  if (choices.chance(0.7)) agenda.plan(when, { kind: 'resumeNow', subscription: subscription.id });
}

function nextBoundary({ billingCycleAnchor, interval }: Subscription, at: number): number {
  return periodAt(billingCycleAnchor, interval, at).end;
}

/** What a customer could still add to or move to within a subscription: same currency and interval, another product. */
export function offers(world: World, subscription: Subscription, at: number): Price[] {
  const products = subscription.items.map((item) => world.prices.get(item.price).product);
  return offered(world, subscription.currency, { at, interval: subscription.interval }).filter(
    ({ product }) => !products.includes(product),
  );
}

function offered(
  world: World,
  currency: Price['currency'],
  { at, interval }: { at: number; interval: Interval },
): Price[] {
  return world.prices.all.filter(
    (price) =>
      price.currency === currency &&
      isOffered(price, at) &&
      price.recurring?.interval.unit === interval.unit &&
      price.recurring.interval.count === interval.count,
  );
}

function isOffered({ archivedAt, inline }: Price, at: number): boolean {
  return !inline && (archivedAt === null || at < archivedAt);
}

function drawItems(
  world: World,
  customer: Customer,
  { at, wish }: { at: number; wish: SubscriptionWish },
): Terms[] {
  const { choices, ids } = agendaOf(world, customer.id);
  const interval = wish.interval ?? choices.weighted(INTERVALS);
  const choice = offered(world, customer.currency, { at, interval });
  const licensed = choice.filter(
    (price) => !isMetered(price) && !(wish.paying === true && price.unitAmountDecimal === '0'),
  );
  const first = choices.pick(
    licensed.filter(({ scheme }) => wish.scheme === undefined || scheme === wish.scheme),
  );
  const prices = [first];
  const wanted =
    wish.items ??
    choices.weighted([
      [1, 70],
      [2, 22],
      [3, 8],
    ]);
  for (const price of shuffled(licensed, choices)) {
    if (prices.length < wanted && !prices.some(({ product }) => product === price.product))
      prices.push(price);
  }
  const metered = choice.find(isMetered);
  if (metered !== undefined && (wish.metered ?? choices.chance(0.08))) prices.push(metered);
  const terms = prices.map((price) => termsOf(price, choices));
  const [main] = terms;
  if (main !== undefined && (wish.inline ?? choices.chance(0.02))) {
    // A price agreed with this customer alone.
    const agreed = {
      ...main.price,
      created: at,
      inline: true,
      archivedAt: null,
      nickname: null,
      scheme: 'per_unit' as const,
      tiers: [],
    };
    const unitAmountDecimal = String(choices.integer(8, 40) * 110);
    main.price = addPrice(world, { ...agreed, unitAmountDecimal }, ids);
  }
  return terms;
}

/** Prices of a fraction of a minor unit. */
function isSoldInBulk({ unitAmountDecimal }: Price): boolean {
  return unitAmountDecimal?.includes('.') === true;
}

function termsOf(price: Price, choices: Random): Terms {
  if (isMetered(price)) return { price, quantity: null };
  if (isSoldInBulk(price)) return { price, quantity: choices.integer(4, 60) * 25 };
  if (price.scheme !== 'per_unit') return { price, quantity: choices.integer(2, 60) };
  return {
    price,
    quantity: choices.weighted([
      [1, 60],
      [choices.integer(2, 9), 30],
      [choices.integer(10, 40), 10],
    ]),
  };
}

/** Mostly none; one, or a percentage and then an amount. */
function drawCoupons(world: World, customer: Customer, choices: Random): string[] {
  if (!agendaOf(world, customer.id).autonomous) return [];
  const coupons = redeemable(world, customer.currency);
  const percent = coupons.filter(({ percentOffBp }) => percentOffBp !== null);
  const amount = coupons.filter(({ amountOffMinor }) => amountOffMinor !== null);
  const count = choices.weighted([
    [0, 75],
    [1, 21],
    [2, 4],
  ]);
  if (count === 0) return [];
  if (count === 1) return [choices.pick(coupons).id];
  return [choices.pick(percent).id, choices.pick(amount).id];
}

function redeemable(world: World, currency: Price['currency']): Coupon[] {
  return world.coupons.all.filter(
    (coupon) =>
      coupon.valid && !world.deleted.has(coupon.id) && (coupon.currency ?? currency) === currency,
  );
}

function sellOnce(world: World, customer: Customer, at: number): void {
  const agenda = agendaOf(world, customer.id);
  const { choices } = agenda;
  const prices = world.prices.all.filter(
    (price) =>
      price.recurring === null && price.currency === customer.currency && isOffered(price, at),
  );
  const lines = shuffled(prices, choices)
    .slice(0, choices.integer(1, 2))
    .map((price) => ({ price, quantity: choices.integer(1, 2) }));
  const collectionMethod = choices.chance(0.5) ? 'charge_automatically' : 'send_invoice';
  const invoice = invoiceByHand(world, { at, customer, lines, collectionMethod });
  if (collectionMethod === 'charge_automatically') return;
  if (choices.chance(0.15)) agenda.plan(at + 2 * DAY, { kind: 'creditNote', invoice: invoice.id });
  if (choices.chance(0.85)) {
    agenda.plan(at + choices.integer(3, 40) * DAY, { kind: 'payOpenInvoice', invoice: invoice.id });
  } else if (choices.chance(0.7)) {
    agenda.plan(at + choices.integer(45, 90) * DAY, { kind: 'giveUpInvoice', invoice: invoice.id });
  }
}

function giveUp(world: World, invoice: Invoice, at: number): void {
  if (invoice.status !== 'open' || isProcessing(world, invoice)) return;
  if (agendaOf(world, invoice.customer).choices.chance(0.5)) voidInvoice(world, invoice, at);
  else markUncollectible(world, invoice, at);
}

function afterAttempt(world: World, invoice: Invoice, at: number): void {
  const agenda = agendaOf(world, invoice.customer);
  const { choices } = agenda;
  const later = (days: number): number => at + choices.integer(1, days * 24) * HOUR;
  if (invoice.status === 'paid' && invoice.paymentIntent !== null) {
    const charge = world.paymentIntents.get(invoice.paymentIntent).latestCharge;
    if (charge === null) return;
    if (choices.chance(0.012)) agenda.plan(later(20), { kind: 'refund', charge });
    if (choices.chance(0.004)) agenda.plan(later(60), { kind: 'dispute', charge });
    if (choices.chance(0.008)) agenda.plan(later(20), { kind: 'creditNote', invoice: invoice.id });
    return;
  }
  if (invoice.status === 'open' && invoice.attemptCount === 1 && choices.chance(0.35)) {
    agenda.plan(later(12), { kind: 'replaceCard' });
    if (choices.chance(0.3))
      agenda.plan(later(13), { kind: 'payOpenInvoice', invoice: invoice.id });
  }
  if (
    invoice.subscription !== null &&
    world.subscriptions.get(invoice.subscription).endedAt === at
  ) {
    maybeReturn(agenda, at);
  }
}

/** Some of those who left come back after a while, with a card that works. */
function maybeReturn(agenda: Agenda, at: number): void {
  if (!agenda.choices.chance(0.15)) return;
  const back = at + agenda.choices.integer(15, 200) * DAY;
  agenda.plan(back, { kind: 'replaceCard' });
  agenda.plan(back + 600, { kind: 'subscribe', wish: {} });
}

function refundSome(world: World, charge: Charge, at: number): void {
  const { choices } = agendaOf(world, charge.customer);
  const left = charge.amountMinor - charge.amountRefundedMinor;
  // Whole tens, which every currency allows.
  const part = Math.floor((left * choices.integer(2, 8)) / 100) * 10;
  const amountMinor = choices.chance(0.5) || part === 0 ? left : part;
  if (left > 0 && !charge.disputed) refundCharge(world, charge, { at, amountMinor });
}

function creditSome(world: World, invoice: Invoice, at: number): void {
  const { choices } = agendaOf(world, invoice.customer);
  if (invoice.status !== 'open' && invoice.status !== 'paid') return;
  const line = invoice.lines.find(({ amountMinor }) => amountMinor > 0);
  const available =
    invoice.status === 'open'
      ? invoice.amountRemainingMinor
      : invoice.amountPaidMinor - invoice.postPaymentCreditNotesMinor;
  if (line === undefined) return;
  // A third at most, so that its tax fits as well.
  const amountMinor = Math.floor(Math.min(line.amountMinor, available) / 30) * 10;
  const target = choices.chance(0.6) ? 'refund' : 'balance';
  if (amountMinor > 0) creditLine(world, { invoice, line, amountMinor }, { at, target });
}

function shuffled<T>(values: readonly T[], choices: Random): T[] {
  return values
    .map((value) => ({ value, rank: choices.next() }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ value }) => value);
}
