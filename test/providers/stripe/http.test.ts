/** How requests travel: what a page of some hundred kilobytes needs, and what may go wrong on its way. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { send } from '../../../providers/stripe/http';

const LONGEST_BYTES = 64 * 1024 * 1024;

let answer: (request: IncomingMessage, response: ServerResponse) => void;
let sockets: Set<Socket>;
const server = createServer((request, response) => {
  sockets.add(request.socket);
  answer(request, response);
});

beforeAll(() => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)));
beforeEach(() => {
  sockets = new Set();
});
afterAll(
  () =>
    new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    }),
);

async function ask(signal = new AbortController().signal): Promise<string> {
  const { port } = server.address() as AddressInfo;
  const url = new URL(`http://127.0.0.1:${String(port)}/v1/invoices`);
  const { readBody } = await send(url, { method: 'GET', headers: {}, body: '' }, signal);
  return (await readBody()).toString();
}

test('an answer may come packed, and is asked for so', async () => {
  answer = (request, response) => {
    expect(request.headers['accept-encoding']).toBe('gzip');
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('1 × Team'));
  };
  expect(await ask()).toBe('1 × Team');
});

test('one connection serves one request after the other', async () => {
  answer = (_, response) => response.end('ok');
  for (let requests = 0; requests < 3; requests += 1) expect(await ask()).toBe('ok');
  expect(sockets.size).toBe(1);
});

test('an answer that breaks off is an error', async () => {
  answer = (_, response) => {
    response.writeHead(200, { 'content-length': '100' }).write('half');
    setImmediate(() => response.destroy());
  };
  await expect(ask()).rejects.toThrow();
});

test('a signal ends the wait for the rest of an answer', async () => {
  const controller = new AbortController();
  answer = (_, response) => {
    response.writeHead(200).write('half');
    setImmediate(() => controller.abort());
  };
  await expect(ask(controller.signal)).rejects.toThrow('abort');
});

test('an answer beyond all bounds is not read to its end', async () => {
  const part = Buffer.alloc(1024 * 1024);
  answer = (_, response) => {
    const more = (): void => {
      while (!response.destroyed && response.write(part));
    };
    response.on('drain', more);
    more();
  };
  await expect(ask()).rejects.toThrow('too long');
  answer = (_, response) => {
    const packed = gzipSync(Buffer.alloc(LONGEST_BYTES + 1));
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(packed);
  };
  await expect(ask()).rejects.toThrow();
});
