import { Command, Option } from '@commander-js/extra-typings';
import type { Account } from '../../db/repositories/accounts';
import { findRunByKey, readProgress } from '../../db/repositories/runs';
import { sentences } from '../../domain/words';
import {
  backfillRunKey,
  backfillWorkflowId,
  type BackfillInput,
  type RunResult,
} from '../../workflows/contract';
import { requireConnected } from '../account';
import { withContext, type Context } from '../context';
import { failed } from '../errors';
import { follow, patience, PATIENCE_MS, type Look } from '../follow';
import { suffixOf, workflowLink } from '../links';
import { print, printJson, say } from '../output';
import { listsOf, requireResources } from '../resources';
import { runLine } from '../run-view';
import { uiOf, type StartedBackfill } from '../temporal';
import { requireWindow } from '../window';

export const backfillCommand = () =>
  new Command('backfill')
    .description(
      'Read what is not covered yet of one window of creation times, or all of it again.',
    )
    .argument('<account>', 'its id, for example acct_1')
    .option('--from <when>', 'ISO date or instant, included; since ever when left out')
    .option('--to <when>', 'ISO date or instant, not included; until now when left out')
    .option('--resources <names>', 'comma-separated; all when left out', splitNames)
    .option('--refetch', 'read again what is already covered')
    .addOption(
      new Option('--watch', 'go on watching however long it waits for its next try').conflicts(
        'wait',
      ),
    )
    .option('--no-wait', 'start it and return at once')
    .option('--json', 'the result as JSON')
    .addHelpText('after', EXAMPLES)
    .action((id, { watch, wait, json, ...options }) =>
      withContext(async (context) => {
        const window = requireWindow(options);
        const account = await requireConnected(context.db, id);
        const resources = options.resources && checkResources(account, options.resources);
        const started = await start(context, {
          account: id,
          ...(window.from !== null && { from: window.from }),
          ...(window.to !== null && { to: window.to }),
          ...(resources && { resources }),
          ...(options.refetch && { refetch: true }),
        });
        if (!wait) {
          if (json) printJson({ workflowId: started.workflowId, runId: started.runId });
          else print(`Started ${started.workflowId}.`);
          return;
        }
        const isPatient = patience(watch ? Infinity : PATIENCE_MS);
        const result = await follow(() => look(context, { account: id, started, isPatient }), {
          onInterrupt: `Stopped watching; the backfill goes on. See it again: recoup runs list --account ${id}`,
        });
        if (json) printJson(result);
        else print(runLine({ ...result, id: result.run || 'The backfill' }));
        if (result.state !== 'complete') process.exitCode = 1;
      }),
    );

const EXAMPLES = `
A date means its midnight in UTC; the window includes --from and ends just before --to.
Exit codes: 0 complete, 1 partial or failed, 2 wrong use.

Examples:
  $ recoup backfill acct_1 --from 2026-10-01 --to 2026-11-01
  $ recoup backfill acct_1 --resources invoice,refund --refetch`;

const splitNames = (text: string): string[] =>
  text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');

const checkResources = ({ provider }: Account, names: readonly string[]): readonly string[] =>
  requireResources(names, { known: listsOf(provider), provider, option: '--resources' });

async function start(context: Context, input: BackfillInput): Promise<StartedBackfill> {
  const temporal = await context.temporal();
  const workflowId = backfillWorkflowId({
    accountId: input.account,
    suffix: suffixOf(new Date()),
  });
  const started = await temporal.startBackfill(input, { workflowId, once: true });
  say(`Temporal UI  ${workflowLink(uiOf(context.config), started)}`);
  return started;
}

const NO_WORKER = 'No worker answers at the moment; the backfill goes on once one does.';

interface Watched {
  readonly account: string;
  readonly started: StartedBackfill;
  /** Whether a wait for the next try is waited for as well. */
  readonly isPatient: () => boolean;
}

async function look(
  { db }: Context,
  { account, started, isPatient }: Watched,
): Promise<Look<RunResult>> {
  const ended = await started.ended();
  const status = ended === null ? await started.status() : null;
  const { workflowId, runId } = started;
  const key = backfillRunKey({ workflowId, firstExecutionRunId: runId });
  const run = await findRunByKey(db, { accountId: account, key });
  const progress = run === undefined ? [] : await readProgress(db, run);
  if (status?.state === 'backing_off' && !isPatient()) {
    throw failed(
      sentences('The backfill is backing off', status.because),
      `To see it go on: \`recoup runs list --account ${account}\`.`,
    );
  }
  if (status?.state === 'blocked' || status?.state === 'paused') {
    throw failed(
      sentences(`The backfill is ${status.state}`, status.because),
      `Resume or cancel it: \`recoup runs resume ${run?.id ?? '<run>'}\`.`,
    );
  }
  const isWaiting = status?.state === 'backing_off';
  const isAlone = ended === null && status === null;
  const note = isWaiting ? status.because : isAlone ? NO_WORKER : null;
  return { progress, note, ended };
}
