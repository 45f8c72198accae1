import { cancellationSignal } from '@temporalio/activity';
import { readAccount } from '../db/repositories/accounts';
import { createRun, findRunByKey, type Run } from '../db/repositories/runs';
import { listOpenResources } from '../db/repositories/tasks';
import { inTransaction } from '../db/transaction';
import { RecoupError } from '../domain/errors';
import type { Provider } from '../providers/provider';
import { connectAccount } from './connection';
import type { OpenRunInput, SyncActivities } from './contract';
import type { ActivityDeps } from './deps';

/** Where the provider does not say when the account was made: no billing service that we know is older than its first full year. */
const FLOOR = new Date('2011-01-01T00:00:00Z');

export const createOpenRun =
  (deps: ActivityDeps): SyncActivities['openRun'] =>
  async (input) => {
    const { db } = deps;
    const account = await readAccount(db, input.account);
    const known = await findRunByKey(db, { accountId: account.id, key: input.key });
    if (known) return describe(deps, known);

    const { provider, client } = await connectAccount(deps, account);
    try {
      const resources = chooseResources(provider, input);
      const from = parseInstant('from', input.from);
      const to = parseInstant('to', input.to);
      assertOrdered(from, to);
      const probe = await client.probe(cancellationSignal());
      const now = wholeSecond(probe.providerTime);
      // Nothing that is yet to come can be read: a run never chases now.
      const until = to !== null && to < now ? to : now;
      assertOrdered(from, until);
      const tasks = resources.map((resource, position) => ({
        resource,
        from,
        to: until,
        position,
      }));
      const opened = {
        accountId: account.id,
        key: input.key,
        kind: input.kind,
        windowFrom: from,
        until,
        floor: from ?? probe.createdAt ?? FLOOR,
        note: null,
        tasks,
      };
      const run = await inTransaction(db, (trx) => createRun(trx, opened));
      return await describe(deps, run);
    } finally {
      client.close();
    }
  };

async function describe({ db }: ActivityDeps, run: Run) {
  const open = await listOpenResources(db, run.id);
  return { run: run.id, until: run.until.toISOString(), tasks: open.length };
}

/** In plan order, whatever order they were asked for. */
function chooseResources(provider: Provider, { resources }: OpenRunInput): string[] {
  const names = provider.resources.map(({ name }) => name);
  const unknown = resources?.find((name) => !names.includes(name));
  if (unknown !== undefined || resources?.length === 0) {
    throw new RecoupError(
      'invalid_input',
      `resources: ${unknown === undefined ? 'the list is empty' : `"${unknown}" is unknown`}; ${provider.name} has ${names.join(', ')}.`,
    );
  }
  return names.filter((name) => resources?.includes(name) ?? true);
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
