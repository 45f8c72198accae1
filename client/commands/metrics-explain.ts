/** From a figure back to the billing records: price, quantity, discount and dates up to each movement. */
import { Command, Option } from '@commander-js/extra-typings';
import { DateTime } from 'luxon';
import type { Kysely } from 'kysely';
import {
  findMovement,
  findSources,
  standingOfCustomer,
  type LedgerRow,
} from '../../db/repositories/explanations';
import { readFacts } from '../../db/repositories/metrics-facts';
import { listPolicies } from '../../db/repositories/metric-policies';
import { findMetricRun } from '../../db/repositories/metric-runs';
import { lastMetricRun, type MetricRun } from '../../db/repositories/metrics';
import type { Database } from '../../db/schema';
import { explainCustomer, type ExplainedMovement } from '../../domain/metrics/explain';
import { requireAccount } from '../account';
import { withContext } from '../context';
import { parseCount } from '../count-option';
import { wrongUse } from '../errors';
import { explanationJson, renderExplanation, type Explanation } from '../explain-view';
import { paintFor, print, printJson, widthOf } from '../output';

export const explainCommand = () =>
  new Command('explain')
    .description('How a customer’s revenue came about, from prices and dates to each movement.')
    .requiredOption('--account <id>', 'for example acct_1')
    .addOption(new Option('--customer <id>', 'all of this customer').conflicts('movement'))
    .addOption(
      new Option('--month <month>', 'of this month only, such as 2026-03').conflicts('movement'),
    )
    .option('--movement <id>', 'one row of the ledger', parseCount(Number.MAX_SAFE_INTEGER))
    .option('--json', 'as JSON, with every step and the hashes of the raw objects')
    .addHelpText('after', EXAMPLES)
    .action(({ account, customer, month, movement, json }) =>
      withContext(async ({ db }) => {
        const { time_zone: timeZone } = await requireAccount(db, account);
        if (month !== undefined && !/^\d{4}-(0[1-9]|1[0-2])$/.test(month)) {
          throw wrongUse(`--month takes a month such as 2026-03, not '${month}'`, 'Give one.');
        }
        const key = { account, timeZone };
        const explanation =
          movement !== undefined
            ? await explainMovement(db, { ...key, id: BigInt(movement) })
            : await explainAll(db, { ...key, customer: requireCustomer(customer), month });
        if (json) printJson(explanationJson(explanation));
        else
          print(
            renderExplanation(explanation, {
              paint: paintFor(process.stdout),
              width: widthOf(process.stdout),
            }),
          );
      }),
    );

const EXAMPLES = `
The arithmetic is the engine's own, done again with every step told.

Examples:
  $ recoup metrics explain --account acct_1 --customer cus_1 --month 2026-03
  $ recoup metrics explain --account acct_1 --movement 42`;

interface Key {
  readonly account: string;
  readonly timeZone: string;
}

function requireCustomer(customer: string | undefined): string {
  if (customer !== undefined) return customer;
  throw wrongUse('Neither a customer nor a movement is named', 'Give --customer or --movement.');
}

async function explainAll(
  db: Kysely<Database>,
  { account, timeZone, customer, month }: Key & { customer: string; month: string | undefined },
): Promise<Explanation> {
  const run = await lastMetricRun(db, account);
  if (!run) throw wrongUse(`${account} has no metrics yet`, `Sync it: recoup sync ${account}`);
  const standing = await standingOfCustomer(db, { accountId: account, customer });
  const movements = await computeAgain(db, { account, customer, run });
  const inMonth = (at: Date) =>
    month === undefined ||
    DateTime.fromJSDate(at, { zone: timeZone }).toFormat('yyyy-MM') === month;
  const explained = movements.filter(({ at }) => inMonth(at));
  const isCurrent = standing.map(figuresOf).join() === movements.map(figuresOfExplained).join();
  const note = isCurrent ? null : 'What is stored differs: the customer is about to be computed.';
  return withSources(db, { account, customer, run, note, standing, explained });
}

async function explainMovement(
  db: Kysely<Database>,
  { account, id }: Key & { id: bigint },
): Promise<Explanation> {
  const row = await findMovement(db, { accountId: account, id });
  const run = row && (await findMetricRun(db, { accountId: account, run: row.run }));
  if (!row || !run) {
    throw wrongUse(`${account} has no movement ${id}`, 'Ids are in the warehouse’s mrr_movements.');
  }
  const customer = row.customer_id;
  const movements = await computeAgain(db, { account, customer, run });
  const explained = movements.filter(
    (movement) => figuresOfExplained(movement) === figuresOf(reverted(row)),
  );
  const fate =
    row.reverses !== null
      ? `It takes back movement ${row.reverses}.`
      : row.reversed_in === null
        ? null
        : `Run ${row.reversed_in} took it back: see recoup metrics diff.`;
  const gone = explained.length > 0 ? null : 'Its records have changed since it was written.';
  const note = [fate, gone].filter((text) => text !== null).join(' ') || null;
  return withSources(db, { account, customer, run, note, standing: [row], explained });
}

/** A reversal has the figures of the row that it takes back, but for the sign. */
const reverted = (row: LedgerRow): LedgerRow =>
  row.reverses === null ? row : { ...row, delta_minor: -row.delta_minor };

/** As the run knew time and policy, from the records as they are now. */
async function computeAgain(
  db: Kysely<Database>,
  options: { readonly account: string; readonly customer: string; readonly run: MetricRun },
): Promise<ExplainedMovement[]> {
  const { account: accountId, customer, run } = options;
  const policies = await listPolicies(db, accountId);
  const { policy } = policies.find(({ version }) => version === run.policy_version) ?? policies[0];
  const facts = (await readFacts(db, { accountId, customers: [customer] })).get(customer);
  return facts ? explainCustomer({ facts, policy, asOf: run.as_of }) : [];
}

async function withSources(
  db: Kysely<Database>,
  given: Omit<Explanation, 'sources' | 'movements'> & {
    readonly standing: readonly LedgerRow[];
    readonly explained: readonly ExplainedMovement[];
  },
): Promise<Explanation> {
  const { standing, explained, ...rest } = given;
  const rows = new Map(standing.map((row) => [figuresOf(reverted(row)), row.id]));
  const movements = explained.map((movement) => ({
    ...movement,
    id: rows.get(figuresOfExplained(movement)) ?? null,
  }));
  const records = movements.flatMap(({ inputs, items, ended }) => [
    ...inputs,
    ...[...items, ...ended].flatMap((item) => item.records),
  ]);
  const key = { accountId: rest.account, customer: rest.customer };
  const sources = await findSources(db, { ...key, records: [...new Set(records)] });
  return { ...rest, movements, sources };
}

const figuresOf = (row: LedgerRow): string =>
  [row.currency, row.at.toISOString(), row.type, row.delta_minor, row.after_minor].join(' ');

const figuresOfExplained = (movement: ExplainedMovement): string =>
  [
    ...[movement.currency, movement.at.toISOString(), movement.type],
    ...[movement.deltaMinor, movement.afterMinor],
  ].join(' ');
