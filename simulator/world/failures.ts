/** A small account for the tests of payment recovery: failed invoices, and nobody who does anything by himself. */
import { live } from './advance';
import { react } from './behaviour';
import { DAY, HOUR, addMonths } from './calendar';
import { drawAccount, drawCard, drawWorkingCard, schemeOf } from './cards';
import { CATALOG_LEAD, YEARLY, stockCatalog } from './catalog';
import { attachCard, createCustomer, type NewAccount, type NewCard } from './customers';
import { resultOf } from './debits';
import { DRAFT_SECONDS } from './invoices';
import { authorise, drawDecline } from './issuers';
import { invoiceByHand } from './manual-invoices';
import type { Customer, Price } from './model';
import { drawPerson } from './people';
import { Random } from './random';
import type { Settings } from './settings';
import { subscribe } from './subscriptions';
import { emptyWorld, type World } from './world';

interface FailureOptions {
  seed: number;
  /** How many invoices are open after a failed attempt. */
  invoices: number;
  /** Share of the customers who pay by direct debit, where their country has a scheme; their debit was returned on the day before. */
  debitShare?: number;
  /** Share of the customers with two failed invoices on one card or account. */
  twiceShare?: number;
}

interface AccountOptions extends FailureOptions {
  /** The world's clock, unix seconds; the attempts failed on the day before. */
  asOf: number;
  settings?: Partial<Settings>;
}

/** Of failed cards: those that work no more; the others are in trouble for some time. */
const DEAD_SHARE = 0.3;
const TROUBLE_RATES: [number, number][] = [
  [0.3, 60],
  [0.8, 40],
];
/** So many cards or accounts are looked at for one that fails at the wanted hour. */
const MAX_DRAWS = 1000;

/**
 * An account with exactly so many open invoices whose first attempt failed, each renewed by a yearly subscription or written beside
 * one by hand, across countries, brands, fundings and declines. The same for the same options.
 */
export function generateFailures({ asOf, settings = {}, ...options }: AccountOptions): World {
  const world = emptyWorld({ seed: options.seed, clock: asOf, settings });
  const opened = addMonths(asOf, -12) - 2 * DAY - CATALOG_LEAD;
  stockCatalog(world, { opened, archivedAt: opened });
  addDebtors(world, options);
  return world;
}

/** The same invoices in an account that has been there for more than a year; some of their customers put it right within two weeks. */
export function addFailures(world: World, options: FailureOptions): void {
  const others = new Set(world.invoices.all);
  addDebtors(world, options);
  for (const { id, customer } of world.invoices.all.filter((invoice) => !others.has(invoice)))
    react(world, customer, { at: world.clock, task: { kind: 'attempt', invoice: id } });
}

function addDebtors(
  world: World,
  { seed, invoices, debitShare = 0, twiceShare = 0.1 }: FailureOptions,
): void {
  const root = new Random(`${String(seed)}/failures`);
  const others = world.customers.size;
  let left = invoices;
  for (let index = 0; left > 0; index += 1) {
    const stream = root.split(`customer ${String(index)}`);
    const choices = stream.split('arrival');
    const twice = left > 1 && choices.chance(twiceShare);
    addDebtor(world, stream, { choices, index: others + index, twice, debitShare });
    left -= twice ? 2 : 1;
  }
}

function addDebtor(
  world: World,
  stream: Random,
  {
    choices,
    index,
    twice,
    debitShare,
  }: { choices: Random; index: number; twice: boolean; debitShare: number },
): void {
  const person = drawPerson(choices, { index });
  const debit = schemeOf(person.country);
  const failedAt = world.clock - choices.integer(0, 23) * HOUR;
  const failing =
    debit !== undefined && choices.chance(debitShare)
      ? drawReturned(choices, { country: person.country, failedAt, debit })
      : {
          attemptAt: failedAt,
          method: drawDeclined(choices, { country: person.country, failedAt }),
        };
  const renewal = failing.attemptAt - DRAFT_SECONDS;
  const since = addMonths(renewal, -12);
  const customer = createCustomer(world, { at: since, ...person }, { stream });
  const good = drawWorkingCard(choices, { country: person.country, at: since });
  attachCard(world, customer, { at: since, ...good });
  const quantity = choices.integer(1, 4);
  const items = [{ price: choices.pick(pricesOf(world, customer, true)), quantity }];
  const { items: subscribed } = subscribe(world, { at: since, customer, items });
  // A year ends a day earlier for those who came on a leap day.
  const ends = subscribed[0]?.currentPeriod.end ?? renewal;
  attachCard(world, customer, { at: Math.min(ends, renewal), ...failing.method });
  if (twice)
    invoiceByHand(world, {
      at: renewal,
      customer,
      lines: [{ price: choices.pick(pricesOf(world, customer, false)), quantity: 1 }],
      collectionMethod: 'charge_automatically',
    });
  live(world, customer.id, world.clock);
}

/** What is sold per year and seat, or once. */
function pricesOf(world: World, { currency }: Customer, yearly: boolean): Price[] {
  return world.prices.all.filter(
    (price) =>
      price.currency === currency &&
      price.scheme === 'per_unit' &&
      price.active &&
      price.unitAmountDecimal !== '0' &&
      (yearly
        ? price.recurring?.interval.unit === YEARLY.unit && price.recurring.usageType === 'licensed'
        : price.recurring === null),
  );
}

/** A card that is declined at an hour. */
function drawDeclined(
  choices: Random,
  { country, failedAt }: { country: string; failedAt: number },
): Omit<NewCard, 'at'> {
  return first(() => {
    const card = drawCard(choices, { country, at: failedAt });
    const isDead = choices.chance(DEAD_SHARE);
    const issuer = {
      seed: choices.text(12, '0123456789abcdef'),
      troubleRate: choices.weighted(TROUBLE_RATES),
      diesAt: isDead ? failedAt - HOUR : null,
      deadDecline: drawDecline(choices, 'dead'),
    };
    const asked = { ...card, issuer };
    return authorise(asked, { at: failedAt, attempt: 0 }) === null ? undefined : asked;
  });
}

/** A bank account, and when it was debited to be returned at an hour. */
function drawReturned(
  choices: Random,
  { country, failedAt, debit }: { country: string; failedAt: number; debit: NewAccount['debit'] },
): { attemptAt: number; method: Omit<NewAccount, 'at'> } {
  return first(() => {
    const attemptAt = failedAt - choices.integer(2, 5) * DAY;
    const account = drawAccount(choices, { country, at: attemptAt, debit });
    const isDead = choices.chance(DEAD_SHARE);
    const issuer = {
      ...account.issuer,
      troubleRate: choices.weighted(TROUBLE_RATES),
      diesAt: isDead ? attemptAt : null,
    };
    const method = { ...account, issuer };
    const { at, returned } = resultOf(method, attemptAt);
    return returned !== null && at === failedAt ? { attemptAt, method } : undefined;
  });
}

function first<T>(draw: () => T | undefined): T {
  for (let draws = 0; draws < MAX_DRAWS; draws += 1) {
    const drawn = draw();
    if (drawn !== undefined) return drawn;
  }
  throw new Error(`None of ${String(MAX_DRAWS)} drawn cards or accounts fails as it should.`);
}
