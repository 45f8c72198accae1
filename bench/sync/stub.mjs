/**
 * The API that all contenders read, a process of its own: Stripe's lists over pre-serialised invoices, each page a slice of what
 * was serialised at the start. It counts requests and answers as late as it is told.
 */
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';
import { makeInvoices } from './invoices.mjs';

const MAX_LIMIT = 100;
const DEFAULT_LIMIT = 10;
const DAY_SECONDS = 86_400;
const LIST_OPENS = Buffer.from('{"object":"list","data":[');
const JSON_TYPE = { 'content-type': 'application/json' };

const { values: options } = parseArgs({
  options: { invoices: { type: 'string' }, account: { type: 'string' } },
});
const count = Number(options.invoices);
const today = Math.floor(Date.now() / 1_000 / DAY_SECONDS) * DAY_SECONDS;
const invoices = makeInvoices({ count, before: today, account: options.account });
let requests = 0;
let latencyMs = 0;

/** How many invoices, which are newest first, were created later than at `seconds`. */
function newerThan(seconds) {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (invoices.created[middle] > seconds) low = middle + 1;
    else high = middle;
  }
  return low;
}

function positionOf(id, param) {
  const index = invoices.indexOf(id);
  if (index === undefined) throw missing(id, { status: 400, param });
  return index;
}

function listInvoices(query) {
  const seconds = (operator) => query.get(`created[${operator}]`);
  const given = (operator, toIndex, otherwise) =>
    seconds(operator) === null ? otherwise : toIndex(Number(seconds(operator)));
  const first = Math.max(
    given('lte', newerThan, 0),
    given('lt', (at) => newerThan(at - 1), 0),
  );
  const end = Math.min(
    given('gte', (at) => newerThan(at - 1), count),
    given('gt', newerThan, count),
  );
  const limit = Math.min(Number(query.get('limit') ?? DEFAULT_LIMIT), MAX_LIMIT);
  const before = query.get('ending_before');
  if (before !== null) {
    const to = Math.min(end, positionOf(before, 'ending_before'));
    const from = Math.max(first, to - limit);
    return list(from, to, from > first);
  }
  const after = query.get('starting_after');
  const from = after === null ? first : Math.max(first, positionOf(after, 'starting_after') + 1);
  const to = Math.min(end, from + limit);
  return list(from, to, to < end);
}

const list = (from, to, hasMore, url = '/v1/invoices') => [
  LIST_OPENS,
  ...invoices.bytesOf(from, to),
  Buffer.from(`],"has_more":${hasMore},"url":"${url}"}`),
];

/** Stripe's refusal for an id that it does not have. */
function missing(id, { status, param }) {
  const message = `No such object: '${id}'`;
  const error = { type: 'invalid_request_error', code: 'resource_missing', message, param };
  return Object.assign(new Error(message), { status, body: { error } });
}

const account = () => ({
  id: options.account,
  object: 'account',
  country: 'US',
  created: today - 3 * 365 * DAY_SECONDS,
  settings: { dashboard: { display_name: 'Benchmark Software Inc.' } },
});

/** The bytes of the answer to a request, in pieces. */
function answer(path, query) {
  if (path === '/v1/account') return [Buffer.from(JSON.stringify(account()))];
  if (path === '/v1/invoices') return listInvoices(query);
  const id = /^\/v1\/\w+\/([^/]+)$/.exec(path)?.[1];
  if (id === undefined) return list(0, 0, false, path);
  const index = path.startsWith('/v1/invoices/') ? invoices.indexOf(id) : undefined;
  if (index === undefined) throw missing(id, { status: 404, param: 'id' });
  return invoices.bytesOf(index, index + 1);
}

/** For the bench itself: not counted, never late. */
const CONTROL = {
  '/_bench/requests': () => ({ requests }),
  '/_bench/reset': (query) => {
    requests = 0;
    latencyMs = Number(query.get('latency'));
    return { latencyMs };
  },
};

function send(response, status, pieces) {
  const length = pieces.reduce((sum, { byteLength }) => sum + byteLength, 0);
  response.writeHead(status, { ...JSON_TYPE, 'content-length': length });
  response.cork();
  for (const piece of pieces) response.write(piece);
  response.end();
}

function respond(response, path, query) {
  try {
    send(response, 200, answer(path, query));
  } catch (error) {
    if (error.body === undefined) throw error;
    send(response, error.status, [Buffer.from(JSON.stringify(error.body))]);
  }
}

const server = createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url, 'http://stub');
  const control = CONTROL[pathname];
  if (control) {
    send(response, 200, [Buffer.from(JSON.stringify(control(searchParams)))]);
    return;
  }
  requests += 1;
  if (latencyMs === 0) respond(response, pathname, searchParams);
  else setTimeout(respond, latencyMs, response, pathname, searchParams);
});
// Node ends connections that are idle for 5 s by default; Stripe keeps them longer.
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address();
  process.stdout.write(
    `${JSON.stringify({ ready: true, url: `http://127.0.0.1:${port}`, before: today })}\n`,
  );
});
