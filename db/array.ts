/**
 * A batch travels as one array per column, in the binary form that Postgres has for arrays: to write instants, hashes and numbers
 * as text takes many times as long here, and Postgres as long again to read them.
 */
import { sql, type RawBuilder } from 'kysely';

interface ElementType<T> {
  readonly oid: number;
  /** Writes an element with its length before it, and returns where it ends. */
  readonly write: (value: T, at: number) => number;
}

/** Where arrays are written before they are copied out: as large as the largest column so far. */
let scratch = new DataView(new ArrayBuffer(65_536));
let bytes = Buffer.from(scratch.buffer);

function reserve(end: number): void {
  if (end <= bytes.length) return;
  const larger = Buffer.from(new ArrayBuffer(2 * end));
  bytes.copy(larger);
  bytes = larger;
  scratch = new DataView(larger.buffer);
}

const LENGTH_BYTES = 4;
/** UTF-8 has at most so many for each UTF-16 unit. */
const MAX_UNIT_BYTES = 3;
/** Longer ones are rather written by one call than by unit. */
const SHORT_TEXT = 100;

function writeText(text: string, at: number): number {
  const start = at + LENGTH_BYTES;
  reserve(start + MAX_UNIT_BYTES * text.length);
  let end = start;
  let isPlain = text.length <= SHORT_TEXT;
  for (let unit = 0; isPlain && unit < text.length; unit += 1) {
    const code = text.charCodeAt(unit);
    isPlain = code > 0 && code < 0x80;
    bytes[end++] = code;
  }
  if (!isPlain) end = start + bytes.write(storable(text), start);
  scratch.setInt32(at, end - start);
  return end;
}

function writeJson(json: string, at: number): number {
  const end = writeText(json, at + 1);
  scratch.setInt32(at, end - at - LENGTH_BYTES);
  // The version of the form, the only one that there is.
  scratch.setUint8(at + LENGTH_BYTES, 1);
  return end;
}

/** Binary instants count from 2000-01-01. */
const EPOCH_MS = Date.UTC(2000, 0, 1);
const MICROSECONDS = 1_000n;

const writeInstant = (instant: Date, at: number): number =>
  writeBigint(BigInt(instant.getTime() - EPOCH_MS) * MICROSECONDS, at);

function writeBigint(value: bigint, at: number): number {
  if (BigInt.asIntN(64, value) !== value) throw outOfRange('bigint');
  reserve(at + 12);
  scratch.setInt32(at, 8);
  scratch.setBigInt64(at + LENGTH_BYTES, value);
  return at + 12;
}

function writeInteger(value: number, at: number): number {
  if ((value | 0) !== value) throw outOfRange('integer');
  reserve(at + 8);
  scratch.setInt32(at, 4);
  scratch.setInt32(at + LENGTH_BYTES, value);
  return at + 8;
}

function writeBoolean(value: boolean, at: number): number {
  reserve(at + 5);
  scratch.setInt32(at, 1);
  scratch.setUint8(at + LENGTH_BYTES, value ? 1 : 0);
  return at + 5;
}

function writeBytes(value: Buffer, at: number): number {
  const end = at + LENGTH_BYTES + value.length;
  reserve(end);
  scratch.setInt32(at, value.length);
  value.copy(bytes, at + LENGTH_BYTES);
  return end;
}

/** With the code by which Postgres refuses such a number, since a binary one would be cut to fit. */
const outOfRange = (type: string): Error =>
  Object.assign(new RangeError(`A number is out of range for ${type}.`), { code: '22003' });

const TYPES = {
  text: { oid: 25, write: writeText },
  timestamptz: { oid: 1184, write: writeInstant },
  bigint: { oid: 20, write: writeBigint },
  integer: { oid: 23, write: writeInteger },
  boolean: { oid: 16, write: writeBoolean },
  bytea: { oid: 17, write: writeBytes },
  jsonb: { oid: 3802, write: writeJson },
};

export type ArrayType = keyof typeof TYPES;
export type ValueOf<Type extends ArrayType> = Parameters<(typeof TYPES)[Type]['write']>[0];

/** Dimensions, whether there are nulls, type, length, lower bound: 4 bytes each; an empty array has no dimension. */
const HEADER_BYTES = 20;
const EMPTY_HEADER_BYTES = 12;

/**
 * What `valueOf` gives for each item, as an array of Postgres. Text loses its NULs, which Postgres does not have. Errors: of code
 * 22003 for a number that the type does not hold.
 */
export function encodeArray<T, Type extends ArrayType>(
  type: Type,
  items: readonly T[],
  valueOf: (item: T) => ValueOf<Type> | null | undefined,
): Buffer {
  const { oid, write } = TYPES[type] as ElementType<ValueOf<Type>>;
  let hasNulls = 0;
  let at = HEADER_BYTES;
  for (const item of items) {
    const value = valueOf(item);
    if (value !== null && value !== undefined) {
      at = write(value, at);
      continue;
    }
    hasNulls = 1;
    reserve(at + LENGTH_BYTES);
    scratch.setInt32(at, -1);
    at += LENGTH_BYTES;
  }
  const header = [items.length > 0 ? 1 : 0, hasNulls, oid, items.length, 1];
  header.forEach((word, index) => scratch.setInt32(4 * index, word));
  return Buffer.from(bytes.subarray(0, items.length > 0 ? at : EMPTY_HEADER_BYTES));
}

/** The same as a parameter of a statement. */
export const arrayOf = <T, Type extends ArrayType>(
  type: Type,
  items: readonly T[],
  valueOf: (item: T) => ValueOf<Type> | null | undefined,
): RawBuilder<ValueOf<Type>[]> => sql`${encodeArray(type, items, valueOf)}::${sql.raw(type)}[]`;

/** Postgres has no NUL in text; the raw object keeps what the provider sent. */
export const storable = (text: string): string =>
  text.includes('\0') ? text.replaceAll('\0', '') : text;
