/** What every warehouse must do: the same tests run against each adapter. */
import type { Load, Warehouse } from '../../warehouse/port';
import { NEWEST_SCHEMA } from '../../warehouse/migrations';
import { TABLE_NAMES, TABLES } from '../../warehouse/tables';
import { accountRows, loadOf, totalOf } from './loads';

interface WarehouseUnderTest {
  /** A new one, empty and not migrated; more than fifty rows of a table are more than one batch. */
  create(): Promise<Warehouse>;
  /**
   * Loads in a process of its own, and resolves when that has ended. It is killed between the delete and the commit, or before
   * it has heard that it committed.
   */
  loadElsewhere(
    warehouse: Warehouse,
    load: { account: string; metricRun: bigint; killed?: 'before commit' | 'after commit' },
  ): Promise<void>;
}

export function describeWarehouse(name: string, under: WarehouseUnderTest): void {
  describe(`${name}, as a warehouse`, () => {
    let warehouse: Warehouse;
    beforeEach(async () => {
      warehouse = await under.create();
      await warehouse.migrate();
    });

    const counts = async (account: string) =>
      Object.fromEntries(
        (await warehouse.tableCounts(account)).map(({ table, rows }) => [table, rows]),
      );
    const heldRuns = (account: string) =>
      warehouse.query(
        'select metric_run, count(*) as tables from load_ledger where account = ? group by metric_run order by metric_run',
        [account],
      );

    it('migrates as often as one likes', async () => {
      await Promise.all([warehouse.migrate(), warehouse.migrate()]);
      expect(await warehouse.query('select max(number) as number from schema_version')).toEqual([
        { number: BigInt(NEWEST_SCHEMA) },
      ]);
    });

    it('has every table with its columns in the order of tables.ts', async () => {
      for (const table of TABLE_NAMES) {
        const columns = await warehouse.query(
          'select column_name as name from information_schema.columns where table_schema = current_schema() and lower(table_name) = ? order by ordinal_position',
          [table],
        );
        expect(columns.map((column) => String(column['name']).toLowerCase())).toEqual(
          Object.keys(TABLES[table].columns),
        );
      }
    });

    it("replaces the account's rows and leaves every other account's alone", async () => {
      await warehouse.load(loadOf({ account: 'acct_1', metricRun: 1n, customers: 3 }));
      await warehouse.load(loadOf({ account: 'acct_2', metricRun: 7n, customers: 5 }));
      const outcome = await warehouse.load(
        loadOf({ account: 'acct_1', metricRun: 2n, customers: 2 }),
      );
      expect(outcome).toEqual({ loaded: true, rows: totalOf(accountRows('acct_1', 2)) });
      expect((await counts('acct_1'))['customers']).toBe(2);
      expect((await counts('acct_2'))['customers']).toBe(5);
    });

    it('takes the same load twice as once', async () => {
      const load = () => warehouse.load(loadOf({ account: 'acct_1', metricRun: 1n, customers: 3 }));
      await load();
      const before = await counts('acct_1');
      expect(await load()).toEqual({ loaded: false, held: 1n });
      expect(await counts('acct_1')).toEqual(before);
      expect(await heldRuns('acct_1')).toEqual([
        { metric_run: 1n, tables: BigInt(TABLE_NAMES.length) },
      ]);
    });

    it('takes the same load at once from two callers as once', async () => {
      const load = () => warehouse.load(loadOf({ account: 'acct_1', metricRun: 1n, customers: 3 }));
      const outcomes = await Promise.all([load(), load(), load()]);
      expect(outcomes.filter(({ loaded }) => loaded)).toHaveLength(1);
      expect((await counts('acct_1'))['customers']).toBe(3);
    });

    it('refuses an older load after a newer one', async () => {
      await warehouse.load(loadOf({ account: 'acct_1', metricRun: 5n, customers: 3 }));
      expect(
        await warehouse.load(loadOf({ account: 'acct_1', metricRun: 4n, customers: 1 })),
      ).toEqual({ loaded: false, held: 5n });
      expect((await counts('acct_1'))['customers']).toBe(3);
    });

    it.each([
      ['rows', { rows: 1, minor: 0n }],
      ['money', { rows: 0, minor: 1n }],
    ])('rolls everything back when the control total of %s is wrong', async (_, off) => {
      await warehouse.load(loadOf({ account: 'acct_1', metricRun: 1n, customers: 3 }));
      const load = loadOf({ account: 'acct_1', metricRun: 2n, customers: 2 });
      const wrong: Load = {
        ...load,
        tables: load.tables.map((table) =>
          table.table === 'mrr_movements'
            ? {
                ...table,
                control: {
                  rows: table.control.rows + off.rows,
                  minor: table.control.minor + off.minor,
                },
              }
            : table,
        ),
      };
      await expect(warehouse.load(wrong)).rejects.toMatchObject({ code: 'control_total_mismatch' });
      expect((await counts('acct_1'))['customers']).toBe(3);
      expect(await heldRuns('acct_1')).toHaveLength(1);
      expect(await warehouse.load(load)).toMatchObject({ loaded: true });
    });

    it('holds the old rows when a loader is killed between delete and commit', async () => {
      await warehouse.load(loadOf({ account: 'acct_1', metricRun: 1n, customers: 3 }));
      const before = await counts('acct_1');
      const next = { account: 'acct_1', metricRun: 2n };
      await under.loadElsewhere(warehouse, { ...next, killed: 'before commit' });
      expect(await counts('acct_1')).toEqual(before);
      expect(await heldRuns('acct_1')).toEqual([
        { metric_run: 1n, tables: BigInt(TABLE_NAMES.length) },
      ]);
      expect(await warehouse.load(loadOf({ ...next, customers: 4 }))).toMatchObject({
        loaded: true,
      });
    });

    it('recognises a load that was committed when its loader was killed before it heard so', async () => {
      const load = { account: 'acct_1', metricRun: 1n };
      await under.loadElsewhere(warehouse, { ...load, killed: 'after commit' });
      expect(await warehouse.load(loadOf({ ...load, customers: 2 }))).toEqual({
        loaded: false,
        held: 1n,
      });
      expect((await counts('acct_1'))['customers']).toBe(2);
      expect(await heldRuns('acct_1')).toHaveLength(1);
    });

    it('takes the same load at once from several processes as once', async () => {
      const load = { account: 'acct_1', metricRun: 1n };
      await Promise.all([1, 2, 3].map(() => under.loadElsewhere(warehouse, load)));
      expect((await counts('acct_1'))['customers']).toBe(2);
      expect(await heldRuns('acct_1')).toEqual([
        { metric_run: 1n, tables: BigInt(TABLE_NAMES.length) },
      ]);
    });

    it.each([45, 51, 120])('loads a table of %i rows', async (customers) => {
      await warehouse.load(loadOf({ account: 'acct_1', metricRun: 1n, customers }));
      expect((await counts('acct_1'))['customers']).toBe(customers);
      const [ids] = await warehouse.query(
        'select count(distinct customer_id) as ids, count(country) as countries from customers where account = ?',
        ['acct_1'],
      );
      expect(ids).toEqual({ ids: BigInt(customers), countries: BigInt(customers - 1) });
    });

    it('changes, adds and removes the rows of a dimension', async () => {
      const customersOf = (rows: readonly [string, string | null][]): Load['tables'] => [
        {
          table: 'customers',
          rows: rows.map(([customer_id, country]) => ({
            account: 'acct_1',
            customer_id,
            created_at: new Date('2026-01-01T00:00:00.123Z'),
            country,
            currency: null,
          })),
          control: { rows: rows.length, minor: 0n },
        },
      ];
      const load = (metricRun: bigint, rows: readonly [string, string | null][]) =>
        warehouse.load({ account: 'acct_1', metricRun, tables: customersOf(rows) });
      await load(1n, [
        ['cus_same', 'DE'],
        ['cus_changed', null],
        ['cus_gone', 'DE'],
      ]);
      await load(2n, [
        ['cus_new', ''],
        ['cus_changed', 'FR'],
        ['cus_same', 'DE'],
      ]);
      expect(
        await warehouse.query(
          'select customer_id, country, created_at from customers order by customer_id',
        ),
      ).toEqual(
        [
          ['cus_changed', 'FR'],
          ['cus_new', ''],
          ['cus_same', 'DE'],
        ].map(([customer_id, country]) => ({
          customer_id,
          country,
          created_at: '2026-01-01T00:00:00.123Z',
        })),
      );
    });

    it('shows money in decimals to those who read it', async () => {
      await warehouse.load(loadOf({ account: 'acct_1', metricRun: 1n }));
      const text = 'cast(delta_amount as varchar) as delta_amount';
      expect(
        await warehouse.query(
          `select month, currency, type, ${text} from mrr_movements_amounts order by movement_id`,
        ),
      ).toEqual([
        {
          month: '2026-04-01',
          currency: 'kwd',
          type: 'new',
          delta_amount: '9223372036854775.8070',
        },
        {
          month: '2026-04-01',
          currency: 'kwd',
          type: 'churn',
          delta_amount: '-9007199254740993.0000',
        },
      ]);
    });

    it('finds in a check that all is there, and leaves nothing of its dry load', async () => {
      await warehouse.load(loadOf({ account: 'acct_1', metricRun: 1n }));
      const findings = await warehouse.check();
      expect(findings.filter(({ ok }) => !ok)).toEqual([]);
      expect(findings.map(({ name }) => name)).toEqual(
        expect.arrayContaining(['Tables', 'Dry load']),
      );
      for (const table of [...TABLE_NAMES, 'load_ledger', 'load_lock']) {
        expect(
          await warehouse.query(`select account from ${table} where account <> ?`, ['acct_1']),
        ).toEqual([]);
      }
    });

    it('lays its tables in a check', async () => {
      const fresh = await under.create();
      expect((await fresh.check()).every(({ ok }) => ok)).toBe(true);
      expect(await fresh.load(loadOf({ account: 'acct_1', metricRun: 1n }))).toMatchObject({
        loaded: true,
      });
    });

    it('is used by several processes at once', async () => {
      const elsewhere = [2n, 3n, 4n].map((metricRun) =>
        under.loadElsewhere(warehouse, { account: 'acct_1', metricRun }),
      );
      const here = warehouse.load(loadOf({ account: 'acct_2', metricRun: 1n, customers: 2 }));
      await Promise.all([...elsewhere, here]);
      expect((await heldRuns('acct_1')).at(-1)).toMatchObject({ metric_run: 4n });
      expect((await counts('acct_2'))['customers']).toBe(2);
    });

    it('gives money back exactly as it was: beyond 2^53, negative, and with any exponent', async () => {
      await warehouse.load(loadOf({ account: 'acct_1', metricRun: 9_007_199_254_740_993n }));
      expect(
        await warehouse.query(
          'select exponent, delta_minor, after_minor, movement_id, reverses, metric_run, moved_at, month from mrr_movements where account = ? order by movement_id',
          ['acct_1'],
        ),
      ).toEqual([
        {
          exponent: 3n,
          delta_minor: 9_223_372_036_854_775_807n,
          after_minor: 9_223_372_036_854_775_807n,
          movement_id: 9_007_199_254_740_993n,
          reverses: null,
          metric_run: 9_007_199_254_740_993n,
          moved_at: '2026-03-31T22:30:00.000Z',
          month: '2026-04-01',
        },
        {
          exponent: 0n,
          delta_minor: -9_007_199_254_740_993n,
          after_minor: 0n,
          movement_id: 9_007_199_254_740_995n,
          reverses: 9_007_199_254_740_993n,
          metric_run: 9_007_199_254_740_993n,
          moved_at: '2026-03-31T22:30:00.000Z',
          month: '2026-04-01',
        },
      ]);
    });

    it('keeps text as it is, whatever is in it', async () => {
      await warehouse.load(loadOf({ account: "acct_'; drop table customers; --", metricRun: 1n }));
      expect(await counts("acct_'; drop table customers; --")).toMatchObject({ customers: 1 });
    });
  });
}
