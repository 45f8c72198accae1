/**
 * What counts as recurring revenue in an account, as versions of a document. Version 1 is the default that the account began with:
 * it becomes a row with the first computation, so that a later default changes no account's past unasked.
 */
import { createHash } from 'node:crypto';
import { sql, type Kysely } from 'kysely';
import { DEFAULT_POLICY, readPolicy, type MetricPolicy } from '../../domain/metrics/policy';
import type { JsonValue } from '../../domain/records';
import type { Database } from '../schema';

export interface StoredPolicy {
  readonly version: number;
  readonly policy: MetricPolicy;
  /** Two versions that say the same have the same. */
  readonly hash: string;
  /** Null as long as nothing was computed under a default. */
  readonly since: Date | null;
  readonly by: string;
  readonly why: string;
}

const BEGINNING = { by: 'recoup', why: 'The default.' } as const;

/** All versions, newest first: at least the one that is in force. */
export async function listPolicies(
  db: Kysely<Database>,
  accountId: string,
): Promise<readonly [StoredPolicy, ...StoredPolicy[]]> {
  const rows = await db
    .selectFrom('metric_policy')
    .selectAll()
    .where('account_id', '=', accountId)
    .orderBy('version', 'desc')
    .execute();
  const [newest, ...older] = rows.map(
    ({ version, document, hash, since, by, why }): StoredPolicy => ({
      version,
      policy: readPolicy(document),
      hash,
      since,
      by,
      why,
    }),
  );
  if (newest) return [newest, ...older];
  const beginning = { version: 1, policy: DEFAULT_POLICY, hash: hashOf(DEFAULT_POLICY) };
  return [{ ...beginning, since: null, ...BEGINNING }];
}

export const policyInForce = async (
  db: Kysely<Database>,
  accountId: string,
): Promise<StoredPolicy> => (await listPolicies(db, accountId))[0];

/** Makes the beginning a row. */
export async function keepPolicy(
  db: Kysely<Database>,
  { accountId, policy }: { readonly accountId: string; readonly policy: StoredPolicy },
): Promise<void> {
  if (policy.since !== null) return;
  await insertVersion(db, { accountId, ...policy });
}

/**
 * A new version, unless the one in force says the same; `changed` tells. What is computed next is computed under it.
 */
export async function setPolicy(
  db: Kysely<Database>,
  options: {
    readonly accountId: string;
    readonly policy: MetricPolicy;
    readonly by: string;
    readonly why: string;
  },
): Promise<{ readonly changed: boolean; readonly was: StoredPolicy; readonly is: StoredPolicy }> {
  const { accountId, policy, by, why } = options;
  return db.transaction().execute(async (trx) => {
    // Two that set it at once take turns.
    await sql`select from account where id = ${accountId} for update`.execute(trx);
    const was = await policyInForce(trx, accountId);
    const hash = hashOf(policy);
    if (hash === was.hash) return { changed: false, was, is: was };
    await keepPolicy(trx, { accountId, policy: was });
    await insertVersion(trx, { accountId, version: was.version + 1, policy, hash, by, why });
    return { changed: true, was, is: await policyInForce(trx, accountId) };
  });
}

async function insertVersion(
  db: Kysely<Database>,
  {
    accountId,
    version,
    policy,
    hash,
    by,
    why,
  }: Omit<StoredPolicy, 'since'> & { readonly accountId: string },
): Promise<void> {
  await sql`
    insert into metric_policy (account_id, version, document, hash, by, why)
    values (${accountId}, ${version}, ${canonical(policy)}::jsonb, ${hash}, ${by}, ${why})
    on conflict do nothing`.execute(db);
}

const hashOf = (policy: MetricPolicy): string =>
  createHash('sha256').update(canonical(policy)).digest('hex');

/** Its JSON with the fields of each object in order. */
const canonical = (policy: MetricPolicy): string => JSON.stringify(inOrder(policy as never));

const inOrder = (value: JsonValue): JsonValue =>
  value === null || typeof value !== 'object'
    ? value
    : Array.isArray(value)
      ? value.map(inOrder)
      : Object.fromEntries(
          Object.entries(value)
            .sort(([a], [b]) => (a < b ? -1 : 1))
            .map(([key, part]) => [key, inOrder(part)]),
        );
