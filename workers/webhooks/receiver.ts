/**
 * Takes webhooks: `POST /webhooks/<accountId>`. A delivery is answered with 200 once it and what it tells to read again are
 * stored. Whoever sends to an unknown account or signs wrongly gets one and the same answer.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Kysely } from 'kysely';
import type { Logger } from 'pino';
import { translateDatabaseError } from '../../db/errors';
import { findWebhookAccount, takeWebhook } from '../../db/repositories/webhooks';
import type { Database } from '../../db/schema';
import type { SecretBox } from '../../db/secret-box';
import type { Provider } from '../../providers/provider';
import { readBody } from './body';
import { Refusals } from './refusals';

const MAX_BODY_BYTES = 1024 * 1024;
/** Deliveries under way at a time; more are told to come again. */
const MAX_AT_ONCE = 64;
const MAX_CONNECTIONS = 1_024;
const HEADERS_TIMEOUT_MS = 5_000;
/** For a whole request to arrive. */
const REQUEST_TIMEOUT_MS = 10_000;
const TIMEOUT_CHECK_MS = 1_000;
/** Longer than senders keep idle connections, so that none is closed while a delivery is on its way. */
const KEEP_ALIVE_MS = 65_000;
const RETRY_AFTER_SECONDS = 5;

const PATH = /^\/webhooks\/([\w.-]{1,200})$/;
const REFUSED = 'Not accepted. Check the address and the signing secret of the endpoint.';

export interface ReceiverOptions {
  readonly db: Kysely<Database>;
  readonly secretBox: SecretBox;
  readonly findProvider: (name: string) => Provider;
  /** Called when a delivery has left something to read. */
  readonly onHints: (account: string) => void;
  readonly logger: Logger;
}

export interface Receiver {
  readonly server: Server;
  /** Takes no more connections, finishes what is under way, and resolves when the last answer was sent. */
  drain(): Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly body: object;
  readonly headers?: Readonly<Record<string, string>>;
}

export function createReceiver(options: ReceiverOptions): Receiver {
  const refusals = new Refusals(options.logger);
  let underWay = 0;
  let draining = false;

  async function answer(request: IncomingMessage): Promise<Answer> {
    const path = (request.url ?? '').split('?', 1)[0] ?? '';
    if (path === '/healthz') return draining ? later('It is being shut down.') : ok();
    const [, account] = PATH.exec(path) ?? [];
    if (account === undefined) return problem(404, 'Nothing is here. Send to /webhooks/<account>.');
    if (request.method !== 'POST') {
      return { ...problem(405, 'Only POST is taken here.'), headers: { allow: 'POST' } };
    }
    if (underWay >= MAX_AT_ONCE) return later('Too many deliveries at once.');
    underWay += 1;
    try {
      const body = await readBody(request, { limitBytes: MAX_BODY_BYTES });
      if (body === null) return problem(413, `A body may have ${MAX_BODY_BYTES} bytes at most.`);
      const refused = await take(options, { account, headers: request.headers, body });
      if (refused === null) return ok();
      refusals.add(refused);
      return problem(400, REFUSED);
    } catch (thrown) {
      if (request.destroyed && !request.complete) return problem(400, 'It ended too early.');
      const error = translateDatabaseError(thrown);
      options.logger.debug({ err: thrown }, 'A delivery could not be stored');
      refusals.add(error instanceof Error ? error.message : String(error));
      return later('It cannot be stored now.');
    } finally {
      underWay -= 1;
    }
  }

  const server = createServer(
    {
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      connectionsCheckingInterval: TIMEOUT_CHECK_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
    },
    (request, response) => {
      void answer(request).then((given) =>
        send(response, given, { close: draining || !request.complete }),
      );
    },
  );
  server.maxConnections = MAX_CONNECTIONS;
  return {
    server,
    drain: async () => {
      draining = true;
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      await closed;
      refusals.report();
    },
  };
}

/** Stores a delivery, or says why it is refused. */
async function take(
  { db, secretBox, findProvider, onHints }: ReceiverOptions,
  delivery: {
    readonly account: string;
    readonly headers: IncomingMessage['headers'];
    readonly body: Buffer;
  },
): Promise<string | null> {
  const { account, body } = delivery;
  const known = await findWebhookAccount(db, account);
  if (known === null) return 'The account is not connected.';
  const { readWebhook } = findProvider(known.provider);
  const reading = readWebhook?.({
    headers: singleHeaders(delivery.headers),
    body,
    externalId: account,
    secrets: known.sealedSecrets.map((sealed) => secretBox.open(sealed, account)),
    now: new Date(),
  });
  if (reading === undefined) return `${known.provider} sends no webhooks.`;
  if (!reading.ok) return `${account}: ${reading.reason}`;
  const { eventId, eventType, hints } = reading;
  const isNew = await takeWebhook(db, { accountId: account, eventId, eventType, hints });
  if (isNew && hints.length > 0) onHints(account);
  return null;
}

const singleHeaders = (headers: IncomingMessage['headers']): Record<string, string | undefined> =>
  Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value[0] : value]),
  );

const ok = (): Answer => ({ status: 200, body: { ok: true } });

const problem = (status: number, error: string): Answer => ({ status, body: { error } });

const later = (error: string): Answer => ({
  ...problem(503, error),
  headers: { 'retry-after': String(RETRY_AFTER_SECONDS) },
});

/** A connection on which something was not read is of no more use. */
function send(response: ServerResponse, answer: Answer, { close }: { close: boolean }): void {
  if (close) response.shouldKeepAlive = false;
  const bytes = Buffer.from(JSON.stringify(answer.body));
  response.writeHead(answer.status, {
    'content-type': 'application/json',
    'content-length': bytes.length,
    ...answer.headers,
  });
  response.end(bytes);
}
