/** What all processes know of an account's limits. Each statement is a transaction of its own and holds a row for an instant only. */
import { sql, type Kysely } from 'kysely';
import type { RateState } from '../../domain/sync/rate';
import type { Database } from '../schema';

interface Row {
  readonly now_ms: number;
  /** Null, like the rest, where there is no row yet. */
  readonly revision: bigint | null;
  readonly due_ms: number | null;
  readonly slowed_to: number | null;
  readonly slowed_until_ms: number | null;
}

const milliseconds = (instant: string) =>
  sql`(extract(epoch from ${sql.raw(instant)}) * 1000)::float8`;
const COLUMNS = sql`${milliseconds('clock_timestamp()')} as now_ms, revision, ${milliseconds('due_at')} as due_ms, slowed_to,
  ${milliseconds('slowed_until')} as slowed_until_ms`;
const instant = (ms: number) => sql<Date>`to_timestamp(${ms}::float8 / 1000)`;

/**
 * Replaces the state of a limit by what `change` makes of it at `nowMs` of the database's clock, and returns its result; null, and
 * nothing is changed, when another process was faster. No lock is held meanwhile: a process that freezes here holds nobody up.
 */
export async function changeRateLimit<T extends { readonly state: RateState }>(
  db: Kysely<Database>,
  { accountId, scope }: { readonly accountId: string; readonly scope: string },
  change: (state: RateState | null, nowMs: number) => T,
): Promise<T | null> {
  const { rows } = await sql<Row>`
    select ${COLUMNS} from (select) as one
      left join rate_limit on account_id = ${accountId} and scope = ${scope}`.execute(db);
  const [row] = rows;
  if (!row) throw new Error('The one row is missing.');
  const known = stateOf(row);
  const result = change(known, row.now_ms);
  if (result.state === known) return result;
  const { dueMs, slowed } = result.state;
  const columns = {
    due_at: instant(dueMs),
    slowed_to: slowed?.perSecond ?? null,
    slowed_until: slowed && instant(slowed.untilMs),
  };
  const written =
    row.revision === null
      ? db
          .insertInto('rate_limit')
          .values({ account_id: accountId, scope, ...columns })
          .onConflict((conflict) => conflict.doNothing())
          .returning('revision')
      : db
          .updateTable('rate_limit')
          .set({ ...columns, revision: row.revision + 1n })
          .where('account_id', '=', accountId)
          .where('scope', '=', scope)
          .where('revision', '=', row.revision)
          .returning('revision');
  return (await written.executeTakeFirst()) ? result : null;
}

export interface SlowedLimit {
  readonly scope: string;
  readonly state: RateState;
  /** The database's clock. */
  readonly nowMs: number;
}

/** The limits of an account that were ever exceeded. */
export async function listSlowedLimits(
  db: Kysely<Database>,
  accountId: string,
): Promise<SlowedLimit[]> {
  const { rows } = await sql<Row & { scope: string }>`
    select scope, ${COLUMNS} from rate_limit
    where account_id = ${accountId} and slowed_to is not null`.execute(db);
  return rows.flatMap((row) => {
    const state = stateOf(row);
    return state ? [{ scope: row.scope, state, nowMs: row.now_ms }] : [];
  });
}

function stateOf({ due_ms, slowed_to, slowed_until_ms }: Row): RateState | null {
  if (due_ms === null) return null;
  const isSlowed = slowed_to !== null && slowed_until_ms !== null;
  return {
    dueMs: due_ms,
    slowed: isSlowed ? { perSecond: slowed_to, untilMs: slowed_until_ms } : null,
  };
}
