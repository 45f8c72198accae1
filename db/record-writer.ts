/**
 * Bulk writes of canonical records: one statement per kind, its text derived from RECORDS once. A batch travels as one array
 * per column.
 */
import { CompiledQuery, type Transaction } from 'kysely';
import {
  PARTS,
  RECORD_KINDS,
  RECORDS,
  type CanonicalRecord,
  type Field,
  type FieldType,
  type RecordKind,
} from '../domain/records';
import { encodeArray, type ArrayType, type ValueOf } from './array';
import { snakeCase, type Database } from './schema';

export const COLUMN_TYPES = {
  text: 'text',
  instant: 'timestamptz',
  minor: 'bigint',
  integer: 'integer',
  boolean: 'boolean',
  decimal: 'numeric',
  json: 'jsonb',
} as const satisfies Record<FieldType, string>;

/** How columns travel: exact decimals as the text that they are. */
const ARRAY_TYPES: Record<FieldType, ArrayType> = { ...COLUMN_TYPES, decimal: 'text' };

export interface Column {
  readonly field: string;
  readonly name: string;
  readonly type: FieldType;
  readonly nullable: boolean;
}

/** The columns of one kind beside its key, in the order of RECORDS. */
export function columnsOf(kind: RecordKind): Column[] {
  return Object.entries<Field>(RECORDS[kind]).map(([field, declared]) => ({
    field,
    name: snakeCase(field),
    type: declared.replace('?', '') as FieldType,
    nullable: declared.endsWith('?'),
  }));
}

/** A record with where it comes from. */
export interface SourcedRecord {
  readonly record: CanonicalRecord;
  /** SHA-256 of the raw object. */
  readonly hash: Buffer;
  /** When that was read. */
  readonly version: Date;
}

interface Statements {
  readonly columns: readonly Column[];
  readonly upsert: string;
  readonly insertMention: string;
  readonly rewrite: string;
}

/** Kinds whose records stand inside several objects, which must not take turns in overwriting them. */
const SHARED: ReadonlySet<RecordKind> = new Set(['discount']);

/** Kinds that own parts. Their rows follow every new content of the object: the parts may have changed where the owner's fields did not. */
const OWNERS = new Set(Object.values(PARTS).map(({ owner }) => owner));

/**
 * A mention was seen only in passing: it is older than anything read on purpose, so that every real read replaces it, in
 * whatever order the two are committed.
 */
const MENTION_VERSION = new Date(0);

const STATEMENTS = new Map<RecordKind, Statements>(
  RECORD_KINDS.map((kind) => [kind, statementsOf(kind)]),
);

function statementsOf(kind: RecordKind): Statements {
  const columns = columnsOf(kind);
  const names = columns.map(({ name }) => `"${name}"`);
  const arrays = columns.map(
    ({ type }, index) => `$${index + 5}::${ARRAY_TYPES[type]}[]::${COLUMN_TYPES[type]}[]`,
  );
  const into = `insert into "${kind}" (account_id, external_id, version, raw_hash, ${names.join(', ')})`;
  const given = `unnest($2::text[], $3::timestamptz[], $4::bytea[], ${arrays.join(', ')})
      as given(external_id, version, raw_hash, ${names.join(', ')})`;
  const set = `version = excluded.version, raw_hash = excluded.raw_hash,
        ${names.map((name) => `${name} = excluded.${name}`).join(', ')}`;
  const fieldsOf = (row: string) => `(${names.map((name) => `${row}.${name}`).join(', ')})`;
  const textOf = (row: string) => `row${fieldsOf(row)}::text collate "C"`;
  // Of several that are equally old, the greatest as text stands, in whatever order they come.
  const greatest = `select distinct on (external_id) $1::text, given.* from ${given}
      order by external_id, given.version desc, ${textOf('given')} desc`;
  const isGreater = `"${kind}".version = excluded.version and ${textOf(`"${kind}"`)} < ${textOf('excluded')}`;
  // A row changes when its object was read later and differs, and where the object holds no parts when the row's fields differ too.
  // A mention gives way to a read that says the same, or another mention would take the row; so does what several objects show.
  const isNewer = `excluded.version > "${kind}".version and excluded.raw_hash <> "${kind}".raw_hash`;
  const isMention = `"${kind}".version = '${MENTION_VERSION.toISOString()}'`;
  const differs = `${fieldsOf(`"${kind}"`)} is distinct from ${fieldsOf('excluded')}`;
  const upsert = {
    owner: [`select $1::text, given.* from ${given}`, isNewer],
    own: [`select $1::text, given.* from ${given}`, `${isNewer} and (${differs} or ${isMention})`],
    shared: [greatest, `(${isNewer}) or (${isGreater})`],
  }[OWNERS.has(kind) ? 'owner' : SHARED.has(kind) ? 'shared' : 'own'];
  // Most rows are new, and those go without saying.
  const write = ([rows, where]: readonly string[], fields = set) => `with written as (${into}
      ${rows} on conflict (account_id, external_id) do update set ${fields}
      where ${where}
      returning external_id, xmax = 0 as added)
    select external_id as id, added from unnest($2::text[]) as given(external_id)
      left join written using (external_id) where added is not true`;
  // The same content, read by a better normaliser: the row keeps the time at which that content was read.
  const rewrite = [greatest, `"${kind}".raw_hash = excluded.raw_hash and ${differs}`];
  const fields = names.map((name) => `${name} = excluded.${name}`).join(', ');
  return {
    columns,
    upsert: write(upsert),
    insertMention: write([greatest, isGreater]),
    rewrite: write(rewrite, fields),
  };
}

interface Batch {
  readonly accountId: string;
  readonly kind: RecordKind;
  readonly records: readonly SourcedRecord[];
}

export interface WrittenRow {
  readonly id: string;
  /** Whether there was none before. */
  readonly added: boolean;
}

/** Writes records of one kind under the version rule and returns the rows that changed. */
export async function upsertRecords(
  trx: Transaction<Database>,
  batch: Batch,
): Promise<WrittenRow[]> {
  const { columns, upsert } = statementsFor(batch.kind);
  const byId = new Map(batch.records.map((sourced) => [sourced.record.id, sourced]));
  const records = SHARED.has(batch.kind) ? batch.records : [...byId.values()];
  return run(trx, upsert, columns, { ...batch, records });
}

/** Writes mentions of one kind where nothing but mentions is known yet and returns the ids of the rows that changed. */
export async function insertMentions(
  trx: Transaction<Database>,
  batch: Batch,
): Promise<WrittenRow[]> {
  const { columns, insertMention } = statementsFor(batch.kind);
  const records = batch.records.map((sourced) => ({ ...sourced, version: MENTION_VERSION }));
  return run(trx, insertMention, columns, { ...batch, records });
}

/** Writes what a better normaliser makes of objects whose rows are there, and returns the rows that changed. */
export async function rewriteRecords(
  trx: Transaction<Database>,
  batch: Batch,
): Promise<WrittenRow[]> {
  const { columns, rewrite } = statementsFor(batch.kind);
  return run(trx, rewrite, columns, batch);
}

/** Deletes the parts of the given owners that are not among `keep`, and returns how many those were. */
export async function deletePartsExcept(
  trx: Transaction<Database>,
  options: {
    readonly accountId: string;
    readonly kind: RecordKind;
    readonly owners: readonly string[];
    readonly keep: readonly string[];
  },
): Promise<number> {
  const part = PARTS[options.kind];
  if (!part) return 0;
  const result = await trx.executeQuery(
    CompiledQuery.raw(
      `delete from "${options.kind}" where account_id = $1
         and ${snakeCase(part.ownerField)} = any($2::text[]) and external_id <> all($3::text[])`,
      [options.accountId, options.owners, options.keep],
    ),
  );
  return Number(result.numAffectedRows ?? 0n);
}

/** Deletes records and parts by the ids of the objects that held them. Returns how many, and their customers. */
export async function deleteRecords(
  trx: Transaction<Database>,
  options: {
    readonly accountId: string;
    readonly kind: RecordKind;
    readonly owners: readonly string[];
  },
): Promise<{ readonly rows: number; readonly customerIds: string[] }> {
  const { accountId, kind, owners } = options;
  if (owners.length === 0) return { rows: 0, customerIds: [] };
  const part = PARTS[kind];
  const id = part ? snakeCase(part.ownerField) : 'external_id';
  const customer =
    kind === 'customer' ? 'external_id' : 'customerId' in RECORDS[kind] ? 'customer_id' : 'null';
  const { rows } = await trx.executeQuery<{ customer: string | null }>(
    CompiledQuery.raw(
      `delete from "${kind}" where account_id = $1 and ${id} = any($2::text[])
       returning ${customer} as customer`,
      [accountId, owners],
    ),
  );
  return {
    rows: rows.length,
    customerIds: rows.flatMap((row) => (row.customer === null ? [] : row.customer)),
  };
}

function statementsFor(kind: RecordKind): Statements {
  const statements = STATEMENTS.get(kind);
  if (!statements) throw new Error(`${kind} is not a kind of record.`);
  return statements;
}

async function run(
  trx: Transaction<Database>,
  text: string,
  columns: readonly Column[],
  batch: Batch,
): Promise<WrittenRow[]> {
  if (batch.records.length === 0) return [];
  const records = sortedById(batch.records);
  const { rows: others } = await trx.executeQuery<{ id: string; added: false | null }>(
    CompiledQuery.raw(text, [
      batch.accountId,
      encodeArray('text', records, ({ record }) => record.id),
      encodeArray('timestamptz', records, ({ version }) => version),
      encodeArray('bytea', records, ({ hash }) => hash),
      ...columns.map(({ field, type }) =>
        encodeArray(ARRAY_TYPES[type], records, ({ record }) => {
          const fields = record.fields as Readonly<Record<string, ValueOf<ArrayType> | null>>;
          const value = fields[field] ?? null;
          return type === 'json' && value !== null ? withoutNul(JSON.stringify(value)) : value;
        }),
      ),
    ]),
  );
  const changed = new Map(records.map(({ record: { id } }) => [id, { id, added: true }]));
  for (const { id, added } of others) {
    if (added === null) changed.delete(id);
    else changed.set(id, { id, added });
  }
  return [...changed.values()];
}

/** In the order of ids: every transaction takes row locks in the same order. */
const sortedById = (records: readonly SourcedRecord[]): SourcedRecord[] =>
  [...records].sort((a, b) => (a.record.id < b.record.id ? -1 : 1));

/** Postgres has no NUL in JSON text either, where it is an escape of six characters after an even number of backslashes. */
const withoutNul = (json: string): string =>
  json.includes('\\u0000') ? json.replace(/(?<!\\)((?:\\\\)*)\\u0000/g, '$1') : json;
