/**
 * One request over a connection of its own: what `fetch` does not tell is known here, whether anything of it can have been sent.
 * A connection that is kept alive may be closed by the other side at the very moment of sending, and a process that was frozen
 * while it connected would send when it wakes, however late.
 */
import { once } from 'node:events';
import { request as makeRequest, type IncomingMessage } from 'node:http';
import { connect as connectPlain, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

/** Stripe's answers to payments have some tens of kilobytes. */
const MAX_ANSWER_BYTES = 8 * 1024 * 1024;
const NO_CONTENT = new Set([204, 205, 304]);

export interface Sending {
  readonly signal: AbortSignal;
  /** Asked once there is a connection: nothing is sent any more. */
  readonly isTooLate: () => boolean;
  /** Called right before the first byte: from then on the request may have been carried out. */
  readonly onSend: () => void;
}

export async function sendOnce(
  url: URL,
  init: RequestInit,
  { signal, isTooLate, onSend }: Sending,
): Promise<Response> {
  const socket = await connect(url, signal);
  const abort = (): void => {
    socket.destroy(asError(signal.reason));
  };
  try {
    signal.throwIfAborted();
    // Not left to the signal's timer: on waking, a connection that is ready comes before timers that are due.
    if (isTooLate()) throw deadlinePassed();
    signal.addEventListener('abort', abort, { once: true });
    onSend();
    return await exchange(socket, url, init);
  } finally {
    signal.removeEventListener('abort', abort);
    socket.destroy();
  }
}

export function deadlinePassed(): Error {
  return Object.assign(new Error('The time for this request is over.'), { code: 'ETIMEDOUT' });
}

async function connect(url: URL, signal: AbortSignal): Promise<Socket> {
  const isTls = url.protocol === 'https:';
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const port = Number(url.port === '' ? (isTls ? 443 : 80) : url.port);
  const socket = isTls ? connectTls({ host, port }) : connectPlain({ host, port });
  try {
    await once(socket, isTls ? 'secureConnect' : 'connect', { signal });
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

async function exchange(socket: Socket, url: URL, init: RequestInit): Promise<Response> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    makeRequest({
      createConnection: () => socket,
      method: init.method,
      path: url.pathname + url.search,
      headers: { ...Object.fromEntries(new Headers(init.headers)), host: url.host },
    })
      .on('response', resolve)
      .on('error', reject)
      .end(init.body);
  });
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES) throw new Error('The answer is too long.');
    chunks.push(chunk);
  }
  const status = response.statusCode ?? 0;
  const headers = Object.entries(response.headers).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[name, String(value)]],
  );
  return new Response(NO_CONTENT.has(status) ? null : Buffer.concat(chunks), { status, headers });
}

const asError = (reason: unknown): Error =>
  reason instanceof Error ? reason : new Error(String(reason));
