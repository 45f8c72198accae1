/** Retry and skip of one resource, by account and by run, with the built command line. */
import { permissionNames } from '../../simulator/stripe/keys';
import { startSimulator, type Simulator } from '../../simulator/server';
import { SIMULATOR_KEY, someAccountId, startRecoup, type Recoup } from '../support/recoup';

const ACCOUNT = someAccountId();
const ALL_BUT_DISPUTES = Object.fromEntries(
  permissionNames.filter((name) => name !== 'dispute').map((name) => [name, 'read' as const]),
);

let simulator: Simulator;
let recoup: Recoup;

beforeAll(async () => {
  simulator = await startSimulator({
    seed: 3,
    customers: 20,
    accountId: ACCOUNT,
    asOf: new Date('2026-11-01T00:00:00Z'),
    keys: { [SIMULATOR_KEY]: { permissions: ALL_BUT_DISPUTES } },
  });
  recoup = await startRecoup();
  await recoup.connect({ account: ACCOUNT, apiBase: simulator.url });
  await recoup.startWorker();
}, 60_000);

afterAll(async () => {
  await recoup.close();
  await simulator.close();
});

const grant = (permissions: 'all' | typeof ALL_BUT_DISPUTES) =>
  simulator.api.keys.set(SIMULATOR_KEY, { permissions });

interface Shown {
  readonly run: string;
  readonly state: string;
  readonly endedAt: string | null;
  readonly summary: string | null;
  readonly resources: { readonly resource: string; readonly state: string }[];
}

const newest = async (kind: string) => {
  const args = ['runs', 'list', '--account', ACCOUNT, '--kind', kind, '--limit', '1', '--json'];
  return ((await recoup.json(args)) as Shown[])[0];
};
const shown = async (run: string) => (await recoup.json(['runs', 'show', run, '--json'])) as Shown;
const account = () => recoup.json(['accounts', 'show', ACCOUNT, '--json']);

/** Asks again until it holds; the test's own limit ends it. */
async function eventually<T>(ask: () => Promise<T>, holds: (answer: T) => boolean): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (holds(answer)) return answer;
  }
}
const ended = (run: string) =>
  eventually(
    () => shown(run),
    ({ endedAt }) => endedAt !== null,
  );

const retryDisputes = `recoup accounts retry ${ACCOUNT} --resource dispute`;

test('an account shows what is parked and how to retry it, and a retry completes the very sync', async () => {
  expect(await recoup.cli(['sync', ACCOUNT])).toMatchObject({ code: 1 });
  expect(await account()).toMatchObject({
    attention: true,
    parked: [{ resource: 'dispute', reason: expect.stringMatching(/permission/i) as string }],
    todo: [retryDisputes],
  });
  const parked = await newest('sync');
  grant('all');
  const { code, stdout, stderr } = await recoup.cli(retryDisputes.split(' ').slice(1));
  expect({ code, stdout }).toEqual({
    code: 0,
    stdout: expect.stringMatching(new RegExp(`^${ACCOUNT} is syncing\\. .+\\n$`)) as string,
  });
  expect(stderr).toMatch(/^Temporal UI {2}http\S+\n/);
  expect(await ended(parked?.run ?? '')).toMatchObject({ state: 'complete' });
  expect(
    await eventually(account, (each) => (each as { state: string }).state === 'idle'),
  ).toMatchObject({ attention: false, parked: [], todo: [] });
}, 60_000);

test('a backfill that has ended partial is taken up again as the same run, and is complete', async () => {
  grant(ALL_BUT_DISPUTES);
  const backfill = ['backfill', ACCOUNT, '--resources', 'customer,dispute', '--refetch', '--json'];
  expect(await recoup.cli(backfill)).toMatchObject({ code: 1 });
  const { run = '' } = (await newest('backfill')) ?? {};
  grant('all');
  const { code, stdout, stderr } = await recoup.cli(['runs', 'retry', run]);
  expect({ code, stdout }).toEqual({
    code: 0,
    stdout: `${run} is running. What is parked or skipped in it is read again, in the window of the run.\n`,
  });
  expect(stderr).toContain(`To see how it goes: recoup runs show ${run}\n`);
  expect(
    await eventually(
      () => shown(run),
      ({ state }) => state === 'complete',
    ),
  ).toMatchObject({ endedAt: expect.any(String) as string });
  expect(await recoup.cli(['runs', 'retry', run])).toMatchObject({
    code: 2,
    stderr: `recoup: ${run} has ended: it is complete. Only what is partial can be retried.\n`,
  });
}, 60_000);

test('a resource is skipped in a backfill that goes on, and the others finish', async () => {
  simulator.faults.add([{ kind: '429', match: { path: '/v1/invoices' }, retryAfterSeconds: 1 }]);
  const before = (await newest('backfill'))?.run;
  const options = ['--resources', 'invoice,customer', '--refetch', '--no-wait', '--json'];
  await recoup.json(['backfill', ACCOUNT, ...options]);
  const run = await eventually(
    () => newest('backfill'),
    (each) => each?.run !== before && each?.endedAt === null,
  );
  const skip = ['runs', 'skip', run?.run ?? '', '--resource', 'invoice'];
  expect(await recoup.cli(skip)).toMatchObject({ code: 0 });
  const end = await ended(run?.run ?? '');
  simulator.faults.clear();
  expect(end).toMatchObject({
    state: 'partial',
    summary: expect.stringContaining('invoice is skipped') as string,
  });
  expect(end.resources).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ resource: 'invoice', state: 'skipped' }),
      expect.objectContaining({ resource: 'customer', state: 'done' }),
    ]),
  );
}, 60_000);

test('a resource that is always skipped is left out of syncs until it is retried', async () => {
  const steer = (verb: string, ...more: string[]) =>
    recoup.json(['accounts', verb, ACCOUNT, '--resource', 'dispute', '--json', ...more]);
  await steer('skip', '--always', '--reason', 'we have none');
  expect(await account()).toMatchObject({ leftOut: ['dispute'], todo: [retryDisputes] });
  expect(await recoup.cli(['sync', ACCOUNT])).toMatchObject({
    code: 1,
    stdout: expect.stringContaining('dispute is skipped') as string,
  });
  await steer('retry');
  expect(await account()).toMatchObject({ leftOut: [] });
}, 60_000);

test.each([
  ['accounts', ACCOUNT],
  ['runs', 'run_1'],
])('%s: a resource that does not exist is refused with the known ones', async (noun, id) => {
  for (const verb of ['retry', 'skip']) {
    expect(await recoup.cli([noun, verb, id, '--resource', 'disputes'])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(
        /^recoup: --resource does not know: disputes\. Those of stripe are /,
      ) as string,
    });
  }
});
