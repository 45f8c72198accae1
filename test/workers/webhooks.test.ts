/** The webhook receiver as it is run: a process of its own, before a real Postgres and a real Temporal. */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Client, Connection } from '@temporalio/client';
import type { Kysely } from 'kysely';
import Stripe from 'stripe';
import { saveAccount } from '../../db/repositories/accounts';
import { pruneInbox, setWebhookSecrets } from '../../db/repositories/webhooks';
import type { Database } from '../../db/schema';
import { createSecretBox } from '../../db/secret-box';
import { accountWorkflowId } from '../../workflows/contract';
import { openTestDatabase } from '../support/database';
import { someAccountId } from '../support/recoup';
import { temporalAddress } from '../support/stack';

const MAIN = join(__dirname, '..', '..', 'dist', 'workers', 'webhooks.js');
const SECRET = 'whsec_current';
const KEY = 'b'.repeat(64);
const box = createSecretBox({ key: KEY, keyFile: '' });
const sdk = new Stripe('sk_test');

let db: Kysely<Database>;
let databaseUrl: string;
let closeDatabase: () => Promise<void>;
let receiver: Receiver;
beforeAll(async () => {
  ({ db, url: databaseUrl, close: closeDatabase } = await openTestDatabase());
  receiver = await startReceiver();
});
afterAll(async () => {
  await receiver.stop();
  await closeDatabase();
});

interface Receiver {
  readonly url: string;
  readonly child: ChildProcessWithoutNullStreams;
  readonly ended: Promise<number | null>;
  logs(): string;
  stop(): Promise<number | null>;
}

async function startReceiver(env: Record<string, string> = {}): Promise<Receiver> {
  const child = spawn(process.execPath, [MAIN], {
    env: {
      ...process.env,
      DATABASE_URL: databaseUrl,
      // Nobody is there: taking deliveries does not need it.
      TEMPORAL_ADDRESS: '127.0.0.1:1',
      RECOUP_SECRET_KEY: KEY,
      RECOUP_WEBHOOK_PORT: '0',
      ...env,
    },
  });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const ended = once(child, 'close').then(([code]) => code as number | null);
  const first = once(createInterface(child.stdout), 'line').then(([line]) => String(line));
  const line = await Promise.race([first, ended.then(() => Promise.reject(new Error(stderr)))]);
  const { url } = JSON.parse(line) as { url: string };
  const stop = () => {
    child.kill('SIGTERM');
    return ended;
  };
  return { url, child, ended, logs: () => stderr, stop };
}

/** A connected account with these signing secrets. */
async function addAccount(secrets: readonly string[] = [SECRET]): Promise<string> {
  const id = someAccountId();
  await saveAccount(db, {
    normaliserVersion: 1,
    id,
    provider: 'stripe',
    displayName: null,
    apiBase: null,
    sealedSecret: box.seal('sk_test', id),
  });
  const sealedSecrets = secrets.map((secret) => box.seal(secret, id));
  await setWebhookSecrets(db, { accountId: id, sealedSecrets });
  return id;
}

interface Delivery {
  readonly body: string;
  readonly headers: Record<string, string>;
}

const eventOf = (options: { id?: string; invoice?: string; created?: number } = {}) => ({
  id: options.id ?? `evt_${someAccountId()}`,
  object: 'event',
  type: 'invoice.paid',
  created: options.created ?? 1_790_000_000,
  data: { object: { object: 'invoice', id: options.invoice ?? 'in_1' } },
});

function delivery(
  event: object = eventOf(),
  { secret = SECRET, signedAt = new Date() }: { secret?: string; signedAt?: Date } = {},
): Delivery {
  const body = JSON.stringify(event);
  const timestamp = Math.floor(signedAt.getTime() / 1000);
  const signature = sdk.webhooks.generateTestHeaderString({ payload: body, secret, timestamp });
  return { body, headers: { 'stripe-signature': signature } };
}

async function send(
  account: string,
  { body, headers }: Delivery,
  to: Receiver = receiver,
): Promise<{ status: number; body: unknown; headers: Headers }> {
  const url = `${to.url}/webhooks/${account}`;
  const response = await fetch(url, { method: 'POST', body, headers });
  return { status: response.status, body: await response.json(), headers: response.headers };
}

const inbox = async (account: string): Promise<string[]> =>
  (
    await db
      .selectFrom('webhook_inbox')
      .select('event_id')
      .where('account_id', '=', account)
      .orderBy('event_id')
      .execute()
  ).map((row) => row.event_id);

const hints = (account: string) =>
  db
    .selectFrom('hint')
    .select(['resource', 'external_id as id', 'source', 'changed_at as changedAt'])
    .where('account_id', '=', account)
    .orderBy('external_id')
    .execute();

/** A connection by hand: what `fetch` would not send. */
async function dial({ url }: Receiver): Promise<{ socket: Socket; answer: Promise<string> }> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  await once(socket, 'connect');
  const answer = new Promise<string>((resolve) => {
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
    socket.on('error', () => resolve(text));
    socket.on('close', () => resolve(text));
  });
  return { socket, answer };
}

const head = (account: string, lines: readonly string[]): string =>
  [`POST /webhooks/${account} HTTP/1.1`, 'host: x', 'connection: close', ...lines, '', ''].join(
    '\r\n',
  );

test('a genuine delivery is stored with what it tells to read again before it is answered', async () => {
  const account = await addAccount();
  expect(await send(account, delivery(eventOf({ id: 'evt_1' })))).toMatchObject({
    status: 200,
    body: { ok: true },
  });
  expect(await inbox(account)).toEqual(['evt_1']);
  expect(await hints(account)).toEqual([
    { resource: 'invoice', id: 'in_1', source: 'webhook', changedAt: new Date(1_790_000_000_000) },
  ]);
});

test('the same event again, and many of the same at once, say nothing new', async () => {
  const account = await addAccount();
  const event = delivery(eventOf({ id: 'evt_1' }));
  const answers = await Promise.all(Array.from({ length: 8 }, () => send(account, event)));
  expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 8 }, () => 200));
  expect(await inbox(account)).toEqual(['evt_1']);
  await db.deleteFrom('hint').where('account_id', '=', account).execute();
  expect((await send(account, event)).status).toBe(200);
  expect(await hints(account)).toEqual([]);
});

test('whatever the order of two changes, the newer one stands', async () => {
  const account = await addAccount();
  await send(account, delivery(eventOf({ created: 1_790_000_060 })));
  await send(account, delivery(eventOf({ created: 1_790_000_000 })));
  expect(await hints(account)).toMatchObject([{ changedAt: new Date(1_790_000_060_000) }]);
});

test('while a secret is being replaced both are good, and afterwards only the new one', async () => {
  const account = await addAccount(['whsec_next', SECRET]);
  const old = () => send(account, delivery());
  const next = () => send(account, delivery(eventOf(), { secret: 'whsec_next' }));
  expect([(await old()).status, (await next()).status]).toEqual([200, 200]);
  const sealedSecrets = [box.seal('whsec_next', account)];
  await setWebhookSecrets(db, { accountId: account, sealedSecrets });
  expect([(await old()).status, (await next()).status]).toEqual([400, 200]);
});

test('all that is refused looks the same, leaves nothing, and is logged without end in one line', async () => {
  const account = await addAccount();
  const silent = await addAccount([]);
  const genuine = delivery();
  const ago = (seconds: number) => new Date(Date.now() - seconds * 1000);
  const own = await startReceiver();
  const refused = await Promise.all([
    send(someAccountId(), genuine, own),
    send(silent, genuine, own),
    send(account, delivery(eventOf(), { secret: 'whsec_wrong' }), own),
    send(account, delivery(eventOf(), { signedAt: ago(330) }), own),
    send(account, delivery(eventOf(), { signedAt: ago(-330) }), own),
    send(account, { ...genuine, body: genuine.body.replace('in_1', 'in_2') }, own),
    send(account, { ...genuine, headers: {} }, own),
    send(account, delivery({ ...eventOf(), account: 'acct_other' }), own),
    ...Array.from({ length: 40 }, () => send(account, { ...genuine, headers: {} }, own)),
  ]);
  expect(new Set(refused.map(({ status, body }) => JSON.stringify([status, body])))).toEqual(
    new Set([
      '[400,{"error":"Not accepted. Check the address and the signing secret of the endpoint."}]',
    ]),
  );
  expect(await inbox(account)).toEqual([]);
  expect(await hints(account)).toEqual([]);
  expect(await own.stop()).toBe(0);
  const lines = own.logs().trim().split('\n');
  expect(lines).toHaveLength(1);
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({
    refused: expect.arrayContaining([
      { reason: `${account}: It has no readable Stripe-Signature header.`, count: 41 },
      { reason: 'The account is not connected.', count: 1 },
    ]),
  });
});

test('what is no delivery is told so', async () => {
  const ask = async (method: string, path: string) => {
    const { status, headers } = await fetch(`${receiver.url}${path}`, { method });
    return [status, headers.get('allow')];
  };
  expect(await ask('GET', '/healthz')).toEqual([200, null]);
  expect(await ask('GET', '/webhooks/acct_1')).toEqual([405, 'POST']);
  expect(await ask('POST', '/webhooks/acct_1/more')).toEqual([404, null]);
  expect(await ask('POST', '/')).toEqual([404, null]);
});

test('a giant body is refused as soon as it is known to be one, announced or not', async () => {
  const account = await addAccount();
  const announced = await dial(receiver);
  announced.socket.write(head(account, ['content-length: 1048577']));
  expect(await announced.answer).toMatch(/^HTTP\/1\.1 413 /);

  const chunked = await dial(receiver);
  chunked.socket.write(head(account, ['transfer-encoding: chunked']));
  chunked.socket.write(`100001\r\n${'x'.repeat(0x100001)}`);
  expect(await chunked.answer).toMatch(/^HTTP\/1\.1 413 /);
});

test('a body that does not come is waited for some seconds only', async () => {
  const account = await addAccount();
  const { socket, answer } = await dial(receiver);
  socket.write(`${head(account, ['content-length: 100'])}{`);
  expect(await answer).toMatch(/^HTTP\/1\.1 408 /);
  expect((await send(account, delivery())).status).toBe(200);
});

test('told to stop in the middle of a delivery, it finishes that one, takes no more, and ends with 0', async () => {
  const account = await addAccount();
  const own = await startReceiver();
  const { body, headers } = delivery(eventOf({ id: 'evt_1' }));
  const { socket, answer } = await dial(own);
  const lines = [
    `content-length: ${body.length}`,
    `stripe-signature: ${headers['stripe-signature']}`,
  ];
  socket.write(head(account, lines) + body.slice(0, 10));
  // Answered after the first part of ours has arrived: both go through the same loop.
  expect((await fetch(`${own.url}/healthz`)).status).toBe(200);
  own.child.kill('SIGTERM');
  while (
    await fetch(`${own.url}/healthz`).then(
      () => true,
      () => false,
    )
  )
    continue;
  socket.write(body.slice(10));
  expect(await answer).toMatch(/^HTTP\/1\.1 200 /);
  expect(await inbox(account)).toEqual(['evt_1']);
  expect(await own.ended).toBe(0);
});

test('while Postgres is away deliveries are to come again, and then they are taken', async () => {
  const account = await addAccount();
  const proxy = await startProxy(databaseUrl);
  const own = await startReceiver({ DATABASE_URL: proxy.url });
  const event = delivery(eventOf({ id: 'evt_1' }));
  proxy.cut();
  const away = await send(account, event, own);
  expect([away.status, away.headers.get('retry-after')]).toEqual([503, '5']);
  await proxy.mend();
  expect((await send(account, event, own)).status).toBe(200);
  expect(await inbox(account)).toEqual(['evt_1']);
  expect(await own.stop()).toBe(0);
  proxy.cut();
});

test('a delivery wakes its account, which is started for it; so does what waited before the start', async () => {
  const [account, waiting] = [await addAccount(), await addAccount()];
  await send(waiting, delivery());
  const connection = await Connection.connect({ address: temporalAddress() });
  const { workflow } = new Client({ connection });
  const own = await startReceiver({
    TEMPORAL_ADDRESS: temporalAddress(),
    RECOUP_SYNC_TASK_QUEUE: `test-${account}`,
  });
  await send(account, delivery(), own);
  for (const each of [account, waiting]) {
    const handle = workflow.getHandle(accountWorkflowId(each));
    const wakes = await eventually(async () => {
      const { events } = await handle.fetchHistory();
      return events?.flatMap(({ workflowExecutionSignaledEventAttributes: signal }) =>
        signal ? [signal.signalName] : [],
      );
    });
    expect(wakes).toEqual(['wake']);
    await handle.terminate('The test is over.');
  }
  expect(await own.stop()).toBe(0);
  await connection.close();
});

test('deliveries of long ago are forgotten, a bounded number at a time', async () => {
  const account = await addAccount();
  const day = 86_400_000;
  const values = [31, 32, 33, 1].map((days) => ({
    account_id: account,
    event_id: `evt_${days}`,
    type: 'x',
    received_at: new Date(Date.now() - days * day),
  }));
  await db.insertInto('webhook_inbox').values(values).execute();
  const prune = () => pruneInbox(db, { olderThanMs: 30 * day, limit: 2 });
  expect([await prune(), await prune(), await prune()]).toEqual([2, 1, 0]);
  expect(await inbox(account)).toEqual(['evt_1']);
});

test.each([
  ['a wrong port', { RECOUP_WEBHOOK_PORT: '70000' }, /RECOUP_WEBHOOK_PORT is wrong: /],
  ['an absent Postgres', { DATABASE_URL: 'postgres://u:p@127.0.0.1:1/x' }, /Postgres/],
  [
    'a host of others',
    { RECOUP_WEBHOOK_HOST: '192.0.2.1' },
    /cannot listen: .* RECOUP_WEBHOOK_HOST/,
  ],
])('%s ends it with one line that says so', async (_, env, text) => {
  await expect(startReceiver(env)).rejects.toThrow(text);
});

/** Tries until there is an answer. The test's own time limit ends it. */
async function eventually<T>(attempt: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await attempt();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

/** Stands between the receiver and Postgres, so that Postgres can go away for one of them. */
async function startProxy(url: string) {
  const target = new URL(url);
  const sockets = new Set<Socket>();
  let server: Server;
  const listen = async (port: number): Promise<number> => {
    server = createServer((near) => {
      const far = connect(Number(target.port), target.hostname);
      for (const socket of [near, far]) {
        sockets.add(socket);
        socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
      }
      near.pipe(far).pipe(near);
    }).listen(port, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  };
  const port = await listen(0);
  target.port = String(target.port);
  const proxied = new URL(url);
  proxied.port = String(port);
  return {
    url: proxied.href,
    cut: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
    mend: () => listen(port),
  };
}
