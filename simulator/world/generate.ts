/** Makes a whole account with its history from a seed. */
import type { SubscriptionWish } from './agenda';
import { DAY, HOUR, addMonths } from './calendar';
import { drawAccount, drawCard, schemeOf } from './cards';
import { CATALOG_LEAD, MONTHLY, addTaxRates, stockCatalog } from './catalog';
import { attachCard, createCustomer } from './customers';
import { live } from './advance';
import type { Coupon, Customer } from './model';
import { drawPerson } from './people';
import { PERSONAS, type Persona } from './personas';
import { Random } from './random';
import type { Settings } from './settings';
import { agendaOf, emptyWorld, type World } from './world';

interface WorldOptions {
  seed: number;
  customers: number;
  /** How long ago the first customer came. */
  months?: number;
  /** The world's clock, unix seconds. */
  asOf: number;
  settings?: Partial<Settings>;
  /** Share of the customers with a bank account to debit, where their country has a scheme; the others have cards. */
  debitShare?: number;
}

/** Share of customers who never subscribe. */
const ONLOOKERS = 0.04;
const TAXED = 0.5;

/**
 * A billing account with its history, the same for the same options. Each customer has a stream of its own: with more
 * customers the first ones stay what they were.
 */
export function generateWorld({
  seed,
  customers,
  months = 18,
  asOf,
  settings = {},
  debitShare = 0,
}: WorldOptions): World {
  const world = emptyWorld({ seed, clock: asOf, settings });
  const start = addMonths(asOf, -months);
  addTaxRates(world, start - CATALOG_LEAD);
  stockCatalog(world, {
    opened: start - CATALOG_LEAD,
    archivedAt: addMonths(asOf, -Math.ceil(months / 2)),
  });
  const root = new Random(String(seed));
  for (let index = 0; index < customers; index += 1) {
    const stream = root.split(`customer ${String(index)}`);
    const persona = PERSONAS[index];
    const customer =
      persona === undefined
        ? drawCustomer(world, stream, { index, start, debitShare })
        : castCustomer(world, stream, { index, persona });
    live(world, customer.id, asOf);
  }
  return world;
}

function drawCustomer(
  world: World,
  stream: Random,
  { index, start, debitShare }: { index: number; start: number; debitShare: number },
): Customer {
  const choices = stream.split('arrival');
  const at = choices.integer(start, world.clock - HOUR);
  const person = drawPerson(choices, { index });
  const customer = createCustomer(
    world,
    { at, ...person, taxRate: choices.chance(TAXED) ? taxRateOf(world, person.country) : null },
    { stream, autonomous: true },
  );
  if (choices.chance(ONLOOKERS)) return customer;
  const firstPaid = at + choices.integer(1, 60) * 60;
  const { country } = customer;
  const debit = schemeOf(country);
  const isDebited = debit !== undefined && stream.split('debit').chance(debitShare);
  const method = isDebited
    ? drawAccount(choices, { country, at, debit })
    : drawCard(choices, { country, at });
  attachCard(world, customer, { at, ...method });
  agendaOf(world, customer.id).plan(firstPaid, { kind: 'subscribe', wish: {} });
  return customer;
}

/** Writes the whole story of a persona into its agenda. */
function castCustomer(
  world: World,
  stream: Random,
  { index, persona }: { index: number; persona: Persona },
): Customer {
  const choices = stream.split('arrival');
  const ago = (days: number): number => world.clock - days * DAY;
  const at = persona.monthEnd === true ? last31st(ago(persona.since)) : ago(persona.since);
  const person = drawPerson(choices, { index, currency: persona.currency });
  const taxRate = persona.taxed === true ? taxRateOf(world, person.country) : null;
  const customer = createCustomer(world, { at, ...person, taxRate }, { stream });
  const agenda = agendaOf(world, customer.id);
  const reliable = { seed: choices.text(12, '0123456789abcdef'), troubleRate: 0 };
  const card = drawCard(choices, { country: customer.country, at });
  attachCard(world, customer, {
    at,
    ...card,
    issuer: {
      ...reliable,
      diesAt: persona.cardDies === undefined ? null : ago(persona.cardDies[0]),
      deadDecline: persona.cardDies?.[1] ?? card.issuer.deadDecline,
    },
  });
  const wish: SubscriptionWish = {
    interval: MONTHLY,
    inline: false,
    paying: true,
    metered: false,
    ...persona.wish,
    coupons: (persona.coupons ?? []).map((like) => couponLike(world, like).id),
    acts: [
      ...(persona.acts ?? []).map(([days, kind]) => ({ at: ago(days) + 7 * HOUR, kind })),
      ...(persona.pauseAtRenewal === undefined
        ? []
        : [{ at: ago(persona.pauseAtRenewal), kind: 'pause' as const }]),
    ],
  };
  agenda.plan(at, { kind: 'subscribe', wish });
  if (persona.newCard !== undefined) agenda.plan(ago(persona.newCard), { kind: 'replaceCard' });
  if (persona.again !== undefined)
    agenda.plan(ago(persona.again), {
      kind: 'subscribe',
      wish: { interval: MONTHLY, inline: false },
    });
  for (const days of persona.manualInvoices ?? [])
    agenda.plan(ago(days), { kind: 'manualInvoice' });
  // The first charge and invoice must exist before they can be named.
  live(world, customer.id, at);
  const charge = world.charges.all.find((each) => each.customer === customer.id);
  if (persona.firstCharge !== undefined && charge !== undefined) {
    const [days, kind] = persona.firstCharge;
    agenda.plan(ago(days), { kind, charge: charge.id });
  }
  if (persona.credit !== undefined && charge !== undefined) {
    agenda.plan(ago(persona.credit), { kind: 'creditNote', invoice: charge.invoice });
  }
  return customer;
}

function taxRateOf(world: World, country: string): string | null {
  return world.taxRates.all.find((rate) => rate.country === country)?.id ?? null;
}

function couponLike(world: World, like: Partial<Coupon>): Coupon {
  const coupon = world.coupons.all.find((each) =>
    Object.entries(like).every(([key, value]) => each[key as keyof Coupon] === value),
  );
  if (coupon === undefined) throw new Error(`There is no coupon like ${JSON.stringify(like)}.`);
  return coupon;
}

/** Ten in the morning of the last 31st before an instant, in UTC. */
function last31st(before: number): number {
  const date = new Date(before * 1000);
  date.setUTCHours(10, 0, 0, 0);
  while (date.getUTCDate() !== 31) date.setTime(date.getTime() - DAY * 1000);
  return date.getTime() / 1000;
}
