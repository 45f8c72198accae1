/** From canonical rows to the ledger of recurring revenue, for the customers that changed. */
import type { Kysely } from 'kysely';
import { keepPolicy, policyInForce, type StoredPolicy } from '../db/repositories/metric-policies';
import { readFacts } from '../db/repositories/metrics-facts';
import {
  finishMetricRun,
  isOfThisEdition,
  lastMetricRun,
  markDirty,
  openMetricRun,
  readMetricInputs,
  takeDirtyCustomers,
  withMetricsLock,
  writeCustomerMetrics,
  type MetricInputs,
} from '../db/repositories/metrics';
import type { Database } from '../db/schema';
import { customerMetrics } from '../domain/metrics/customer-metrics';
import type { MetricsActivities, MetricsReport } from './contract';

/** Customers of one transaction: their facts are in memory together, and syncs that touch them wait for its end. */
const BATCH_CUSTOMERS = 400;

export interface ComputeDependencies {
  readonly db: Kysely<Database>;
}

/**
 * Every batch is a transaction of its own, so that a killed computation loses what is under way; what it left dirty is for the
 * next run, and its own number, never finished, is never loaded.
 */
export function createComputeMetrics(
  dependencies: ComputeDependencies,
): MetricsActivities['computeMetrics'] {
  const { db } = dependencies;
  return ({ account, everybody = false }) =>
    withMetricsLock(db, account, async (connection) => {
      const inputs = await readMetricInputs(connection, account);
      const policy = await policyInForce(connection, account);
      await keepPolicy(connection, { accountId: account, policy });
      const last = await lastMetricRun(connection, account);
      const isCurrent = await isOfThisEdition(connection, { accountId: account, policy });
      await markDirty(connection, {
        accountId: account,
        dueAt: everybody || !isCurrent ? null : inputs.asOf,
      });

      const of = { account, policy, inputs };
      const first = await computeBatch(connection, { ...of, run: null });
      const counts = first?.counts ?? { ...NOBODY };
      if (!first && isCurrent && last?.inputs === inputs.digest) {
        return reportOf(last.run, counts);
      }
      const run =
        first?.run ??
        (await openMetricRun(connection, { accountId: account, policy, asOf: inputs.asOf }));
      const lane = async (own: Kysely<Database>): Promise<void> => {
        for (;;) {
          const batch = await computeBatch(own, { ...of, run });
          if (!batch) return;
          for (const key of COUNTS) counts[key] += batch.counts[key];
        }
      };
      // While one waits for Postgres, the other computes.
      const lanes =
        counts.customers < BATCH_CUSTOMERS ? [] : [lane(connection), whereFree(db, lane)];
      for (const ended of await Promise.allSettled(lanes)) {
        if (ended.status === 'rejected') throw ended.reason;
      }
      await finishMetricRun(connection, {
        accountId: account,
        run,
        digest: inputs.digest,
        ...counts,
      });
      return reportOf(run, counts);
    });
}

const COUNTS = ['customers', 'movements', 'inferred', 'unpriced'] as const;
const NOBODY = { customers: 0, movements: 0, inferred: 0, unpriced: 0 };

/** Does some work on another connection, if the pool has one to give: that of the lock does it all otherwise. */
async function whereFree(
  db: Kysely<Database>,
  work: (connection: Kysely<Database>) => Promise<void>,
): Promise<void> {
  let isFree = false;
  try {
    await db.connection().execute((connection) => {
      isFree = true;
      return work(connection);
    });
  } catch (error) {
    if (isFree) throw error;
  }
}

const reportOf = (
  run: bigint,
  { customers, movements }: { customers: number; movements: number },
): MetricsReport => ({ metricRun: Number(run), customers, movements });

/** Null when nobody is dirty. The first batch of a run makes the run. */
async function computeBatch(
  connection: Kysely<Database>,
  options: {
    readonly account: string;
    readonly policy: StoredPolicy;
    readonly inputs: MetricInputs;
    readonly run: bigint | null;
  },
) {
  const { account, policy, inputs } = options;
  const { asOf } = inputs;
  return connection.transaction().execute(async (trx) => {
    const customers = await takeDirtyCustomers(trx, {
      accountId: account,
      limit: BATCH_CUSTOMERS,
    });
    if (customers.length === 0) return null;
    const run = options.run ?? (await openMetricRun(trx, { accountId: account, policy, asOf }));
    const facts = await readFacts(trx, { accountId: account, customers });
    const metrics = new Map(
      [...facts].map(([customer, own]) => [
        customer,
        customerMetrics({ facts: own, policy: policy.policy, asOf }),
      ]),
    );
    const written = await writeCustomerMetrics(trx, { accountId: account, run, metrics });
    return { run, counts: { customers: customers.length, ...written } };
  });
}
