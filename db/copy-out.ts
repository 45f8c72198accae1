/**
 * Rows as Postgres copies them out, in binary. The driver takes every value through a text of its own; where millions of rows are
 * read, that and what it leaves to the garbage collector is most of the work.
 */
import { CompiledQuery, type Kysely } from 'kysely';
import type { PoolClient, Submittable } from 'pg';
import type { Database } from './schema';

type Read = (bytes: Buffer, view: DataView, at: number, end: number) => unknown;

/** Binary instants count microseconds from 2000-01-01. */
const EPOCH_MS = Date.UTC(2000, 0, 1);
const HIGH_WORD = 2 ** 32;

function readInstant(_bytes: Buffer, view: DataView, at: number): Date {
  const micros = view.getInt32(at) * HIGH_WORD + view.getUint32(at + 4);
  return new Date(EPOCH_MS + Math.floor(micros / 1_000));
}

const readText = (bytes: Buffer, _view: DataView, at: number, end: number): string =>
  bytes.toString('utf8', at, end);

const READ = {
  text: readText,
  timestamptz: readInstant,
  bigint: (_bytes, view, at) => view.getBigInt64(at),
  integer: (_bytes, view, at) => view.getInt32(at),
  boolean: (_bytes, view, at) => view.getUint8(at) === 1,
  // Before the text stands the version of the form, the only one that there is.
  jsonb: (bytes, view, at, end) => JSON.parse(readText(bytes, view, at + 1, end)) as unknown,
} satisfies Record<string, Read>;

export interface CopiedColumn {
  /** What the value is called in the row. */
  readonly field: string;
  readonly type: keyof typeof READ;
}

/** What `select` gives, whose columns are these in this order. It takes no parameters: what it is about stands in it as literals. */
export async function copyRows<Row>(
  db: Kysely<Database>,
  { select, columns }: { readonly select: string; readonly columns: readonly CopiedColumn[] },
): Promise<Row[]> {
  const copy = CompiledQuery.raw(`${COPY}(${select}) to stdout (format binary)`);
  const { rows } = await db.executeQuery<Buffer>(copy);
  return rows.flatMap((bytes) => decode<Row>(bytes, columns));
}

/** Signature, flags, and the length of an extension that there is none of. */
const HEADER_BYTES = 19;
const COUNT_BYTES = 2;
const LENGTH_BYTES = 4;

function decode<Row>(bytes: Buffer, columns: readonly CopiedColumn[]): Row[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // Rows beside each other have much in common: what is the same as in the row before is neither read nor stored again.
  const before = columns.map(() => ({ at: 0, end: 0, value: null as unknown }));
  const shape = Object.fromEntries(columns.map(({ field }) => [field, null as unknown]));
  const reads = columns.map(({ type }): Read => READ[type]);
  const rows: Row[] = [];
  let at = HEADER_BYTES;
  // A count of -1 ends it.
  while (view.getInt16(at) >= 0) {
    at += COUNT_BYTES;
    const row = { ...shape };
    for (let column = 0; column < columns.length; column += 1) {
      const length = view.getInt32(at);
      at += LENGTH_BYTES;
      if (length < 0) continue;
      const end = at + length;
      const [known, read, named] = [before[column], reads[column], columns[column]];
      if (!known || !read || !named) break;
      if (!isSame(bytes, known, at, end)) {
        known.value = read(bytes, view, at, end);
        known.at = at;
        known.end = end;
      }
      row[named.field] = known.value;
      at = end;
    }
    rows.push(row as Row);
  }
  return rows;
}

function isSame(
  bytes: Buffer,
  known: { readonly at: number; readonly end: number },
  at: number,
  end: number,
): boolean {
  const length = end - at;
  if (known.end - known.at !== length || known.at === 0) return false;
  for (let index = 0; index < length; index += 1) {
    if (bytes[known.at + index] !== bytes[at + index]) return false;
  }
  return true;
}

const COPY = 'copy ';

export const isCopy = (text: string): boolean => text.startsWith(COPY);

const FIRST_BYTES = 65_536;

/** What a statement copies out, as one row that is all of it. */
export function copyOut(client: PoolClient, text: string): Promise<{ rows: [Buffer] }> {
  return new Promise((resolve, reject) => {
    let bytes = Buffer.allocUnsafeSlow(FIRST_BYTES);
    let end = 0;
    const query = {
      submit: (connection: { query: (text: string) => void }) => {
        connection.query(text);
      },
      // The driver uses the memory of a piece again for those that follow.
      handleCopyData: ({ chunk }: { readonly chunk: Buffer }) => {
        if (end + chunk.length > bytes.length) {
          const larger = Buffer.allocUnsafeSlow(2 * (end + chunk.length));
          bytes.copy(larger, 0, 0, end);
          bytes = larger;
        }
        chunk.copy(bytes, end);
        end += chunk.length;
      },
      handleCommandComplete: () => undefined,
      handleReadyForQuery: () => {
        resolve({ rows: [bytes.subarray(0, end)] });
      },
      handleError: reject,
    };
    client.query(query as unknown as Submittable);
  });
}
