/** Who is told of cases: settings of the account, messages that are told once more, by the built command line. */
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startSimulator, type Simulator } from '../../simulator/server';
import { SIMULATOR_KEY, someAccountId, startRecoup, type Recoup } from '../support/recoup';

const ACCOUNT = someAccountId();

let simulator: Simulator;
let recoup: Recoup;
let listener: Server;
let url: string;
const heard: { readonly headers: IncomingHttpHeaders; readonly body: string }[] = [];

beforeAll(async () => {
  listener = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      heard.push({ headers: request.headers, body: Buffer.concat(chunks).toString() });
      response.writeHead(204).end();
    });
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  url = `http://127.0.0.1:${(listener.address() as AddressInfo).port}/told`;
  simulator = await startSimulator({
    seed: 1,
    customers: 1,
    accountId: ACCOUNT,
    asOf: new Date('2026-11-01T00:00:00Z'),
    keys: { [SIMULATOR_KEY]: { permissions: 'all' } },
  });
  recoup = await startRecoup();
  await recoup.connect({ account: ACCOUNT, apiBase: simulator.url });
  await recoup.startWorker();
}, 60_000);

afterAll(async () => {
  await recoup.close();
  await simulator.close();
  listener.close();
});

const set = (...args: string[]) => recoup.cli(['accounts', 'set', ACCOUNT, ...args]);

test('an account keeps how its payments are recovered', async () => {
  expect(await set('--provider-retries', 'off', '--clock', 'simulated')).toMatchObject({
    code: 0,
    stdout: `The provider does not retry payments of ${ACCOUNT} by itself.\nCases of ${ACCOUNT} live by the provider’s simulated clock.\n`,
  });
  const { rows } = await recoup.pool.query('select clock, provider_retries from account');
  expect(rows).toEqual([{ clock: 'simulated', provider_retries: 'off' }]);
});

test.each(['http://example.com/told', 'https://user:word@example.com', 'nonsense'])(
  'nobody is told at %s',
  async (address) => {
    expect(await set('--notify-url', address)).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(
        /^recoup: --notify-url: .+ Give an https address, or none\.\n$/,
      ) as string,
    });
  },
);

test('a message is told once more, signed with the secret that was shown once', async () => {
  const { notifySecret } = (await recoup.json([
    'accounts',
    'set',
    ACCOUNT,
    '--notify-url',
    url,
    '--json',
  ])) as { notifySecret: string };
  const { rows } = await recoup.pool.query<{ id: string; sealed: string }>(
    `insert into outgoing_webhook (account_id, type, dedup_key, body, state, attempts, last_error)
     values ($1, 'recovery.customer_needed', 'once', '{"invoice": "in_1"}', 'given_up', 50, 'nobody answers')
     returning id, (select encode(outgoing_secret, 'escape') from account) as sealed`,
    [ACCOUNT],
  );
  const id = rows[0]?.id ?? '';
  expect(rows[0]?.sealed).not.toContain(notifySecret);
  expect((await recoup.cli(['accounts', 'show', ACCOUNT, '--json'])).stdout).not.toContain(
    notifySecret,
  );
  expect(await recoup.cli(['notifications', 'replay', id])).toMatchObject({
    code: 0,
    stdout: `${id} is told once more. To see it: recoup notifications list\n`,
  });
  while (heard.length === 0) await new Promise((resolve) => setTimeout(resolve, 50));
  const { headers, body } = heard[0] ?? { headers: {}, body: '' };
  expect(JSON.parse(body)).toMatchObject({
    type: 'recovery.customer_needed',
    data: { invoice: 'in_1' },
  });
  const key = Buffer.from(notifySecret.slice('whsec_'.length), 'base64');
  const signed = `${id}.${String(headers['webhook-timestamp'])}.${body}`;
  const signature = createHmac('sha256', key).update(signed).digest('base64');
  expect(headers).toMatchObject({ 'webhook-id': id, 'webhook-signature': `v1,${signature}` });
  const sent = async () =>
    (await recoup.json(['notifications', 'list', '--state', 'sent', '--json'])) as unknown[];
  while ((await sent()).length === 0);
  expect(await sent()).toMatchObject([{ message: id, state: 'sent', attempts: 1 }]);
}, 60_000);

test('a message that is not there is named', async () => {
  expect(await recoup.cli(['notifications', 'replay', 'msg_0'])).toMatchObject({
    code: 2,
    stderr: 'recoup: No message is called "msg_0". See `recoup notifications list`.\n',
  });
});

test('nobody is told any more once the address is none', async () => {
  expect(await set('--notify-url', 'none')).toMatchObject({
    stdout: `Nobody is told of cases of ${ACCOUNT} any more.\n`,
  });
  const { rows } = await recoup.pool.query('select outgoing_url, outgoing_secret from account');
  expect(rows).toEqual([{ outgoing_url: null, outgoing_secret: null }]);
});
