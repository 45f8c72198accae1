/** A whole sync against the simulator's own truth, which shares no code with the rest: to the row and to the minor unit. */
import type { Totals } from '../../simulator/oracle/totals';
import type { MrrTruth } from '../../simulator/oracle/mrr';
import { startSimulator, type Simulator } from '../../simulator/server';
import { SIMULATOR_KEY, someAccountId, startRecoup, type Recoup } from '../support/recoup';

const CUSTOMERS = 2_000;
/** A few customers' histories leave no exact trace at the provider; the world says whose. */
const MAX_UNTRACED_SHARE = 0.03;

describe.each([11, 29])('a billing account of 2,000 customers, seed %d', (seed) => {
  let simulator: Simulator;
  let recoup: Recoup;
  let account: string;
  let totals: Totals;

  beforeAll(async () => {
    simulator = await startSimulator({
      seed,
      customers: CUSTOMERS,
      asOf: new Date('2026-11-01T00:00:00Z'),
      now: new Date('2026-11-01T00:00:00Z'),
      accountId: someAccountId(),
      keys: { [SIMULATOR_KEY]: { permissions: 'all' } },
    });
    account = simulator.accountId;
    recoup = await startRecoup();
    await recoup.startWorker();
    await recoup.connect({ account, apiBase: simulator.url });
    expect(await recoup.json(['sync', account, '--json'])).toMatchObject({ state: 'complete' });
    totals = (await (await fetch(`${simulator.url}/_oracle/totals`)).json()) as Totals;
  }, 300_000);

  afterAll(async () => {
    await recoup.close();
    await simulator.close();
  });

  /** Count and sums of a table by currency, in the oracle's words. */
  async function byCurrency(table: string, sums: Record<string, string>) {
    const columns = Object.entries(sums).map(([name, expression]) => `${expression} as "${name}"`);
    const { rows } = await recoup.pool.query<Record<string, string> & { currency: string }>(
      `select currency, ${['count(*)::int as count', ...columns].join(', ')} from ${table} group by currency`,
    );
    return Object.fromEntries(
      rows.map(({ currency, ...values }) => [currency.toUpperCase(), values]),
    );
  }

  const counted = async (table: string) =>
    (await recoup.pool.query<{ n: number }>(`select count(*)::int as n from ${table}`)).rows[0]?.n;

  test('customers, products, prices, coupons and subscriptions are all there, once', async () => {
    expect(await counted('customer')).toBe(totals.customers.count);
    expect(await counted('product')).toBe(totals.products.count);
    // Inline prices are in no list: those that rows name are read by id, whether an item still holds them or not.
    const { rows } = await recoup.pool.query<{ id: string }>('select external_id as id from price');
    const inline = new Set(simulator.world.prices.all.filter((p) => p.inline).map(({ id }) => id));
    const listed = rows.filter(({ id }) => !inline.has(id));
    expect(listed).toHaveLength(totals.prices.count - totals.prices.inline);
    const known = new Set(rows.map(({ id }) => id));
    const named = await recoup.pool.query<{ id: string }>(
      `select price_id as id from subscription_item
       union select price_id from invoice_line where kind <> 'one_time'`,
    );
    const ids = named.rows.map(({ id }) => id);
    expect(ids.filter((id) => inline.has(id)).length).toBeGreaterThan(0);
    expect(ids.filter((id) => !known.has(id))).toEqual([]);
    expect(await counted('coupon')).toBe(totals.coupons.count);
    expect(await counted('subscription')).toBe(totals.subscriptions.count);
    expect(await counted('invoice_item')).toBe(totals.invoiceItems.count);
  });

  test('invoices have the oracle’s counts and sums per currency', async () => {
    const invoices = await byCurrency('invoice', {
      totalMinor: 'sum(total_minor)::text',
      amountDueMinor: 'sum(amount_due_minor)::text',
      amountPaidMinor: 'sum(amount_paid_minor)::text',
    });
    const expected = Object.entries(totals.invoices.byCurrency).map(
      ([currency, { byStatus: _byStatus, ...sums }]) => [currency, sums],
    );
    expect(invoices).toEqual(Object.fromEntries(expected));
  });

  test('invoice lines have the oracle’s counts and sums per currency', async () => {
    const sums = { amountMinor: 'sum(amount_minor)::text' };
    expect(await byCurrency('invoice_line', sums)).toEqual(totals.invoiceLines.byCurrency);
  });

  test('payments, refunds, disputes and credit notes have the oracle’s counts and sums', async () => {
    const sums = { amountMinor: 'sum(amount_minor)::text' };
    expect(await byCurrency('payment', sums)).toEqual(totals.payments.byCurrency);
    expect(await byCurrency('refund', sums)).toEqual(totals.refunds.byCurrency);
    expect(await byCurrency('dispute', sums)).toEqual(totals.disputes.byCurrency);
    expect(await byCurrency('credit_note', { amountMinor: 'sum(total_minor)::text' })).toEqual(
      totals.creditNotes.byCurrency,
    );
    expect(
      await byCurrency('invoice_payment', { amountMinor: 'sum(amount_requested_minor)::text' }),
    ).toEqual(totals.invoicePayments.byCurrency);
  });

  test('every charge is there, the failed ones too', async () => {
    const charges = await byCurrency('payment_attempt', {
      amountMinor: 'sum(amount_minor)::text',
      succeededCount: `(count(*) filter (where status = 'succeeded'))::int`,
      succeededMinor: `coalesce(sum(amount_minor) filter (where status = 'succeeded'), 0)::text`,
      failedCount: `(count(*) filter (where status = 'failed'))::int`,
      failedMinor: `coalesce(sum(amount_minor) filter (where status = 'failed'), 0)::text`,
    });
    expect(charges).toEqual(totals.charges.byCurrency);
  });

  test('MRR of every customer and currency at every month’s end is the oracle’s, to the minor unit', async () => {
    const truth = (await (await fetch(`${simulator.url}/_oracle/mrr`)).json()) as MrrTruth;
    const untraced = new Set(truth.untraced.map(({ customer }) => customer));
    expect(untraced.size).toBeLessThan(CUSTOMERS * MAX_UNTRACED_SHARE);

    const months = monthEnds('2025-05-01', '2026-11-01');
    const { rows } = await recoup.pool.query<{
      customer: string;
      currency: string;
      month: Date;
      minor: string;
    }>(
      `select customer_id as customer, upper(currency) as currency, month, sum(delta_minor)::text as minor
       from mrr_movement cross join unnest($1::timestamptz[]) as month
       where at < month group by 1, 2, 3 having sum(delta_minor) <> 0`,
      [months],
    );
    const ours = rows
      .filter(({ customer }) => !untraced.has(customer))
      .map(({ customer, currency, month, minor }) =>
        [month.toISOString(), customer, currency, minor].join(' '),
      );
    const theirs = truth.customers
      .filter(({ customer }) => !untraced.has(customer))
      .flatMap(({ customer, currency, steps }) =>
        months.flatMap((month) => {
          const minor = steps.filter(({ at }) => new Date(at) < month).at(-1)?.mrrMinor ?? '0';
          return minor === '0' ? [] : [[month.toISOString(), customer, currency, minor].join(' ')];
        }),
      );
    expect(theirs.length).toBeGreaterThan(CUSTOMERS);
    expect(ours.sort()).toEqual(theirs.sort());
  });
});

/** The midnights UTC at which months end, the first after `from`, the last at `to`. */
function monthEnds(from: string, to: string): Date[] {
  const ends: Date[] = [];
  for (const at = new Date(from); at < new Date(to);) {
    at.setUTCMonth(at.getUTCMonth() + 1);
    ends.push(new Date(at));
  }
  return ends;
}
