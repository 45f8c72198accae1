/**
 * A Snowflake for one test file: fakesnow behind a proxy that sees every request, and can lose, hold or replace an answer as the
 * test says.
 */
import { spawn } from 'node:child_process';
import {
  createServer,
  request as forward,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { gunzipSync } from 'node:zlib';
import type { SnowflakeSettings } from '../../warehouse/settings';

/** What becomes of a request: it is answered by the server, by the test, or is answered and the answer lost. */
export type Fate = 'served' | 'reply lost' | 'request lost' | { readonly answer: object };

export interface Asked {
  /** Path and query. */
  readonly url: URL;
  /** Its statement; empty for a login and the like. */
  readonly sql: string;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface Snowflake {
  /** Settings of a database of its own. */
  settings(own?: Partial<SnowflakeSettings>): SnowflakeSettings;
  /** Everything that was asked so far. */
  readonly asked: readonly Asked[];
  /** Decides about every request from now on; without an argument all are served. */
  decide(fateOf?: (asked: Asked) => Fate | Promise<Fate>): void;
  stop(): Promise<void>;
}

/** How Snowflake refuses: HTTP 200, and a code. */
export const refusal = (code: string, message = `refused with ${code}`): Fate => ({
  answer: { success: false, code, message, data: { errorCode: code, sqlState: '42501' } },
});

export async function startSnowflake(): Promise<Snowflake> {
  const fake = await startFakesnow();
  const asked: Asked[] = [];
  const served = (): Fate => 'served';
  let fateOf: (each: Asked) => Fate | Promise<Fate> = served;
  let databases = 0;
  const proxy = createServer((incoming, outgoing) => {
    void answer(incoming, outgoing).catch(() => outgoing.destroy());
  });
  const answer = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const payload = await bytesOf(incoming);
    const each = readAsked(incoming, payload);
    asked.push(each);
    const fate = await fateOf(each);
    if (fate === 'request lost') outgoing.destroy();
    else if (typeof fate === 'object') {
      outgoing.writeHead(200, { 'content-type': 'application/json' });
      outgoing.end(JSON.stringify(fate.answer));
    } else {
      const reply = await ask(fake.url, incoming, payload);
      const text = await bytesOf(reply);
      if (fate === 'reply lost') outgoing.destroy();
      else {
        outgoing.writeHead(reply.statusCode ?? 502, { 'content-type': 'application/json' });
        outgoing.end(text);
      }
    }
  };
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const { port } = proxy.address() as AddressInfo;
  return {
    asked,
    settings: (own = {}) => ({
      account: 'fakesnow',
      url: `http://127.0.0.1:${String(port)}`,
      user: 'RECOUP',
      auth: { kind: 'password', password: 'secret' },
      role: 'RECOUP_LOADER',
      warehouse: 'RECOUP_LOAD',
      database: `TEST_${String((databases += 1))}`,
      schema: 'RECOUP',
      ...own,
    }),
    decide: (next = served) => {
      fateOf = next;
    },
    stop: async () => {
      proxy.close();
      proxy.closeAllConnections();
      await fake.stop();
    },
  };
}

async function bytesOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function readAsked({ url, headers }: IncomingMessage, payload: Buffer): Asked {
  const text = headers['content-encoding'] === 'gzip' ? gunzipSync(payload) : payload;
  const body = text.length > 0 ? (JSON.parse(text.toString()) as Record<string, unknown>) : {};
  const sql = typeof body['sqlText'] === 'string' ? body['sqlText'] : '';
  return { url: new URL(url ?? '', 'http://snowflake'), sql, body };
}

const ask = (base: string, incoming: IncomingMessage, payload: Buffer): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    const { method, headers } = incoming;
    forward(`${base}${incoming.url ?? ''}`, { method, headers }, resolve)
      .once('error', reject)
      .end(payload);
  });

function startFakesnow(): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const script = join(__dirname, 'fakesnow', 'serve.mjs');
  const child = spawn(process.execPath, [script], { stdio: ['pipe', 'pipe', 'inherit'] });
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const stop = (): Promise<void> => {
    child.stdin.end();
    return gone;
  };
  return new Promise((resolve, reject) => {
    void gone.then(() => reject(new Error('fakesnow did not start: see what was said above.')));
    createInterface({ input: child.stdout }).once('line', (line) => {
      resolve({ ...(JSON.parse(line) as { url: string }), stop });
    });
  });
}
