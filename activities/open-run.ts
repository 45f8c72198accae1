import { cancellationSignal } from '@temporalio/activity';
import type { Transaction } from 'kysely';
import { readAccount, type Account } from '../db/repositories/accounts';
import { listUncovered } from '../db/repositories/coverage';
import { openFeed, type OpenedFeed } from '../db/repositories/feed';
import { createRun, findRunByKey, type NewTask, type Run } from '../db/repositories/runs';
import { listOpenResources } from '../db/repositories/tasks';
import type { Database } from '../db/schema';
import { RecoupError } from '../domain/errors';
import { FEED_OVERLAP_MS, REREAD } from '../domain/sync/run';
import { inTransaction } from '../db/transaction';
import type { Provider } from '../providers/provider';
import { connectAccount } from './connection';
import type { OpenRunInput, SyncActivities } from './contract';
import type { ActivityDeps } from './deps';
import { chooseResources } from './resources';

/** Where the provider does not say when the account was made: no billing service that we know is older than its first full year. */
const FLOOR = new Date('2011-01-01T00:00:00Z');

const DAY_MS = 86_400_000;

export const createOpenRun =
  (deps: ActivityDeps): SyncActivities['openRun'] =>
  async (input) => {
    const { db } = deps;
    const account = await readAccount(db, input.account);
    const known = await findRunByKey(db, { accountId: account.id, key: input.key });
    if (known) return describe(deps, account, known);

    const { provider, client } = await connectAccount(deps, account);
    try {
      const resources = chooseResources(provider, input.resources);
      const from = parseInstant('from', input.from);
      const to = parseInstant('to', input.to);
      assertOrdered(from, to);
      const probe = await client.probe(cancellationSignal());
      const now = wholeSecond(probe.providerTime);
      // Nothing that is yet to come can be read: a run never chases now.
      const until = to !== null && to < now ? to : now;
      assertOrdered(from, until);
      const run = await inTransaction(db, async (trx) => {
        const plan = await planRun(trx, { input, account, provider, resources, from, until, now });
        return createRun(trx, {
          accountId: account.id,
          key: input.key,
          kind: input.kind,
          windowFrom: from,
          until,
          floor: from ?? probe.createdAt ?? FLOOR,
          ...plan,
        });
      });
      return await describe(deps, account, run);
    } finally {
      client.close();
    }
  };

async function describe({ db }: ActivityDeps, { provider }: Account, run: Run) {
  const open = await listOpenResources(db, run.id);
  return { run: run.id, until: run.until.toISOString(), tasks: open.length, provider };
}

interface PlanInput {
  readonly input: OpenRunInput;
  readonly account: Account;
  readonly provider: Provider;
  readonly resources: readonly string[];
  readonly from: Date | null;
  readonly until: Date;
  /** The provider's clock. */
  readonly now: Date;
}

interface Plan {
  readonly note: string | null;
  readonly tasks: readonly NewTask[];
}

/** Windows that nothing covers yet, what the change feed tells since it was read last, and at the end what both left open. */
async function planRun(trx: Transaction<Database>, plan: PlanInput): Promise<Plan> {
  const { input, account, provider, resources, from, until, now } = plan;
  const accountId = account.id;
  // A feed is given up only by what can make up for it: a sync, which reads everything again.
  const horizonMs = input.kind === 'sync' ? (provider.feed?.horizonMs ?? Infinity) : Infinity;
  const feed =
    provider.feed && (await openFeed(trx, { ...provider.feed, accountId, until: now, horizonMs }));
  const windows =
    input.kind === 'changes'
      ? []
      : input.refetch
        ? resources.map((resource) => ({ resource, from, to: until }))
        : await listUncovered(trx, { accountId, resources, from, until });
  const feedFrom = feed?.asOf ? new Date(feed.asOf.getTime() - FEED_OVERLAP_MS) : null;
  const feedWindows =
    input.kind === 'sync' && provider.feed && feedFrom && feedFrom < until
      ? [{ resource: provider.feed.resource, from: feedFrom, to: until }]
      : [];
  // What is asked for by its name is read, whatever is left out as a rule.
  const skipped = input.resources === null ? account.skipped_resources : [];
  const order = [...resources, ...feedWindows.map(({ resource }) => resource)];
  const tasks = [...windows, ...feedWindows].map((window) => ({
    ...window,
    position: order.indexOf(window.resource),
    skipped: skipped.includes(window.resource),
  }));
  const last = { resource: REREAD, from: until, to: until, position: order.length };
  return { note: noteOf(plan, { feed, isCovered: tasks.length === 0 }), tasks: [...tasks, last] };
}

function noteOf(
  { input, provider }: PlanInput,
  { feed, isCovered }: { readonly feed: OpenedFeed | null; readonly isCovered: boolean },
): string | null {
  if (feed?.broken && provider.feed) {
    const days = Math.floor(provider.feed.horizonMs / DAY_MS);
    return `The last sync is so long ago that ${provider.name} may have forgotten changes since, which it keeps for ${days} days: everything is read again.`;
  }
  return isCovered && input.kind === 'backfill'
    ? 'All of its window was read before and is up to date: with refetch it is read again.'
    : null;
}

function parseInstant(field: string, text: string | null): Date | null {
  if (text === null) return null;
  const instant = new Date(text);
  if (Number.isNaN(instant.getTime())) {
    throw new RecoupError('invalid_input', `${field}: "${text}" is no ISO date or instant.`);
  }
  return instant;
}

function assertOrdered(from: Date | null, until: Date | null): void {
  if (from !== null && until !== null && from >= until) {
    throw new RecoupError(
      'invalid_input',
      `from: ${from.toISOString()} is not before the end of the window, ${until.toISOString()}.`,
    );
  }
}

const wholeSecond = (instant: Date): Date => new Date(Math.floor(instant.getTime() / 1000) * 1000);
