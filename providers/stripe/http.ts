/**
 * HTTP as Node has it: `fetch` takes three times the processor time for a page of some hundred kilobytes, and does not say
 * whether anything of a request has left.
 */
import {
  Agent as PlainAgent,
  request as requestPlain,
  type IncomingMessage,
  type OutgoingHttpHeaders,
} from 'node:http';
import { Agent as TlsAgent, request as requestTls, type RequestOptions } from 'node:https';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';

/** A connection that nobody used for so long may be gone without a word: many services keep it for 5 s. */
const IDLE_CONNECTION_MS = 4_000;
/** Of one answer, unpacked: a page of the largest invoices has some megabytes. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

const KEPT = { keepAlive: true, timeout: IDLE_CONNECTION_MS };
const PLAIN = new PlainAgent(KEPT);
const TLS = new TlsAgent(KEPT);

const unpack = promisify(gunzip);

export interface HttpRequest {
  readonly method: string;
  readonly headers: OutgoingHttpHeaders;
  readonly body: string;
}

/** An answer whose head has come. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  /** Reads the rest. Errors: those of the connection, and one for an answer that is too long. */
  readonly readBody: () => Promise<Buffer>;
}

/**
 * Sends a request over a connection that may have served others; the signal ends it at any time, until the body is read. Redirects
 * are answers like others: they are never followed with the key in hand.
 */
export function send(url: URL, request: HttpRequest, signal: AbortSignal): Promise<HttpAnswer> {
  const headers = { ...request.headers, 'Accept-Encoding': 'gzip' };
  const agent = isTls(url) ? TLS : PLAIN;
  return exchange(url, { ...request, headers }, { agent, signal });
}

/** The same with everything about the connection given. */
export function exchange(
  url: URL,
  { method, headers, body }: HttpRequest,
  connection: Pick<RequestOptions, 'agent' | 'createConnection' | 'signal'>,
): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const target = { ...addressOf(url), path: url.pathname + url.search };
    const named = { host: url.host, ...headers };
    (isTls(url) ? requestTls : requestPlain)({ ...target, method, headers: named, ...connection })
      .on('response', (response) => {
        const { statusCode: status = 0, headers: answered } = response;
        resolve({ status, headers: answered, readBody: () => readBody(response) });
      })
      .on('error', reject)
      .end(body);
  });
}

export const isTls = ({ protocol }: URL): boolean => protocol === 'https:';

/** Where to connect to: an IPv6 address without its brackets, and the port that its protocol has. */
export function addressOf(url: URL): { readonly host: string; readonly port: number } {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  return { host, port: Number(url.port === '' ? (isTls(url) ? 443 : 80) : url.port) };
}

function readBody(response: IncomingMessage): Promise<Buffer> {
  const isPacked = response.headers['content-encoding'] === 'gzip';
  const chunks: Buffer[] = [];
  let bytes = 0;
  return new Promise<Buffer>((resolve, reject) => {
    response
      .on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > MAX_ANSWER_BYTES) response.destroy(new Error('The answer is too long.'));
        else chunks.push(chunk);
      })
      .on('end', () => {
        resolve(Buffer.concat(chunks));
      })
      .on('error', reject)
      // Not every answer that breaks off is an error to Node.
      .on('close', () => {
        if (!response.complete) reject(new Error('The answer broke off.'));
      });
  }).then((body) => (isPacked ? unpack(body, { maxOutputLength: MAX_ANSWER_BYTES }) : body));
}
