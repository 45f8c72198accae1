import { once } from 'node:events';
import { readFileSync, realpathSync, statSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Connection } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time';
import { loadConfig } from '../../config/config';
import { SEARCH_ATTRIBUTES } from '../../workflows/contract';
import { createDatabase, query, temporalAddress } from '../support/stack';
import { Clone, type CloneOptions } from './clone';

/** Several starts each, on a machine that may be busy. */
jest.setTimeout(180_000);
const RETRY_MS = 50;

let clone: Clone;
const startClone = (options: CloneOptions = {}): Clone => (clone = new Clone(options));
afterEach(() => clone.dispose());

async function withTemporal<T>(
  address: string,
  work: (connection: Connection) => Promise<T>,
): Promise<T> {
  const connection = await Connection.connect({ address });
  try {
    return await work(connection);
  } finally {
    await connection.close();
  }
}

const startWorkflow = (address: string): Promise<unknown> =>
  withTemporal(address, ({ workflowService }) =>
    workflowService.startWorkflowExecution({
      namespace: 'default',
      workflowId: 'kept',
      workflowType: { name: 'kept' },
      taskQueue: { name: 'nobody' },
      requestId: 'kept',
    }),
  );

const findWorkflow = (address: string): Promise<unknown> =>
  withTemporal(address, ({ workflowService }) =>
    workflowService.describeWorkflowExecution({
      namespace: 'default',
      execution: { workflowId: 'kept' },
    }),
  );

/** Takes a port, as soon as whoever has it (another test's stack) gives it back. */
async function occupy(port: number): Promise<Server> {
  const server = createServer();
  for (;;) {
    server.listen(port, '127.0.0.1');
    try {
      await once(server, 'listening');
      return server;
    } catch {
      await delay(RETRY_MS);
    }
  }
}

describe('npm start', () => {
  it('runs the demo and stops: its JSON is the last line on stdout, its exit code ours, talk is on stderr', async () => {
    startClone({ demo: `console.log('{"account":"acct_demo"}'); process.exit(3)` });
    const launch = clone.start(['--once', '--json']);
    expect(await launch.end).toBe(3);
    expect(launch.stdout()).toBe('{"account":"acct_demo"}\n');
    expect(launch.stderr()).toMatch(/✓ Temporal [^]*✓ Simulator [^]*✓ Worker [^]*✓ Stopped/);
    expect(await clone.remains()).toEqual([]);
  });

  it('tells the CLI where everything is, in a file that nobody else can read', async () => {
    startClone();
    const launch = clone.start();
    const facts = await clone.up(launch);
    const stackFile = clone.path('.recoup/stack.json');
    expect(statSync(stackFile).mode & 0o777).toBe(0o600);
    expect(loadConfig({ env: {}, stackFile })).toMatchObject({
      DATABASE_URL: facts.databaseUrl,
      TEMPORAL_ADDRESS: facts.temporalAddress,
      RECOUP_TEMPORAL_UI_URL: facts.temporalUiUrl,
    });
    expect((await fetch(facts.temporalUiUrl)).status).toBe(200);
    expect(await query(facts.databaseUrl, 'select current_database()')).toEqual([
      { current_database: 'recoup' },
    ]);
  });

  it('refuses a second stack in the same clone, and names the first one', async () => {
    startClone();
    const first = clone.start();
    await clone.up(first);
    const second = clone.start();
    expect(await second.end).toBe(1);
    expect(second.stdout()).toContain(`running already, pid ${first.pid}`);
    expect(clone.facts().pids['launcher']).toBe(first.pid);
  });

  it('takes other ports when the usual ones are taken, and says so', async () => {
    const usual = [54329, 7233, 8233, 7243, 7234, 12900, 12901];
    const servers = await Promise.all(usual.map(occupy));
    try {
      startClone();
      const launch = clone.start(['--once', '--json']);
      expect(await launch.end).toBe(0);
      for (const port of usual) {
        expect(launch.stderr()).toMatch(new RegExp(`port ${port} is taken, using \\d+`));
      }
    } finally {
      for (const server of servers) server.close();
    }
  });

  it('goes on with what an earlier start has kept, also after SIGKILL, until --fresh wipes it', async () => {
    startClone();
    const first = clone.start(['--seed', '7', '--customers', '11']);
    const facts = await clone.up(first);
    await query(facts.databaseUrl, 'create table kept (id int)');
    await startWorkflow(facts.temporalAddress);
    first.process.kill('SIGKILL');

    // At once: it waits for the guard of the first one.
    const second = clone.start();
    const again = await clone.up(second);
    expect(second.stdout()).toMatch(/Simulator .*11 customers, seed 7/);
    expect(await query(again.databaseUrl, 'select * from kept')).toEqual([]);
    await expect(findWorkflow(again.temporalAddress)).resolves.toBeDefined();
    second.process.kill('SIGTERM');
    expect(await second.end).toBe(143);

    const other = clone.start(['--seed', '8']);
    expect(await other.end).toBe(1);
    expect(other.stdout()).toContain('made with --seed 7, not 8. Add --fresh');

    const fresh = clone.start(['--fresh', '--seed', '8']);
    const anew = await clone.up(fresh);
    expect(fresh.stdout()).toMatch(/Simulator .*seed 8/);
    await expect(query(anew.databaseUrl, 'select * from kept')).rejects.toMatchObject({
      code: '42P01',
    });
    await expect(findWorkflow(anew.temporalAddress)).rejects.toThrow(/not found/);
  });

  it('runs Postgres where its user cannot reach the clone, not even for the binaries', async () => {
    startClone({ ownPostgres: true });
    expect(statSync(clone.folder).mode & 0o777).toBe(0o700);
    const launch = clone.start(['--once', '--json']);
    expect(await launch.end).toBe(0);
    expect(launch.stderr()).toMatch(/✓ Postgres /);
    const data = realpathSync(clone.path('.recoup/postgres'));
    if (!data.startsWith(clone.folder)) {
      // By this `npm run doctor` knows the folder of a clone that is gone.
      expect(readFileSync(join(dirname(data), 'clone'), 'utf8')).toBe(clone.folder);
    }
  });

  it('uses servers that are given instead of its own, and registers its search attributes there', async () => {
    const { url, drop } = await createDatabase({
      template: 'empty',
      fill: () => Promise.resolve(),
    });
    const namespace = 'given';
    await withTemporal(temporalAddress(), ({ workflowService }) =>
      workflowService.registerNamespace({
        namespace,
        workflowExecutionRetentionPeriod: msToTs('1 day'),
      }),
    );
    startClone({ demo: `console.log(process.env.DATABASE_URL, process.env.TEMPORAL_NAMESPACE)` });
    const env = {
      DATABASE_URL: url,
      TEMPORAL_ADDRESS: temporalAddress(),
      TEMPORAL_NAMESPACE: namespace,
    };
    const launch = clone.start(['--once', '--json'], { env });
    expect(await launch.end).toBe(0);
    expect(launch.stdout()).toBe(`${url} ${namespace}\n`);
    expect(launch.stderr()).toMatch(
      /✓ Postgres .*\(DATABASE_URL\)[^]*✓ Temporal .*\(TEMPORAL_ADDRESS\)/,
    );
    const { customAttributes } = await withTemporal(temporalAddress(), ({ operatorService }) =>
      operatorService.listSearchAttributes({ namespace }),
    );
    expect(Object.keys(customAttributes ?? {})).toEqual(
      expect.arrayContaining(Object.values(SEARCH_ATTRIBUTES).map(({ name }) => name)),
    );
    await drop();
  });

  it.each([
    [['--customers', 'many'], "--customers takes a whole number from 1 to 100000, not 'many'"],
    [['--seed', '-1'], '--seed'],
    [['--onec'], "Unknown option '--onec'"],
  ])('refuses %j with one line and exit code 2', async (args, message) => {
    startClone();
    const launch = clone.start(args);
    expect(await launch.end).toBe(2);
    expect(launch.stderr()).toContain(message);
    expect(launch.stdout()).toBe('');
  });
});
