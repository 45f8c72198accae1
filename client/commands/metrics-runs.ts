/** Metric runs: which there were, what differs between two, and a new one from what is stored. */
import { Command, Option } from '@commander-js/extra-typings';
import type { Kysely } from 'kysely';
import { listPolicies } from '../../db/repositories/metric-policies';
import {
  diffLedger,
  findMetricRun,
  listMetricRuns,
  recordsReadSince,
} from '../../db/repositories/metric-runs';
import type { MetricRun } from '../../db/repositories/metrics';
import type { Database } from '../../db/schema';
import { changedMonths, changedMovements } from '../../domain/metrics/difference';
import { policyChanges } from '../../domain/metrics/policy-changes';
import { countOf } from '../../domain/words';
import { requireAccount } from '../account';
import { withContext } from '../context';
import { parseCount } from '../count-option';
import { wrongUse } from '../errors';
import { workflowLink } from '../links';
import { renderDifference, renderRuns, type RunDifference } from '../metric-runs-view';
import { paintFor, print, printJson, say, widthOf } from '../output';
import { uiOf } from '../temporal';

const DEFAULT_LIMIT = 20;
const MAX_LIMIT = 1_000;
/** Of the ledger, in one comparison. */
const MAX_DIFF_ROWS = 100_000;
const DEFAULT_MOVEMENTS = 20;

const look = () => ({ paint: paintFor(process.stdout), width: widthOf(process.stdout) });

export const metricRunsCommand = () =>
  new Command('runs')
    .description('What was computed when, under which policy and by which engine.')
    .requiredOption('--account <id>', 'for example acct_1')
    .option('--limit <count>', 'the newest ones', parseCount(MAX_LIMIT), DEFAULT_LIMIT)
    .option('--json', 'as JSON')
    .action(({ account, limit, json }) =>
      withContext(async ({ db }) => {
        await requireAccount(db, account);
        const runs = await listMetricRuns(db, { accountId: account, limit });
        if (json) printJson(runs.map(metricRunJson));
        else if (runs.length > 0) print(renderRuns(runs, look()));
        else say(`Nothing was computed yet. A sync does it: recoup sync ${account}`);
      }),
    );

export const diffCommand = () =>
  new Command('diff')
    .description('What two metric runs show differently, by month and movement, and why.')
    .argument('<run>', 'the number of one', parseCount(Number.MAX_SAFE_INTEGER))
    .argument('<other>', 'that of the other', parseCount(Number.MAX_SAFE_INTEGER))
    .requiredOption('--account <id>', 'for example acct_1')
    .option('--limit <count>', 'movements shown', parseCount(MAX_DIFF_ROWS), DEFAULT_MOVEMENTS)
    .option('--json', 'as JSON, with all movements')
    .addHelpText('after', DIFF_EXAMPLES)
    .action((run, other, { account, limit, json }) =>
      withContext(async ({ db }) => {
        await requireAccount(db, account);
        const difference = await differenceOf(db, { account, runs: [run, other] });
        if (json) printJson(differenceJson(difference));
        else print(renderDifference(difference, { ...look(), limit }));
      }),
    );

const DIFF_EXAMPLES = `
Examples:
  $ recoup metrics runs --account acct_1
  $ recoup metrics diff 3 4 --account acct_1`;

export const restateCommand = () =>
  new Command('restate')
    .description('Compute everything again from what is stored, without asking the provider.')
    .requiredOption('--account <id>', 'for example acct_1')
    .addOption(new Option('--rows', 'make the rows anew from the raw objects, too'))
    .option('--json', 'as JSON: {rows, metrics, warehouse}')
    .addHelpText('after', RESTATE_EXAMPLES)
    .action(({ account, rows, json }) =>
      withContext(async (context) => {
        await requireAccount(context.db, account);
        const temporal = await context.temporal();
        const started = await temporal.restate({ account, ...(rows && { rows }) });
        say(`Temporal UI  ${workflowLink(uiOf(context.config), started)}`);
        const result = await started.result();
        if (json) printJson(result);
        else {
          const { metrics, warehouse, rows: made } = result;
          print(
            [
              `Run ${metrics.metricRun}: ${countOf(metrics.customers, 'customer')} computed`,
              `${countOf(metrics.movements, 'row')} of the ledger written`,
              `${countOf(made.changedRows, 'row')} made anew from ${countOf(made.objects, 'object')}`,
              warehouse.loaded ? 'the warehouse loaded' : 'the warehouse had it',
            ].join(', ') + '.',
          );
        }
      }),
    );

const RESTATE_EXAMPLES = `
Only what comes out otherwise is written: a reversal and a new row. Rows are made anew from the stored
raw objects when this edition of Recoup reads them better than the one that made them.

Examples:
  $ recoup metrics restate --account acct_1
  $ recoup metrics restate --account acct_1 --rows`;

async function differenceOf(
  db: Kysely<Database>,
  options: { readonly account: string; readonly runs: readonly [number, number] },
): Promise<RunDifference> {
  const { account: accountId } = options;
  const [older, newer] = [...options.runs].sort((a, b) => a - b);
  const [from, to] = await Promise.all(
    [older, newer].map((run) => requireRun(db, { accountId, run: BigInt(run ?? 0) })),
  );
  if (!from || !to) throw new Error('There are two runs.');
  const policies = new Map(
    (await listPolicies(db, accountId)).map(({ version, policy }) => [version, policy]),
  );
  const [was, is] = [policies.get(from.policy_version), policies.get(to.policy_version)];
  const policy = was && is ? policyChanges(was, is) : [];
  const range = { accountId, older: from.run, newer: to.run };
  const rows = await diffLedger(db, { ...range, limit: MAX_DIFF_ROWS });
  const records = [...new Set(rows.flatMap(({ inputs }) => inputs))];
  const movements = changedMovements(rows, {
    knownUntil: from.as_of,
    policyChanged: policy.length > 0,
    engineChanged: from.engine_version !== to.engine_version,
    readSince: await recordsReadSince(db, { accountId, records, since: from.as_of }),
  });
  const isCut = rows.length === MAX_DIFF_ROWS;
  return { account: accountId, from, to, policy, months: changedMonths(rows), movements, isCut };
}

/** Errors: exit code 2 for a run that is not there. */
async function requireRun(
  db: Kysely<Database>,
  key: { readonly accountId: string; readonly run: bigint },
): Promise<MetricRun> {
  const run = await findMetricRun(db, key);
  if (run) return run;
  throw wrongUse(
    `${key.accountId} has no metric run ${key.run}`,
    `Look with \`recoup metrics runs --account ${key.accountId}\`.`,
  );
}

const metricRunJson = (run: MetricRun) => ({
  run: run.run,
  policyVersion: run.policy_version,
  policyHash: run.policy_hash,
  engineVersion: run.engine_version,
  knownUntil: run.as_of,
  watermark: run.inputs,
  customers: run.customers,
  movements: run.movements,
  inferred: run.inferred,
  unpriced: run.unpriced,
  startedAt: run.started_at,
  finishedAt: run.finished_at,
});

const differenceJson = ({ account, from, to, ...rest }: RunDifference) => ({
  account,
  from: metricRunJson(from),
  to: metricRunJson(to),
  ...rest,
});
