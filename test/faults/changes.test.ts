/**
 * Changes, webhooks, the feed, pages that are committed late, and walks that are given up, in any order: what one more sync then
 * leaves are the rows of one clean sync of the same world.
 */
import { MockActivityEnvironment } from '@temporalio/testing';
import fc from 'fast-check';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { sql, type Kysely } from 'kysely';
import pino from 'pino';
import { createActivities } from '../../activities';
import type { Activities, RunKind, WalkReport } from '../../activities/contract';
import { saveAccount } from '../../db/repositories/accounts';
import { setWebhookSecrets } from '../../db/repositories/webhooks';
import type { Database } from '../../db/schema';
import { createSecretBox } from '../../db/secret-box';
import { RECORD_KINDS, type RecordKind } from '../../domain/records';
import type { Provider, ProviderClient } from '../../providers/provider';
import { findProvider } from '../../providers/registry';
import { DEFAULT_API_KEY, startSimulator, type Simulator } from '../../simulator/server';
import { createDuckDbWarehouse } from '../../warehouse/duckdb';
import { createReceiver } from '../../workers/webhooks/receiver';
import { NO_CASES } from '../activities/harness';
import { openTestDatabase } from '../support/database';
import { someAccountId } from '../support/recoup';

const RUNS = Number(process.env['RECOUP_TEST_RUNS'] ?? 15);
const TIME_LIMIT_MS = 40_000;
const AS_OF = new Date('2026-11-01T00:00:00Z');
const SECOND_MS = 1000;
const DAY_MS = 86_400 * SECOND_MS;
/** What the feed tells of. */
const HORIZON_MS = 30 * DAY_MS;
const CUSTOMERS = 12;
const SECRET = 'whsec_any_order';
/** No walk takes so long from one held answer to the next. */
const QUIET_MS = 1_500;
/** Walks of one run until it is drained. */
const MAX_WALKS = 20;

const secretBox = createSecretBox({ key: 'c'.repeat(64), keyFile: '' });
const logger = pino({ level: 'silent' });

interface Store {
  readonly db: Kysely<Database>;
  close(): Promise<void>;
}

let store: Store;
let cleanStore: Store;
beforeAll(async () => {
  store = await openTestDatabase();
  cleanStore = await openTestDatabase();
  for (const { db } of [store, cleanStore]) {
    // The moment after which an object is read again passes at once: `Gate` moves the provider's clock by as much.
    await sql`create function at_once() returns trigger language plpgsql as
      'begin new.not_before := clock_timestamp(); return new; end'`.execute(db);
    await sql`create trigger at_once before insert or update on hint
      for each row execute function at_once()`.execute(db);
  }
});
afterAll(async () => {
  await store.close();
  await cleanStore.close();
});

/** Stands between a walk and its provider: lets some answers through, and holds the next one until it is opened again. */
class Gate {
  private left: number;
  private heldBack: (() => void)[] = [];
  private tellHeld: () => void = () => undefined;

  constructor(
    private readonly simulator: Simulator,
    answers: number,
  ) {
    this.left = answers;
  }

  /** Resolves when an answer is held. */
  held(): Promise<void> {
    return new Promise((resolve) => {
      this.tellHeld = resolve;
      if (this.heldBack.length > 0) resolve();
    });
  }

  open(answers: number): void {
    this.left = answers;
    for (const release of this.heldBack.splice(0)) release();
  }

  readonly provider = (name: string): Provider => {
    const provider = findProvider(name);
    return { ...provider, connect: (connection) => this.behind(provider.connect(connection)) };
  };

  private behind(client: ProviderClient): ProviderClient {
    return {
      probe: (signal) => client.probe(signal),
      fetchPage: async (request) => {
        const page = await client.fetchPage(request);
        await this.pass(request.signal);
        return page;
      },
      fetchObject: async (request) => {
        moveClock(this.simulator, 2 * SECOND_MS);
        const object = await client.fetchObject(request);
        await this.pass(request.signal);
        return object;
      },
      close: () => client.close(),
    };
  }

  private async pass(signal: AbortSignal): Promise<void> {
    while (this.left === 0 && !signal.aborted) {
      await new Promise<void>((resolve) => {
        this.heldBack.push(resolve);
        signal.addEventListener('abort', () => resolve());
        this.tellHeld();
      });
    }
    signal.throwIfAborted();
    this.left -= 1;
  }
}

function moveClock(simulator: Simulator, byMs: number): void {
  simulator.clock.set(new Date(simulator.clock.now().getTime() + byMs), { stopped: true });
}

/** The steps of one account in one database, each walk behind a gate of its own. */
class Recoup {
  private executions = 0;
  readonly account: string;

  constructor(
    private readonly db: Kysely<Database>,
    private readonly simulator: Simulator,
  ) {
    this.account = simulator.accountId;
  }

  async connect(): Promise<void> {
    const id = this.account;
    await saveAccount(this.db, {
      normaliserVersion: 1,
      id,
      provider: 'stripe',
      displayName: null,
      apiBase: this.simulator.url,
      sealedSecret: secretBox.seal(DEFAULT_API_KEY, id),
    });
    const sealedSecrets = [secretBox.seal(SECRET, id)];
    await setWebhookSecrets(this.db, { accountId: id, sealedSecrets });
  }

  async open(kind: RunKind, more: { from?: Date; refetch?: boolean } = {}): Promise<string> {
    const { run } = await this.act(this.steps(), (steps) =>
      steps.openRun({
        account: this.account,
        kind,
        key: `${this.account}/${this.executions}`,
        from: more.from?.toISOString() ?? null,
        to: null,
        resources: null,
        refetch: more.refetch ?? false,
      }),
    );
    return run;
  }

  /** Begins to walk; after `answers` of the provider's the next one is held. */
  walk(run: string, answers = Infinity): Walk {
    const gate = new Gate(this.simulator, answers);
    const environment = this.environment();
    const walking = this.act(
      this.steps(gate.provider),
      (steps) => steps.walk({ run }),
      environment,
    );
    // Whoever was given up may say so in any way.
    const ended = walking.catch(() => null);
    return { run, gate, ended, kill: () => environment.cancel() };
  }

  close(run: string): Promise<unknown> {
    return this.act(this.steps(), (steps) =>
      steps.closeRun({ run, ended: 'drained', because: 'Everything was read.' }),
    );
  }

  async finish(run: string): Promise<void> {
    for (let walks = 0; walks < MAX_WALKS; walks += 1) {
      if ((await this.walk(run).ended)?.outcome === 'drained') return void (await this.close(run));
    }
    throw new Error(`The run ${run} is not drained after ${MAX_WALKS} walks.`);
  }

  /** Canonical rows by kind and id, without when and in which object each was read. */
  async rows(): Promise<Record<RecordKind, Record<string, Row>>> {
    const kinds = RECORD_KINDS.map(async (kind) => {
      const { rows } = await sql<{ id: string; row: Row }>`
        select external_id as id, to_jsonb(t) - '{version,account_id,raw_hash}'::text[] as row
        from ${sql.table(kind)} as t where account_id = ${this.account} order by 1`.execute(
        this.db,
      );
      return [kind, Object.fromEntries(rows.map(({ id, row }) => [id, row]))] as const;
    });
    return Object.fromEntries(await Promise.all(kinds)) as Record<RecordKind, Record<string, Row>>;
  }

  private steps(provider: (name: string) => Provider = findProvider): Activities {
    return createActivities({
      db: this.db,
      warehouse: createDuckDbWarehouse({ path: ':memory:' }),
      secretBox,
      findProvider: provider,
      // One lane: then the same seed gives the same order.
      config: { RECOUP_LANES: 1, RECOUP_WALK_MINUTES: 1 },
      logger,
      wakeAccount: () => Promise.resolve(),
      cases: NO_CASES,
    });
  }

  private environment(): MockActivityEnvironment {
    this.executions += 1;
    return new MockActivityEnvironment({ activityId: `${this.account}/${this.executions}` });
  }

  private act<T>(
    steps: Activities,
    work: (steps: Activities) => Promise<T>,
    environment = this.environment(),
  ): Promise<T> {
    return environment.run(() => work(steps)) as Promise<T>;
  }
}

type Row = Record<string, unknown>;

interface Walk {
  readonly run: string;
  readonly gate: Gate;
  readonly ended: Promise<WalkReport | null>;
  kill(): void;
}

type Command =
  | { readonly kind: 'change'; readonly changes: number }
  | { readonly kind: 'wait'; readonly seconds: number }
  | { readonly kind: 'lag'; readonly objectSeconds: number; readonly eventSeconds: number }
  | { readonly kind: 'deliver' }
  | { readonly kind: 'open'; readonly run: 'sync' | 'changes' }
  | { readonly kind: 'finish' }
  | { readonly kind: 'backfill'; readonly days: number; readonly refetch: boolean }
  | { readonly kind: 'walk'; readonly which: number; readonly answers: number }
  | { readonly kind: 'release'; readonly which: number; readonly answers: number }
  | { readonly kind: 'kill'; readonly which: number };

const which = fc.nat(9);
const answers = fc.integer({ min: 1, max: 20 });
const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('change'), changes: fc.integer({ min: 1, max: 4 }) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('wait'),
      seconds: fc.constantFrom(1, 1, 2, 3, 50, 1_900, 4_000, 86_400, 5 * 86_400, 32 * 86_400),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('lag'),
      objectSeconds: fc.constantFrom(0, 45),
      eventSeconds: fc.constantFrom(0, 1_800),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('finish') }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('deliver') }) },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('open'), run: fc.constantFrom('sync', 'changes') }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('backfill'),
      days: fc.constantFrom(1, 20, 400),
      refetch: fc.boolean(),
    }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('walk'), which, answers }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('release'), which, answers }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('kill'), which }) },
) as fc.Arbitrary<Command>;

/** Runs and walks that are under way, and what can be done to them. */
class Scene {
  private readonly runs = new Set<string>();
  /** The account's own runs follow each other; backfills run beside them. */
  private own: string | null = null;
  private walks: Walk[] = [];

  constructor(
    private readonly simulator: Simulator,
    private readonly recoup: Recoup,
  ) {}

  async do(command: Command): Promise<void> {
    const { simulator, recoup } = this;
    switch (command.kind) {
      case 'change':
        simulator.change(Array.from({ length: command.changes }, () => ({})));
        return simulator.webhooks.settled();
      case 'wait':
        moveClock(simulator, command.seconds * SECOND_MS);
        simulator.change([]);
        return simulator.webhooks.settled();
      case 'lag':
        simulator.api.lag = command;
        return;
      case 'deliver':
        return simulator.webhooks.flush();
      case 'open':
        if (this.own !== null && this.runs.has(this.own)) return;
        this.own = await recoup.open(command.run);
        this.runs.add(this.own);
        return;
      case 'finish':
        // Walks of it that are still held find their leases lost.
        if (this.own === null || !this.runs.delete(this.own)) return;
        return recoup.finish(this.own);
      case 'backfill': {
        const from = new Date(simulator.clock.now().getTime() - command.days * DAY_MS);
        this.runs.add(await recoup.open('backfill', { from, refetch: command.refetch }));
        return;
      }
      case 'walk': {
        const run = pick([...this.runs], command.which);
        if (run === undefined) return;
        const walk = recoup.walk(run, command.answers);
        this.walks.push(walk);
        return this.untilHeld(walk);
      }
      case 'release': {
        const walk = pick(this.walks, command.which);
        if (walk === undefined) return;
        walk.gate.open(command.answers);
        return this.untilHeld(walk);
      }
      case 'kill': {
        const walk = pick(this.walks, command.which);
        if (walk === undefined) return;
        walk.kill();
        return this.settle(walk);
      }
    }
  }

  /** Lets everything come to its end. */
  async end(): Promise<void> {
    for (const walk of this.walks) walk.gate.open(Infinity);
    for (const walk of [...this.walks]) await this.settle(walk);
    for (const run of this.runs) await this.recoup.finish(run);
  }

  /** A walk that waits for what another one of its run holds goes on behind the next commands. */
  private async untilHeld(walk: Walk): Promise<void> {
    const ended = walk.ended.then(() => true);
    const goesOn = [walk.gate.held(), sleep(QUIET_MS)].map((each) => each.then(() => false));
    if (await Promise.race([ended, ...goesOn])) await this.settle(walk);
  }

  private async settle(walk: Walk): Promise<void> {
    const report = await walk.ended;
    this.walks = this.walks.filter((each) => each !== walk);
    if (report?.outcome !== 'drained' || !this.runs.delete(walk.run)) return;
    await this.recoup.close(walk.run);
  }
}

const pick = <T>(from: readonly T[], index: number): T | undefined => from[index % from.length];

async function startWorld(seed: number): Promise<{ simulator: Simulator; stop(): Promise<void> }> {
  const simulator = await startSimulator({
    seed,
    customers: CUSTOMERS,
    months: 4,
    asOf: AS_OF,
    accountId: someAccountId(),
  });
  simulator.clock.set(AS_OF, { stopped: true });
  const { server, drain } = createReceiver({
    db: store.db,
    secretBox,
    findProvider,
    onHints: () => undefined,
    logger,
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  simulator.webhooks.register({
    url: `http://127.0.0.1:${port}/webhooks/${simulator.accountId}`,
    secret: SECRET,
    seed: String(seed),
    drop: 0.25,
    double: 0.25,
    reorder: 0.5,
    hold: 0.3,
  });
  return {
    simulator,
    stop: async () => {
      await simulator.close();
      await drain();
    },
  };
}

async function tryCommands(seed: number, commands: readonly Command[]): Promise<void> {
  const { simulator, stop } = await startWorld(seed);
  try {
    const recoup = new Recoup(store.db, simulator);
    await recoup.connect();
    const scene = new Scene(simulator, recoup);
    for (const each of commands) await scene.do(each);
    await scene.end();
    await simulator.webhooks.settled();
    simulator.api.lag = { objectSeconds: 0, eventSeconds: 0 };
    moveClock(simulator, 10 * SECOND_MS);
    await recoup.finish(await recoup.open('sync'));

    const clean = new Recoup(cleanStore.db, simulator);
    await clean.connect();
    await clean.finish(await clean.open('sync'));
    expect(await shown(recoup, simulator)).toEqual(await shown(clean, simulator));
  } finally {
    await stop();
  }
}

/** Without what the provider has forgotten since. */
async function shown(recoup: Recoup, simulator: Simulator) {
  const rows = await recoup.rows();
  const horizon = simulator.clock.now().getTime() - HORIZON_MS;
  const remembered = Object.entries(rows.subscription_change).filter(
    ([, { at }]) => Date.parse(String(at)) >= horizon,
  );
  return { ...rows, subscription_change: Object.fromEntries(remembered) };
}

test(
  'in whatever order things happen, one more sync leaves the rows of one clean sync',
  async () => {
    const deadline = performance.now() + TIME_LIMIT_MS;
    await fc.assert(
      fc.asyncProperty(
        fc.nat(1_000),
        fc.array(command, { minLength: 10, maxLength: 30, size: 'max' }),
        async (seed, commands) => {
          // On a slow machine fewer are tried.
          if (performance.now() < deadline) await tryCommands(seed, commands);
        },
      ),
      { numRuns: RUNS },
    );
  },
  TIME_LIMIT_MS * 3,
);
