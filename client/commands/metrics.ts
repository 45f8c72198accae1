import { Command } from '@commander-js/extra-typings';
import type { Kysely } from 'kysely';
import { listAccounts } from '../../db/repositories/accounts';
import { monthlyMrr } from '../../db/repositories/metrics';
import type { Database } from '../../db/schema';
import type { MonthlyFigures } from '../../domain/metrics/months';
import { requireAccount } from '../account';
import { withContext } from '../context';
import { parseCount } from '../count-option';
import { renderMrrCharts, renderMrrTables } from '../mrr-table';
import { paintFor, print, printJson, say, widthOf } from '../output';
import { computeCommand } from './metrics-compute';
import { explainCommand } from './metrics-explain';
import { policyCommand } from './metrics-policy';
import { reconcileCommand } from './metrics-reconcile';
import { diffCommand, metricRunsCommand, restateCommand } from './metrics-runs';

const DEFAULT_MONTHS = 12;
const MAX_MONTHS = 120;

export const metricsCommand = () =>
  new Command('metrics')
    .description('Monthly recurring revenue, what moved it, and how many customers pay.')
    .option('--account <id>', 'of this account only')
    .option(
      '--months <count>',
      `the newest ones, up to ${MAX_MONTHS}`,
      parseCount(MAX_MONTHS),
      DEFAULT_MONTHS,
    )
    .option('--json', 'as JSON: one object per account, currency and month, amounts in minor units')
    // Options after the name of a part belong to that part.
    .enablePositionalOptions()
    .addCommand(computeCommand())
    .addCommand(policyCommand())
    .addCommand(metricRunsCommand())
    .addCommand(diffCommand())
    .addCommand(explainCommand())
    .addCommand(reconcileCommand())
    .addCommand(restateCommand())
    .addHelpText('after', EXAMPLES)
    .action(({ account, months, json }) =>
      withContext(async ({ db }) => {
        const accounts =
          account === undefined ? await listAccounts(db) : [await requireAccount(db, account)];
        const figures: (MonthlyFigures & { account: string })[] = [];
        for (const { id } of accounts) {
          const own = await newestMonths(db, { account: id, months });
          figures.push(...own.map((month) => ({ account: id, ...month })));
          if (!json && own.length > 0) print(`${render(id, own)}\n`);
        }
        if (json) printJson(figures);
        else if (figures.length === 0)
          say('No metrics yet. They are computed by a sync: recoup sync <account>');
      }),
    );

const EXAMPLES = `
start + new + expansion + contraction + churn + reactivation = end, in every month.

Examples:
  $ recoup metrics --account acct_1
  $ recoup metrics --months 24 --json | jq '.[] | {month, currency, endMinor}'`;

/** The newest `months` of each currency, oldest first. */
export async function newestMonths(
  db: Kysely<Database>,
  { account, months }: { account: string; months: number },
): Promise<MonthlyFigures[]> {
  const figures = await monthlyMrr(db, { accountId: account, from: null, to: null });
  const known = [...new Set(figures.map(({ month }) => month))].sort();
  const first = known.slice(-months)[0] ?? '';
  return figures.filter(({ month }) => month >= first);
}

function render(account: string, figures: readonly MonthlyFigures[]): string {
  const options = { paint: paintFor(process.stdout), width: widthOf(process.stdout) };
  return [account, renderMrrTables(figures, options), renderMrrCharts(figures, options)].join(
    '\n\n',
  );
}
