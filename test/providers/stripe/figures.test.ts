/** Stripe's own figures by both ways: its lists, and the oracle of a simulator, which shares nothing with them. */
import { FIGURE_KINDS, type Figure, type FigureKind } from '../../../domain/reconcile/figures';
import type { Figures } from '../../../providers/provider';
import { createApi } from '../../../providers/stripe/client';
import { listedFigures } from '../../../providers/stripe/figures';
import { openOracle } from '../../../providers/stripe/oracle';
import type { MrrTruth } from '../../../simulator/oracle/mrr';
import { startSimulator, type Simulator } from '../../../simulator/server';
import { sendJson, startHttpStub } from '../../support/http-stub';

const AS_OF = new Date('2026-11-01T00:00:00Z');
const KEY = 'sk_test_figures';
const { signal } = new AbortController();

let simulator: Simulator;
let listed: Figures;
let oracle: Figures;

beforeAll(async () => {
  simulator = await startSimulator({
    ...{ seed: 3, customers: 150, asOf: AS_OF, now: AS_OF },
    keys: { [KEY]: { permissions: 'all' } },
  });
  simulator.clock.set(AS_OF, { stopped: true });
  const connection = { externalId: simulator.accountId, secret: KEY, apiBase: simulator.url };
  listed = listedFigures(createApi(connection), null);
  const opened = await openOracle(`${simulator.url}/`, signal);
  if (opened === null) throw new Error('A simulator has an oracle.');
  oracle = opened;
});

afterAll(() => simulator.close());

async function walk(figures: Figures, kind: FigureKind, from: Date | null = null) {
  const all: Figure[] = [];
  let cursor: string | null = null;
  let pages = 0;
  do {
    const window = { from, to: AS_OF };
    const page = await figures.readPage({ kind, window, cursor, signal });
    expect(page.unreadable).toEqual([]);
    all.push(...page.figures);
    cursor = page.nextCursor;
    pages += 1;
  } while (cursor !== null);
  return { all, pages };
}

const byId = (figures: readonly Figure[]) => new Map(figures.map((each) => [each.id, each]));

test.each(FIGURE_KINDS)('%s: the lists and the oracle say the same of each', async (kind) => {
  const [lists, books] = [await walk(listed, kind), await walk(oracle, kind)];
  expect(books.all.length).toBeGreaterThan(0);
  expect(byId(lists.all)).toEqual(byId(books.all));
  expect(lists.all).toHaveLength(books.all.length);
});

test('windows are half-open, and pages go on after each other', async () => {
  const from = new Date('2026-06-01T00:00:00Z');
  const { all, pages } = await walk(oracle, 'invoice');
  expect(pages).toBeGreaterThan(1);
  const own = all.filter(({ createdAt }) => createdAt >= from);
  expect(byId((await walk(listed, 'invoice', from)).all)).toEqual(byId(own));
  expect(byId((await walk(oracle, 'invoice', from)).all)).toEqual(byId(own));
});

test('MRR just before an instant is what held until then', async () => {
  const { mrr } = oracle;
  if (mrr === null) throw new Error('The oracle states MRR.');
  const truth = (await (await fetch(`${simulator.url}/_oracle/mrr`)).json()) as MrrTruth;
  const own = truth.customers.find(({ steps }) => steps.length > 1);
  const step = own?.steps[1];
  if (own === undefined || step === undefined) throw new Error('Somebody has moved twice.');
  const minorAt = async (at: Date) =>
    (await mrr.readAt(at, signal)).find(
      ({ customer, currency }) => customer === own.customer && currency === own.currency,
    )?.minor ?? 0n;
  const at = new Date(step.at);
  expect(await minorAt(at)).toBe(BigInt(own.steps[0]?.mrrMinor ?? ''));
  expect(await minorAt(new Date(at.getTime() + 1))).toBe(BigInt(step.mrrMinor));
});

test('what answers without being a simulator has no oracle', async () => {
  const stub = await startHttpStub((_, response) => sendJson(response, 404, { error: {} }));
  expect(await openOracle(stub.base, signal)).toBeNull();
  await stub.close();
});

test('an object whose figures cannot be read is named, and hides no other', async () => {
  const invoice = { object: 'invoice', customer: 'cus_1', status: 'open', created: 1_780_000_000 };
  const amounts = { total: 5, amount_due: 5, amount_paid: 0 };
  const data = [
    { id: 'in_2', ...invoice, ...amounts, currency: 'xxz' },
    { id: 'in_1', ...invoice, ...amounts, currency: 'eur' },
  ];
  const stub = await startHttpStub((_, response) =>
    sendJson(
      response,
      200,
      { object: 'list', has_more: false, data },
      { date: AS_OF.toUTCString() },
    ),
  );
  const api = createApi({ externalId: 'acct_1', secret: KEY, apiBase: stub.base });
  const window = { from: null, to: AS_OF };
  const page = await listedFigures(api, null).readPage({
    kind: 'invoice',
    window,
    cursor: null,
    signal,
  });
  expect(page.figures.map(({ id }) => id)).toEqual(['in_1']);
  expect(page.unreadable).toEqual([
    { id: 'in_2', reason: 'invoice.currency: expected the code of a currency' },
  ]);
  await stub.close();
});

test('a cursor whose invoice was deleted meanwhile goes on from its second', async () => {
  const answers = [
    {
      status: 400,
      body: {
        error: {
          code: 'resource_missing',
          param: 'starting_after',
          type: 'invalid_request_error',
          message: 'No such invoice',
        },
      },
    },
    { status: 200, body: { object: 'list', has_more: false, data: [] } },
  ];
  const stub = await startHttpStub((_, response) => {
    const answer = answers.shift();
    sendJson(response, answer?.status ?? 500, answer?.body, { date: AS_OF.toUTCString() });
  });
  const api = createApi({ externalId: 'acct_1', secret: KEY, apiBase: stub.base });
  const window = { from: null, to: AS_OF };
  const cursor = 'in_9 1780000000';
  await listedFigures(api, null).readPage({ kind: 'invoice', window, cursor, signal });
  expect(stub.requests.at(-1)).toBe('/v1/invoices?limit=100&created[lt]=1780000001');
  await stub.close();
});
