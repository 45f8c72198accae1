/** What the ledger of an account is counted from: its movements, when its subscriptions were worth something, its trials, its rates. */
import { sql, type Kysely } from 'kysely';
import { isoExponent } from '../../domain/currency';
import { exact, type Exact } from '../../domain/metrics/exact';
import type { LedgerEntry } from '../../domain/metrics/figures';
import { missingRate, type MissingRate, type Reporting } from '../../domain/metrics/fx';
import { annualEntries, type Recurring } from '../../domain/metrics/report';
import type { Database } from '../schema';
import { readRates } from './fx-rates';
import { policyInForce } from './metric-policies';
import { lastMetricRun, standingMovements, type MetricRun } from './metrics';

export interface AccountFigures {
  readonly run: MetricRun;
  readonly timeZone: string;
  /** The figures are of what had happened by then. */
  readonly asOf: Date;
  readonly recurring: Recurring;
  /** Null where there is no reporting currency, or where a rate is missing. */
  readonly reporting: Reporting | null;
  /** The first rate that a conversion would need and that is not there; null where all are. */
  readonly missing: MissingRate | null;
}

/** As of the newest run; null before the first. */
export async function readFigures(
  db: Kysely<Database>,
  accountId: string,
): Promise<AccountFigures | null> {
  const run = await lastMetricRun(db, accountId);
  if (!run) return null;
  const { time_zone: timeZone } = await db
    .selectFrom('account')
    .select('time_zone')
    .where('id', '=', accountId)
    .executeTakeFirstOrThrow();
  const entries = await readValued(db, accountId);
  // A run that is under way may have gone further: what it wrote must not be missing from the sums.
  const newest = entries.at(-1)?.at ?? run.as_of;
  const asOf = newest > run.as_of ? newest : run.as_of;
  const recurring = {
    entries,
    annual: annualEntries(entries),
    lives: await readLives(db, accountId),
    trials: await readEndedTrials(db, { accountId, asOf }),
  };
  const reporting = await readReporting(db, { accountId, entries });
  const missing = reporting && missingRate(entries, { timeZone, asOf, reporting });
  return { run, timeZone, asOf, recurring, reporting: missing ? null : reporting, missing };
}

/** What stands in the ledger, in order of time. */
async function readValued(
  db: Kysely<Database>,
  accountId: string,
): Promise<(LedgerEntry & { readonly afterExact: Exact })[]> {
  const rows = await standingMovements(db, accountId).orderBy('at').orderBy('id').execute();
  return rows.map((row) => ({
    customer: row.customer_id,
    currency: row.currency,
    exponent: row.exponent,
    at: row.at,
    type: row.type,
    deltaMinor: row.delta_minor,
    afterExact: exact(row.after_num).div(exact(row.after_den)),
  }));
}

async function readLives(db: Kysely<Database>, accountId: string): Promise<Recurring['lives']> {
  return db
    .selectFrom('mrr_segment')
    .select(['subscription_id as subscription', 'currency', 'from_at as from', 'to_at as to'])
    .where('account_id', '=', accountId)
    .execute();
}

/**
 * A trial ends with its subscription at the latest. It has converted when the subscription was worth something then or later, or
 * was paid for, as usage is that the policy leaves out.
 */
async function readEndedTrials(
  db: Kysely<Database>,
  { accountId, asOf }: { readonly accountId: string; readonly asOf: Date },
): Promise<Recurring['trials']> {
  const { rows } = await sql<Recurring['trials'][number]>`
    select currency, at, exists (
        select from mrr_segment where account_id = trial.account_id
          and customer_id = trial.customer_id and subscription_id = trial.external_id
          and (to_at is null or to_at > at)
      ) or exists (
        select from invoice where account_id = trial.account_id
          and customer_id = trial.customer_id and subscription_id = trial.external_id
          and amount_paid_minor > 0 and created_at >= at
      ) as "isConverted"
    from (
      select *, least(trial_end_at, ended_at) as at from subscription
      where account_id = ${accountId} and trial_end_at is not null
    ) as trial
    where at <= ${asOf}`.execute(db);
  return rows;
}

async function readReporting(
  db: Kysely<Database>,
  options: { readonly accountId: string; readonly entries: readonly LedgerEntry[] },
): Promise<Reporting | null> {
  const { policy } = await policyInForce(db, options.accountId);
  const { reportingCurrency: currency, fx } = policy;
  if (currency === null) return null;
  const currencies = [...new Set(options.entries.map((entry) => entry.currency))];
  const rates = await readRates(db, { reportingCurrency: currency, currencies });
  return { currency, exponent: isoExponent(currency) ?? 0, fx, rates };
}
