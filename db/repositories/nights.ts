/** Who is to be woken for a night, and how many are at work. */
import { sql, type Kysely } from 'kysely';
import type { Database } from '../schema';

export interface Group {
  /** IANA name; null means every zone that `except` does not name. */
  readonly timeZone: string | null;
  readonly except: readonly string[];
}

export interface Sleeper {
  readonly id: string;
  /** Of its newest transition, 0 when it has had none: another one shows that it has moved. */
  readonly sequence: number;
  /** Whether it is idle and its newest sync ends before the night. */
  readonly due: boolean;
}

const inGroup = ({ timeZone, except }: Group) =>
  timeZone !== null
    ? sql<boolean>`time_zone = ${timeZone}`
    : sql<boolean>`not (time_zone = any(${[...except]}))`;

/** Accounts of the group in order of their ids. */
export async function listGroup(
  db: Kysely<Database>,
  options: {
    readonly group: Group;
    readonly after: string | null;
    readonly to: Date;
    readonly limit: number;
  },
): Promise<Sleeper[]> {
  const { group, after, to, limit } = options;
  return db
    .selectFrom('account')
    .select((account) => [
      'id',
      account.fn
        .coalesce(
          account
            .selectFrom('account_transition')
            .select(({ fn }) => fn.max('sequence').as('sequence'))
            .whereRef('account_transition.account_id', '=', 'account.id'),
          sql<number>`0`,
        )
        .as('sequence'),
      account
        .and([
          account('account.state', '=', 'idle'),
          account.not(
            account.exists(
              account
                .selectFrom('run')
                .select('run.id')
                .whereRef('run.account_id', '=', 'account.id')
                .where('run.until', '>=', to)
                .where('run.kind', '=', 'sync')
                .where('run.state', 'in', ['complete', 'partial']),
            ),
          ),
        ])
        .$castTo<boolean>()
        .as('due'),
    ])
    .where(inGroup(group))
    .where('id', '>', after ?? '')
    .orderBy('id')
    .limit(limit)
    .execute();
}

export async function countGroup(
  db: Kysely<Database>,
  options: { readonly group: Group; readonly after: string },
): Promise<number> {
  const { count } = await db
    .selectFrom('account')
    .select(({ fn }) => fn.countAll<string>().as('count'))
    .where(inGroup(options.group))
    .where('id', '>', options.after)
    .executeTakeFirstOrThrow();
  return Number(count);
}

/** Of all groups: they share workers and database. */
export async function countSyncing(db: Kysely<Database>): Promise<number> {
  const { count } = await db
    .selectFrom('account')
    .select(({ fn }) => fn.countAll<string>().as('count'))
    .where('state', '=', 'syncing')
    .executeTakeFirstOrThrow();
  return Number(count);
}

/** Those of the accounts that have had a transition since. */
export async function listMoved(
  db: Kysely<Database>,
  since: readonly Pick<Sleeper, 'id' | 'sequence'>[],
): Promise<string[]> {
  if (since.length === 0) return [];
  const { rows } = await sql<{ id: string }>`
    select id from unnest(${since.map(({ id }) => id)}::text[], ${since.map(({ sequence }) => sequence)}::int[]) as known (id, sequence)
    where exists (select 1 from account_transition moved
      where moved.account_id = known.id and moved.sequence > known.sequence)`.execute(db);
  return rows.map(({ id }) => id);
}
