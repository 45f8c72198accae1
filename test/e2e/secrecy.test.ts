/** What a workflow history may not hold: secrets and customer data. */
import { startSimulator, type Simulator } from '../../simulator/server';
import { accountWorkflowId } from '../../workflows/contract';
import { SIMULATOR_KEY, someAccountId, startRecoup, type Recoup } from '../support/recoup';
import { temporalClient } from '../support/temporal';

let simulator: Simulator;
let recoup: Recoup;
let histories: string;

beforeAll(async () => {
  simulator = await startSimulator({
    seed: 1,
    customers: 300,
    asOf: new Date('2026-11-01T00:00:00Z'),
    accountId: someAccountId(),
    keys: { [SIMULATOR_KEY]: { permissions: 'all' } },
  });
  recoup = await startRecoup();
  await recoup.startWorker();
  await recoup.connect({ account: simulator.accountId, apiBase: simulator.url });
  await recoup.json(['sync', simulator.accountId, '--json']);
  await recoup.json(['backfill', simulator.accountId, '--from', '2026-01-01', '--json']);
  histories = await exportHistories();
}, 180_000);

afterAll(async () => {
  await recoup.close();
  await simulator.close();
});

/** Every run of every workflow of this file's task queue, payloads decoded, as one text. */
async function exportHistories(): Promise<string> {
  const { client, close } = await temporalClient();
  const texts: string[] = [];
  const query = `TaskQueue = "${recoup.env['RECOUP_SYNC_TASK_QUEUE'] ?? ''}"`;
  for await (const { workflowId, runId } of client.workflow.list({ query })) {
    const history = await client.workflow.getHandle(workflowId, runId).fetchHistory();
    texts.push(
      // Payloads come as base64.
      JSON.stringify(history, (key, value: unknown) =>
        key === 'data' && typeof value === 'string'
          ? Buffer.from(value, 'base64').toString('utf8')
          : value,
      ),
    );
  }
  await close();
  return texts.join('\n');
}

test('the histories that are searched are those of the sync and the backfill, with their payloads', () => {
  expect(histories).toContain(accountWorkflowId(simulator.accountId));
  expect(histories).toContain('invoice_payment');
  expect(histories).toContain(`\\"account\\":\\"${simulator.accountId}\\"`);
});

test('no secret of any account stands in a history', () => {
  expect(histories).not.toContain(SIMULATOR_KEY);
  expect(histories).not.toMatch(/\b[sr]k_(test|live)_/);
});

test('no name, e-mail address, card or id of a customer stands in a history', () => {
  const { customers, paymentMethods } = simulator.world;
  const words = [
    ...customers.all.flatMap(({ id, name, email }) => [id, name, email]),
    ...paymentMethods.all.flatMap(({ id, fingerprint }) => [id, fingerprint]),
  ];
  expect(words.length).toBeGreaterThan(1_000);
  expect(words.filter((word) => histories.includes(word))).toEqual([]);
});

test('logs and rows hold no secret in clear either', async () => {
  const { rows } = await recoup.pool.query<{ row: string }>(
    'select to_jsonb(a)::text as row from account a union all select to_jsonb(t)::text from account_transition t',
  );
  expect(rows.length).toBeGreaterThan(1);
  const hex = Buffer.from(SIMULATOR_KEY).toString('hex');
  for (const { row } of rows) {
    expect(row).not.toContain(SIMULATOR_KEY);
    expect(row).not.toContain(hex);
  }
});
