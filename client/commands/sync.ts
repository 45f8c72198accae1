import { Command, Option } from '@commander-js/extra-typings';
import type { Kysely } from 'kysely';
import { readAccount, type Account } from '../../db/repositories/accounts';
import { readProgress } from '../../db/repositories/runs';
import type { Database } from '../../db/schema';
import { sentences } from '../../domain/words';
import { requestSync, type UpdateAnswer } from '../../workflows/contract';
import { requireConnected } from '../account';
import { withContext, type Context } from '../context';
import { failed } from '../errors';
import { follow, patience, PATIENCE_MS, type Look } from '../follow';
import { workflowLink } from '../links';
import { print, printJson, say } from '../output';
import { newestSync, readRunView, runJson, runLine, type RunView } from '../run-view';
import { because, uiOf } from '../temporal';

export const syncCommand = () =>
  new Command('sync')
    .description('Read the account at its billing service, and wait until that is done.')
    .argument('<account>', 'its id, for example acct_1')
    .addOption(
      new Option(
        '--watch',
        'go on watching however long a failed sync waits for its next try',
      ).conflicts('wait'),
    )
    .option('--no-wait', 'start it and return at once')
    .option('--reason <text>', 'kept in the account’s history')
    .option('--json', 'the run as JSON, as `runs show` gives it')
    .addHelpText('after', EXAMPLES)
    .action((account, { reason, watch, wait, json }) =>
      withContext(async (context) => {
        await requireConnected(context.db, account);
        const sync = await startSync(context, { account, reason });
        if (!wait) {
          if (json) printJson({ ...sync.answer, url: sync.url });
          else print(sync.answer.because);
          return;
        }
        const view = await sync.end({ patienceMs: watch ? Infinity : PATIENCE_MS });
        if (json) printJson(runJson(view));
        else print(runLine(view.run));
        if (view.run.state !== 'complete') process.exitCode = 1;
      }),
    );

const EXAMPLES = `
Exit codes: 0 complete, 1 partial or failed, 2 wrong use.

Examples:
  $ recoup sync acct_1
  $ recoup sync acct_1 --no-wait --reason "after the price change"`;

export interface StartedSync {
  readonly answer: UpdateAnswer;
  /** Of the very run of the workflow, in the Temporal UI. */
  readonly url: string;
  /**
   * Waits for the sync and what follows it: metrics and the warehouse's load. Errors: exit code 1 when the account stopped
   * for another reason than the end of its run; and when it failed and waits for its next try: at once where `patienceMs`
   * is over since the first failure.
   */
  end(options: { readonly patienceMs: number }): Promise<RunView>;
}

/** Asks the account's workflow for a sync, and says where to watch it, unless it is to be quiet. */
export async function startSync(
  context: Context,
  options: { account: string; reason?: string | undefined; quiet?: boolean },
): Promise<StartedSync> {
  const { account, quiet = false } = options;
  const { state } = await readAccount(context.db, account);
  const before = await newestSync(context.db, account);
  const temporal = await context.temporal();
  const { answer, workflow } = await temporal.updateAccount(
    account,
    requestSync,
    because(options.reason),
  );
  const url = workflowLink(uiOf(context.config), workflow);
  if (!quiet) say(`Temporal UI  ${url}`);
  if (!isGoing(answer.state)) throw stopped(await readAccount(context.db, account));
  // A sync at hand serves this request too, also when its run has ended and only the load of its numbers is left.
  const ended = before?.ended_at && !isGoing(state) ? before.id : null;
  return {
    answer,
    url,
    end: async ({ patienceMs }) => {
      const isPatient = patience(patienceMs);
      const run = await follow(() => look(context.db, { account, ended, isPatient }), {
        onInterrupt: `Stopped watching; the sync goes on. See it again: recoup runs list --account ${account}`,
        quiet,
      });
      return readRunView(context.db, run);
    },
  };
}

/** `ended`: the newest run before this sync, when it had ended; it is not the one that is awaited. */
async function look(
  db: Kysely<Database>,
  {
    account: id,
    ended,
    isPatient,
  }: { account: string; ended: string | null; isPatient: () => boolean },
): Promise<Look<string>> {
  // The account is read before its run: once it is at rest, the run that is read next is the one that it came to rest after.
  const account = await readAccount(db, id);
  const newest = await newestSync(db, id);
  const run = newest?.id === ended ? undefined : newest;
  const progress = run === undefined ? [] : await readProgress(db, run);
  const because = account.state_reason ?? '';
  if (account.state === 'backing_off' && !isPatient()) {
    throw failed(
      sentences(`${id} is backing off`, because),
      `To watch it go on: \`recoup sync ${id} --watch\`.`,
    );
  }
  if (isGoing(account.state)) {
    return { progress, note: account.state === 'backing_off' ? because : null, ended: null };
  }
  if (run === undefined || (account.state !== 'idle' && run.ended_at === null)) {
    throw stopped(account);
  }
  return { progress, note: null, ended: run.id };
}

/** Whether a sync is at hand in this state. */
const isGoing = (state: string): boolean => state === 'syncing' || state === 'backing_off';

function stopped({ id, state, state_reason: because }: Account): Error {
  const remedy =
    state === 'disconnected'
      ? 'Connect it again with `recoup accounts add`.'
      : `To resume it: \`recoup accounts resume ${id}\`.`;
  return failed(sentences(`${id} is ${state}`, because ?? ''), remedy);
}
