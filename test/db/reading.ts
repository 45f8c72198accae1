/** Leases and pages as a walk over the fake service would have them. */
import type { Kysely } from 'kysely';
import { packObject } from '../../db/raw-object';
import { saveAccount } from '../../db/repositories/accounts';
import {
  commitPages,
  type PageCommit,
  type PageCommitted,
  type PageObject,
} from '../../db/repositories/pages';
import { createRun, type NewTask } from '../../db/repositories/runs';
import { claimTask, listOpenTasks, type Lease } from '../../db/repositories/tasks';
import type { Database } from '../../db/schema';
import { inTransaction } from '../../db/transaction';
import { FakeService } from '../support/fake-provider';

const { provider } = new FakeService();
export const UNTIL = new Date('2026-03-01T00:00:00Z');
export const FLOOR = new Date('2025-01-01T00:00:00Z');
export const at = (minute: number): Date => new Date(UNTIL.getTime() + minute * 60_000);

let accounts = 0;

export async function newAccountOn(db: Kysely<Database>): Promise<string> {
  accounts += 1;
  const id = `acct_${accounts}`;
  await saveAccount(db, {
    normaliserVersion: 1,
    id,
    provider: 'fake',
    displayName: null,
    apiBase: null,
    sealedSecret: Buffer.from('sealed'),
  });
  return id;
}

/** Commits one page by itself. */
export async function commitPage(db: Kysely<Database>, commit: PageCommit): Promise<PageCommitted> {
  const [committed] = await commitPages(db, [commit]);
  if (!committed) throw new Error('A commit of one page gave no answer.');
  return committed;
}

/** A run, with one task of all subscriptions when no others are given. */
export async function newRunOn(
  db: Kysely<Database>,
  run: { readonly accountId: string; readonly key?: string; readonly tasks?: readonly NewTask[] },
): Promise<string> {
  const { accountId, key = 'run' } = run;
  const tasks = run.tasks ?? [{ resource: 'subscription', from: null, to: UNTIL, position: 0 }];
  const { id } = await inTransaction(db, (trx) =>
    createRun(trx, {
      accountId,
      key,
      kind: 'sync',
      windowFrom: null,
      until: UNTIL,
      floor: FLOOR,
      note: null,
      tasks,
    }),
  );
  return id;
}

/** A lease on the one task of a new run of a new account. */
export async function newLeaseOn(db: Kysely<Database>): Promise<Lease> {
  const accountId = await newAccountOn(db);
  return claimOn(db, { accountId, runId: await newRunOn(db, { accountId }) });
}

export async function claimOn(
  db: Kysely<Database>,
  of: { readonly accountId: string; readonly runId: string },
): Promise<Lease> {
  const lease = await claimNext(db, of);
  if (!lease) throw new Error('nothing to claim');
  return lease;
}

/** The first task of the run that nobody holds; null when there is none, or somebody else was faster. */
export async function claimNext(
  db: Kysely<Database>,
  { accountId, runId }: { readonly accountId: string; readonly runId: string },
): Promise<Lease | null> {
  const task = (await listOpenTasks(db, runId)).find(({ leased }) => !leased);
  return task ? claimTask(db, { accountId, owner: 'test', task }) : null;
}

export function subscription(id: string, fields: Record<string, unknown>): PageObject {
  const value = {
    type: 'subscription',
    id,
    customerId: 'cus_1',
    status: 'active',
    items: [],
    ...fields,
  };
  return object({ type: 'subscription', id, value });
}

export function object({
  type,
  id,
  value,
}: {
  type: string;
  id: string;
  value: Record<string, unknown>;
}): PageObject {
  const normalised = provider.normalise({ type, id, value });
  return {
    resource: type,
    type,
    id,
    createdAt: null,
    readAt: UNTIL,
    ...packObject(value),
    ...normalised,
    notNormalised: null,
  };
}

/** A page amid its window; all of it was read at `readAt`. */
export const page = (lease: Lease, readAt: Date, objects: readonly PageObject[]): PageCommit => ({
  lease,
  objects: objects.map((one) => ({ ...one, readAt })),
  readAt,
  nextCursor: 'more',
  oldestCreatedAt: new Date('2026-02-01T00:00:00Z'),
  requests: 1,
});
