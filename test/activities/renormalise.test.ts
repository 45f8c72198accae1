import type { Kysely } from 'kysely';
import { listMetricRuns } from '../../db/repositories/metric-runs';
import type { Database } from '../../db/schema';
import { NotNormalisable, type Provider } from '../../providers/provider';
import { openTestDatabase } from '../support/database';
import { addInvoices, connectHarness, createHarness, type Harness } from './harness';

let db: Kysely<Database>;
let close: () => Promise<void>;
beforeAll(async () => {
  ({ db, close } = await openTestDatabase());
});
afterAll(() => close());

/** An account that has read 30 invoices of ten customers, three lines each. */
async function readOnce(change: (provider: Provider) => Provider = (same) => same) {
  const harness = await createHarness(db);
  addInvoices(harness.service, 30);
  const { provider } = harness.service;
  const first = await connected(harness, change(provider));
  await first.walk(await first.open());
  return { service: harness.service, account: harness.account, provider };
}

const connected = ({ account }: { account: string }, provider: Provider): Promise<Harness> =>
  connectHarness(db, { account, provider, lanes: 2 });

const totals = async (account: string) =>
  (
    await db
      .selectFrom('invoice')
      .select(['external_id', 'total_minor', 'version'])
      .where('account_id', '=', account)
      .orderBy('external_id')
      .execute()
  ).map(({ external_id: id, total_minor: total, version }) => ({ id, total, version }));

/** Reads another total. */
const better = (provider: Provider): Provider => ({
  ...provider,
  normaliserVersion: 2,
  normalise: (object) => {
    const normalised = provider.normalise(object);
    return {
      ...normalised,
      records: normalised.records.map((record) =>
        record.kind === 'invoice'
          ? { ...record, fields: { ...record.fields, totalMinor: 1_000n } }
          : record,
      ) as typeof normalised.records,
    };
  },
});

describe('making rows anew from what is stored', () => {
  it('changes what a better normaliser reads otherwise, asks nobody, and marks only whom it touched', async () => {
    const { service, account, provider } = await readOnce();
    const before = await totals(account);
    const asked = service.requests.length + service.fetches.length;
    await db.deleteFrom('dirty_customer').where('account_id', '=', account).execute();
    const { steps } = await connected({ account }, better(provider));
    const report = await steps.renormalise({ account, force: false });
    expect(report).toEqual({ objects: 30, changedRows: 30, notNormalised: 0 });
    expect(await totals(account)).toEqual(before.map((row) => ({ ...row, total: 1_000n })));
    expect(service.requests.length + service.fetches.length).toBe(asked);
    const dirty = await db
      .selectFrom('dirty_customer')
      .select('customer_id')
      .where('account_id', '=', account)
      .execute();
    expect(dirty).toHaveLength(10);
    // Once is enough, unless somebody insists; and then nothing differs.
    expect(await steps.renormalise({ account, force: false })).toMatchObject({ objects: 0 });
    expect(await steps.renormalise({ account, force: true })).toMatchObject({ changedRows: 0 });
  });

  it('leaves a row alone whose object was read with other content since', async () => {
    const { service, account, provider } = await readOnce();
    service.now = new Date(service.now.getTime() + 60_000);
    const [changed] = service.objects.values();
    service.change({ ...(changed?.value as never as object), total: 77 } as never);
    const again = await connected({ account }, provider);
    await again.walk(await again.open({ key: 'second', refetch: true }));
    const { steps } = await connected({ account }, better(provider));
    const report = await steps.renormalise({ account, force: false });
    expect(report.changedRows).toBe(30);
    const rows = await totals(account);
    expect(rows).toHaveLength(30);
    expect(new Set(rows.map(({ total }) => total))).toEqual(new Set([1_000n]));
  });

  it('makes rows of objects that could not be normalised when they were read', async () => {
    const { account, provider } = await readOnce((all) => ({
      ...all,
      normalise: (object) => {
        if (object.id < 'in_00010') throw new NotNormalisable('total: expected a number');
        return all.normalise(object);
      },
    }));
    expect(await totals(account)).toHaveLength(20);
    const batches = () =>
      db.selectFrom('raw_batch').select('id').where('account_id', '=', account).execute();
    const stored = await batches();
    const { steps } = await connected({ account }, provider);
    expect(await steps.renormalise({ account, force: true })).toMatchObject({
      objects: 30,
      notNormalised: 0,
    });
    expect(await totals(account)).toHaveLength(30);
    // What they were made from is stored already.
    expect(await batches()).toEqual(stored);
  });

  it('is followed by a run only where something came out otherwise', async () => {
    const { account, provider } = await readOnce();
    const { steps } = await connected({ account }, provider);
    await steps.computeMetrics({ account });
    await steps.renormalise({ account, force: true });
    await steps.computeMetrics({ account });
    expect(await listMetricRuns(db, { accountId: account, limit: 5 })).toHaveLength(1);
  });
});
