/** The sync steps over a fake service and a real database, run as Temporal would run them. */
import { MockActivityEnvironment } from '@temporalio/testing';
import type { Kysely } from 'kysely';
import pino from 'pino';
import { createActivities } from '../../activities';
import type { CaseRunners } from '../../activities/case-runners';
import type { Activities, OpenRunInput, RunResult, WalkReport } from '../../activities/contract';
import { saveAccount } from '../../db/repositories/accounts';
import type { Database } from '../../db/schema';
import { createSecretBox } from '../../db/secret-box';
import type { Provider } from '../../providers/provider';
import { createDuckDbWarehouse } from '../../warehouse/duckdb';
import { FakeService } from '../support/fake-provider';

const secretBox = createSecretBox({ key: 'a'.repeat(64), keyFile: '' });

/** Nobody runs cases here. */
export const NO_CASES: CaseRunners = {
  start: () => Promise.resolve(),
  tell: () => Promise.resolve(),
  steer: () => Promise.resolve(),
};

let accounts = 0;

export interface Harness {
  readonly account: string;
  readonly steps: Activities;
  /** Runs one step in an activity context of its own. */
  act<T>(work: () => Promise<T>): Promise<T>;
  open(input?: Partial<OpenRunInput>): Promise<string>;
  /** Walks until the run is drained, stopped or failed. */
  walk(run: string): Promise<WalkReport>;
  /** Closes a run that is drained. */
  finish(run: string): Promise<RunResult>;
}

/** A fresh account on a fresh service. */
export async function createHarness(
  db: Kysely<Database>,
  lanes = 2,
): Promise<Harness & { readonly service: FakeService }> {
  accounts += 1;
  const service = new FakeService();
  const account = `acct_${accounts}`;
  return {
    service,
    ...(await connectHarness(db, { account, provider: service.provider, lanes })),
  };
}

/** An account of any provider. */
export async function connectHarness(
  db: Kysely<Database>,
  options: {
    readonly account: string;
    readonly provider: Provider;
    readonly lanes: number;
    readonly secret?: string;
    readonly apiBase?: string;
  },
): Promise<Harness> {
  const { account, provider, lanes, secret = 'sk_fake', apiBase = null } = options;
  await saveAccount(db, {
    normaliserVersion: 1,
    id: account,
    provider: provider.name,
    displayName: null,
    apiBase,
    sealedSecret: secretBox.seal(secret, account),
  });
  const steps = createActivities({
    db,
    // Never opened: what loads it has tests of its own.
    warehouse: createDuckDbWarehouse({ path: ':memory:' }),
    secretBox,
    findProvider: () => provider,
    config: { RECOUP_LANES: lanes, RECOUP_WALK_MINUTES: 1 },
    wakeAccount: () => Promise.reject(new Error('Nobody wakes accounts here.')),
    cases: NO_CASES,
    logger: pino({ level: 'silent' }),
  });
  // Leases are named by the activity's execution, so each environment is an execution of its own.
  let executions = 0;
  const act = <T>(work: () => Promise<T>): Promise<T> => {
    executions += 1;
    return new MockActivityEnvironment({ activityId: `${account}/${executions}` }).run(work);
  };
  return {
    account,
    steps,
    act,
    open: async (input = {}) => {
      const opened = await act(() =>
        steps.openRun({
          account,
          kind: 'sync',
          key: 'first',
          from: null,
          to: null,
          resources: null,
          ...input,
        }),
      );
      return opened.run;
    },
    walk: (run) => act(() => steps.walk({ run })),
    finish: (run) =>
      act(() => steps.closeRun({ run, ended: 'drained', because: 'Everything was read.' })),
  };
}

/** Fills the service with `count` invoices, one an hour back from its now, each of one of ten customers. */
export function addInvoices(service: FakeService, count: number): void {
  for (let i = 0; i < count; i += 1) {
    service.put({
      type: 'invoice',
      id: `in_${String(i).padStart(5, '0')}`,
      createdAt: new Date(service.now.getTime() - (i + 1) * 3_600_000),
      customerId: `cus_${i % 10}`,
      total: i,
    });
  }
}
