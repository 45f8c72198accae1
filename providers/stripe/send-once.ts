/**
 * One request over a connection of its own: it is known here whether anything of it can have been sent.
 * A connection that is kept alive may be closed by the other side at the very moment of sending, and a process that was frozen
 * while it connected would send when it wakes, however late.
 */
import { once } from 'node:events';
import { connect as connectPlain, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { addressOf, exchange, isTls, type HttpAnswer, type HttpRequest } from './http';

export interface Sending {
  readonly signal: AbortSignal;
  /** Asked once there is a connection: nothing is sent any more. */
  readonly isTooLate: () => boolean;
  /** Called right before the first byte: from then on the request may have been carried out. */
  readonly onSend: () => void;
}

export async function sendOnce(
  url: URL,
  request: HttpRequest,
  { signal, isTooLate, onSend }: Sending,
): Promise<HttpAnswer> {
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
    const answer = await exchange(url, request, { createConnection: () => socket });
    const body = await answer.readBody();
    return { ...answer, readBody: () => Promise.resolve(body) };
  } finally {
    signal.removeEventListener('abort', abort);
    socket.destroy();
  }
}

export function deadlinePassed(): Error {
  return Object.assign(new Error('The time for this request is over.'), { code: 'ETIMEDOUT' });
}

async function connect(url: URL, signal: AbortSignal): Promise<Socket> {
  const socket = isTls(url) ? connectTls(addressOf(url)) : connectPlain(addressOf(url));
  try {
    await once(socket, isTls(url) ? 'secureConnect' : 'connect', { signal });
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

const asError = (reason: unknown): Error =>
  reason instanceof Error ? reason : new Error(String(reason));
