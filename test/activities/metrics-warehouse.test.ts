import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Kysely } from 'kysely';
import { createComputeMetrics } from '../../activities/metrics-compute';
import { createLoadWarehouse } from '../../activities/warehouse-load';
import { setPolicy } from '../../db/repositories/metric-policies';
import { importRates } from '../../db/repositories/fx-rates';
import type { Database } from '../../db/schema';
import { DEFAULT_POLICY } from '../../domain/metrics/policy';
import type { CanonicalRecord, Fields } from '../../domain/records';
import { createDuckDbWarehouse } from '../../warehouse/duckdb';
import { at, factsOf } from '../domain/metrics-facts';
import { openTestDatabase } from '../support/database';
import { newAccount, recordsOf, store, storedReport } from './metrics-account';

const folder = mkdtempSync(join(tmpdir(), 'recoup-load-'));
const warehouse = createDuckDbWarehouse({ path: join(folder, 'warehouse.duckdb') });

let db: Kysely<Database>;
let close: () => Promise<void>;
let account: string;
beforeAll(async () => {
  ({ db, close } = await openTestDatabase());
});
afterAll(async () => {
  await close();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  account = await newAccount(db);
});

const compute = () => createComputeMetrics({ db })({ account });
const load = () => createLoadWarehouse({ db, warehouse })({ account });

const ended = factsOf({
  subscription: [{ id: 'sub_1', status: 'canceled', endedAt: at('2026-03-10') }],
  invoice_line: [{ id: 'il_1' }],
  subscription_item: [{ id: 'si_1' }],
});

const customerRecord: CanonicalRecord<'customer'> = {
  kind: 'customer',
  id: 'cus_1',
  fields: {
    name: 'Somebody',
    email: 'somebody@example.com',
    currency: 'EUR',
    country: 'DE',
    createdAt: at('2026-01-01'),
  },
};

const attempt = (
  id: string,
  day: string,
  fields: Pick<Fields<'payment_attempt'>, 'paymentId' | 'status' | 'amountMinor'>,
): CanonicalRecord<'payment_attempt'> => ({
  kind: 'payment_attempt',
  id,
  fields: {
    customerId: 'cus_1',
    currency: 'eur',
    exponent: 2,
    amountRefundedMinor: 0n,
    createdAt: at(day),
    failureCode: null,
    declineCode: null,
    adviceCode: null,
    networkDeclineCode: null,
    networkAdviceCode: null,
    outcomeType: null,
    paymentMethodId: null,
    methodType: null,
    cardBrand: null,
    cardFunding: null,
    cardCountry: null,
    cardFingerprint: null,
    disputed: false,
    ...fields,
  },
});

const link = (invoiceId: string, paymentId: string): CanonicalRecord<'invoice_payment'> => ({
  kind: 'invoice_payment',
  id: `inpay_${invoiceId}`,
  fields: {
    invoiceId,
    paymentId,
    attemptId: null,
    status: 'paid',
    currency: 'eur',
    exponent: 2,
    amountRequestedMinor: 1000n,
    amountPaidMinor: 1000n,
    isDefault: true,
    createdAt: at('2026-01-01'),
  },
});

/** Three invoices: paid at once, paid at the second attempt a month later, never paid. */
const payments: CanonicalRecord[] = [
  ...recordsOf(
    factsOf({
      subscription: [],
      invoice: [
        { id: 'in_1' },
        { id: 'in_2', createdAt: at('2026-02-27') },
        {
          id: 'in_3',
          createdAt: at('2026-02-20'),
          status: 'open',
          amountPaidMinor: 0n,
          amountRemainingMinor: 1000n,
        },
      ],
    }),
  ).filter(({ kind }) => kind === 'invoice'),
  link('in_1_cus_1', 'pi_1'),
  link('in_2_cus_1', 'pi_2'),
  link('in_3_cus_1', 'pi_3'),
  attempt('ch_1', '2026-01-01', { paymentId: 'pi_1', status: 'succeeded', amountMinor: 1000n }),
  attempt('ch_2', '2026-02-28', { paymentId: 'pi_2', status: 'failed', amountMinor: 1000n }),
  attempt('ch_3', '2026-03-07', { paymentId: 'pi_2', status: 'succeeded', amountMinor: 1000n }),
  attempt('ch_4', '2026-02-20', { paymentId: 'pi_3', status: 'failed', amountMinor: 1000n }),
  attempt('ch_5', '2026-02-25', { paymentId: 'pi_3', status: 'failed', amountMinor: 1000n }),
];

const all = [customerRecord, ...recordsOf(ended), ...payments];

describe('loading the warehouse', () => {
  it('refuses an account whose metrics were never computed', async () => {
    await expect(load()).rejects.toThrow(`${account} has no metrics yet: compute them first.`);
  });

  it('loads what was computed, once for each metric run', async () => {
    await store(db, account, { records: all, dirty: ['cus_1'] });
    await compute();
    // January to July: seven months, and these with 182 days, 27 weeks and three quarters again; one cohort of seven months; two
    // movements, one customer, three groups of invoices, two of payments.
    expect(await load()).toEqual({ metricRun: 1, tables: 7, rows: 241, loaded: true });
    expect(await load()).toEqual({ metricRun: 1, tables: 7, rows: 241, loaded: false });
    expect(await warehouse.tableCounts(account)).toEqual([
      { table: 'mrr_monthly', rows: 7 },
      { table: 'mrr_periods', rows: 219 },
      { table: 'mrr_cohorts', rows: 7 },
      { table: 'mrr_movements', rows: 2 },
      { table: 'customers', rows: 1 },
      { table: 'invoices_monthly', rows: 3 },
      { table: 'payments_monthly', rows: 2 },
    ]);
  });

  it('shows the same months as Postgres', async () => {
    await store(db, account, { records: all, dirty: ['cus_1'] });
    await compute();
    await load();
    const months = await storedReport(db, account);
    expect(months).toHaveLength(7);
    expect(
      await warehouse.query(
        'select month, start_minor, new_minor, churn_minor, end_minor, customers from mrr_monthly where account = ? order by month',
        [account],
      ),
    ).toEqual(
      months.map(({ span, startMinor, newMinor, churnMinor, endMinor, customers }) => ({
        month: `${span.label}-01`,
        start_minor: startMinor,
        new_minor: newMinor,
        churn_minor: churnMinor,
        end_minor: endMinor,
        customers: BigInt(customers),
      })),
    );
  });

  it('has each period as the command line has it, with the total at the rates that are known', async () => {
    await setPolicy(db, {
      ...{ accountId: account, by: 'Ada', why: 'as the group reports' },
      policy: { ...DEFAULT_POLICY, reportingCurrency: 'CHF' },
    });
    await store(db, account, {
      records: all.map((record) =>
        'currency' in record.fields
          ? ({ ...record, fields: { ...record.fields, currency: 'EUR' } } as CanonicalRecord)
          : record,
      ),
      dirty: ['cus_1'],
    });
    await compute();
    await load();
    const totals = () =>
      warehouse.query(
        "select label, fx_minor, end_minor from mrr_periods where account = ? and scope = 'total' and period = 'month' order by label",
        [account],
      );
    expect(await totals()).toEqual([]);
    const rates = [
      { currency: 'EUR', date: '2026-01-01', rate: '0.94' },
      { currency: 'EUR', date: '2026-02-10', rate: '0.93' },
    ];
    await importRates(db, { reportingCurrency: 'CHF', rates });
    expect(await compute()).toMatchObject({ metricRun: 2, customers: 0 });
    await load();
    expect((await totals()).slice(0, 3)).toEqual([
      { label: '2026-01', fx_minor: 0n, end_minor: 940n },
      { label: '2026-02', fx_minor: -10n, end_minor: 930n },
      { label: '2026-03', fx_minor: 0n, end_minor: 0n },
    ]);
    for (const period of ['day', 'week', 'month', 'quarter'] as const) {
      const rows = await storedReport(db, account, period);
      expect(
        await warehouse.query(
          'select label, starts_at, scope, currency, fx_minor, end_minor, arr_minor, customers, arpa_numerator_minor, arpa_denominator, customer_churn_numerator, customer_churn_denominator from mrr_periods where account = ? and period = ? order by scope, label',
          [account, period],
        ),
      ).toEqual(
        rows.map((row) => ({
          label: row.span.label,
          starts_at: row.span.from.toISOString(),
          scope: row.scope,
          currency: row.currency,
          fx_minor: row.fxMinor,
          end_minor: row.endMinor,
          arr_minor: row.arrMinor,
          customers: BigInt(row.customers),
          arpa_numerator_minor: row.arpa?.numerator ?? null,
          arpa_denominator: row.arpa?.denominator ?? null,
          customer_churn_numerator: row.customerChurnRate?.numerator ?? null,
          customer_churn_denominator: row.customerChurnRate?.denominator ?? null,
        })),
      );
    }
    expect(
      await warehouse.query(
        "select label, cast(arpa_numerator_amount as varchar) as arpa from mrr_periods_amounts where account = ? and scope = 'currency' and period = 'month' order by label limit 1",
        [account],
      ),
    ).toEqual([{ label: '2026-01', arpa: '10.0000' }]);
  });

  it('follows who began in a month to the end', async () => {
    await store(db, account, { records: all, dirty: ['cus_1'] });
    await compute();
    await load();
    expect(
      await warehouse.query(
        'select month, months_since, joined_customers, joined_minor, customers, mrr_minor from mrr_cohorts where account = ? order by month limit 3',
        [account],
      ),
    ).toEqual(
      [
        ['2026-01-01', 1n, 1000n],
        ['2026-02-01', 1n, 1000n],
        ['2026-03-01', 0n, 0n],
      ].map(([month, customers, mrr_minor], index) => ({
        ...{ month, months_since: BigInt(index), joined_customers: 1n, joined_minor: 1000n },
        ...{ customers, mrr_minor },
      })),
    );
  });

  it('counts an invoice as failed by its first attempt, and as recovered when it was paid after all', async () => {
    await store(db, account, { records: all, dirty: ['cus_1'] });
    await compute();
    await load();
    expect(
      await warehouse.query(
        'select month, invoices, failed_invoices, failed_minor, recovered_invoices, recovered_minor, lost_minor from payments_monthly where account = ? order by month',
        [account],
      ),
    ).toEqual([
      {
        month: '2026-01-01',
        invoices: 1n,
        failed_invoices: 0n,
        failed_minor: 0n,
        recovered_invoices: 0n,
        recovered_minor: 0n,
        lost_minor: 0n,
      },
      {
        month: '2026-02-01',
        invoices: 2n,
        failed_invoices: 2n,
        failed_minor: 2000n,
        recovered_invoices: 1n,
        recovered_minor: 1000n,
        lost_minor: 1000n,
      },
    ]);
  });

  it('takes back what was refunded, and counts what was paid without a charge', async () => {
    const money = { currency: 'eur', exponent: 2, reason: null, createdAt: at('2026-04-01') };
    const refund: CanonicalRecord<'refund'> = {
      ...{ kind: 'refund', id: 're_1' },
      fields: {
        ...{ ...money, attemptId: 'ch_3', paymentId: 'pi_2' },
        ...{ status: 'succeeded', amountMinor: 400n },
      },
    };
    const paidElsewhere = all.map((record) =>
      record.kind === 'invoice' && record.id === 'in_3_cus_1'
        ? {
            ...record,
            fields: {
              ...{ ...record.fields, status: 'paid', amountPaidMinor: 1000n },
              paidAt: at('2026-03-02'),
            },
          }
        : record,
    );
    await store(db, account, { records: [...paidElsewhere, refund], dirty: ['cus_1'] });
    await compute();
    await load();
    expect(
      await warehouse.query(
        "select failed_minor, recovered_invoices, recovered_minor, lost_minor, voided_minor, open_minor from payments_monthly where account = ? and month = '2026-02-01'",
        [account],
      ),
    ).toEqual([
      {
        failed_minor: 2000n,
        recovered_invoices: 2n,
        recovered_minor: 1600n,
        lost_minor: 400n,
        voided_minor: 0n,
        open_minor: 0n,
      },
    ]);
  });

  it('brings a changed invoice to the warehouse though no revenue moved', async () => {
    await store(db, account, { records: all, dirty: ['cus_1'] });
    await compute();
    await load();
    const voided = all.flatMap((record) =>
      record.kind === 'invoice' && record.id === 'in_3_cus_1'
        ? [{ ...record, fields: { ...record.fields, status: 'void' } }]
        : [],
    );
    await store(db, account, { records: voided, dirty: [] });
    await compute();
    expect(await load()).toMatchObject({ metricRun: 2, loaded: true });
    expect(
      await warehouse.query(
        "select count(*) as rows from invoices_monthly where account = ? and status = 'void'",
        [account],
      ),
    ).toEqual([{ rows: 1n }]);
  });

  it("keeps names and addresses out, and puts months into the account's zone", async () => {
    await db
      .updateTable('account')
      .set({ time_zone: 'America/New_York' })
      .where('id', '=', account)
      .execute();
    await store(db, account, { records: all, dirty: ['cus_1'] });
    await compute();
    await load();
    const [row] = await warehouse.query('select * from customers where account = ?', [account]);
    expect(row).toEqual({
      account,
      customer_id: 'cus_1',
      created_at: '2026-01-01T00:00:00.000Z',
      country: 'DE',
      currency: 'EUR',
    });
    expect(
      await warehouse.query(
        'select min(month) as month, min(time_zone) as zone from mrr_monthly where account = ?',
        [account],
      ),
    ).toEqual([{ month: '2025-12-01', zone: 'America/New_York' }]);
    expect(
      await warehouse.query('select min(month) as month from invoices_monthly where account = ?', [
        account,
      ]),
    ).toEqual([{ month: '2025-12-01' }]);
  });

  it('takes restated rows with their reversals, which add up to the same', async () => {
    await store(db, account, { records: all, dirty: ['cus_1'] });
    await compute();
    await load();
    const alive = factsOf({ invoice_line: [{ id: 'il_1' }], subscription_item: [{ id: 'si_1' }] });
    await store(db, account, { records: recordsOf(alive), dirty: ['cus_1'] });
    await compute();
    expect(await load()).toMatchObject({ metricRun: 2, loaded: true });
    expect(
      await warehouse.query(
        'select count(*) as rows, count(reverses) as reversals, sum(delta_minor) as mrr from mrr_movements where account = ?',
        [account],
      ),
    ).toEqual([{ rows: 3n, reversals: 1n, mrr: 1000n }]);
  });

  it('holds what one policy says, then another, then the first again', async () => {
    await store(db, account, {
      records: recordsOf(ended, 'cus_1').map((record) =>
        record.kind === 'price'
          ? { ...record, fields: { ...record.fields, interval: 'week' } }
          : record,
      ) as CanonicalRecord[],
      dirty: ['cus_1'],
    });
    const months = async () => {
      await compute();
      await load();
      return warehouse.query(
        'select month, new_minor, churn_minor, end_minor from mrr_monthly where account = ? order by month',
        [account],
      );
    };
    const adopt = (weekFactor: string) =>
      setPolicy(db, {
        accountId: account,
        policy: { ...DEFAULT_POLICY, weekFactor },
        by: 'Ada',
        why: 'trying',
      });
    const first = await months();
    await adopt('4');
    const second = await months();
    expect(second).not.toEqual(first);
    await adopt('52/12');
    expect(await months()).toEqual(first);
    const [sums] = await warehouse.query(
      'select count(*) as movements, sum(delta_minor) as total from mrr_movements where account = ?',
      [account],
    );
    // Two movements, taken back and written anew twice.
    expect(sums).toMatchObject({ movements: 10n, total: 0n });
  });
});
