/** Why the ledger of one run is not that of another: each movement that differs, with what made it so. */
import type { MovementType } from './movements';
import { compareText } from './plain';

/** A row that stands in one of two runs only. */
export interface DifferentRow {
  readonly id: bigint;
  readonly side: 'before' | 'after';
  readonly customer: string;
  readonly currency: string;
  readonly exponent: number;
  readonly at: Date;
  readonly month: string;
  readonly type: MovementType;
  readonly deltaMinor: bigint;
  readonly afterMinor: bigint;
  readonly inputs: readonly string[];
}

/** What two runs were computed with. */
export interface Editions {
  /** Up to when the older run knew the account. */
  readonly knownUntil: Date;
  readonly policyChanged: boolean;
  readonly engineChanged: boolean;
  /** Ids of records whose content was read after the older run. */
  readonly readSince: ReadonlySet<string>;
}

export type Reason =
  /** It happened after what the older run knew. */
  | { readonly what: 'happened_since' }
  | { readonly what: 'records'; readonly records: readonly string[] }
  | { readonly what: 'policy' }
  | { readonly what: 'engine' }
  /** A record that the movement does not name, such as one that is gone. */
  | { readonly what: 'other_records' };

export interface ChangedMovement {
  readonly customer: string;
  readonly currency: string;
  readonly exponent: number;
  readonly at: Date;
  readonly month: string;
  readonly before: DifferentRow | null;
  readonly after: DifferentRow | null;
  readonly because: readonly Reason[];
}

/** Rows of one customer, currency and instant are one movement. One that was taken back and came again as it was is none. */
export function changedMovements(
  rows: readonly DifferentRow[],
  editions: Editions,
): ChangedMovement[] {
  const pairs = new Map<string, { before: DifferentRow | null; after: DifferentRow | null }>();
  for (const row of rows) {
    const key = [row.customer, row.currency, row.at.toISOString()].join(' ');
    pairs.set(key, { ...(pairs.get(key) ?? { before: null, after: null }), [row.side]: row });
  }
  return [...pairs.values()].flatMap(({ before, after }) => {
    const known = after ?? before;
    if (!known || (before && after && isSame(before, after))) return [];
    const { customer, currency, exponent, at, month } = known;
    const inputs = [...(before?.inputs ?? []), ...(after?.inputs ?? [])];
    const because = reasonsOf({ at, inputs }, editions);
    return [{ customer, currency, exponent, at, month, before, after, because }];
  });
}

const isSame = (before: DifferentRow, after: DifferentRow): boolean =>
  before.type === after.type &&
  before.deltaMinor === after.deltaMinor &&
  before.afterMinor === after.afterMinor &&
  before.inputs.join(' ') === after.inputs.join(' ');

function reasonsOf(
  { at, inputs }: { readonly at: Date; readonly inputs: readonly string[] },
  { knownUntil, policyChanged, engineChanged, readSince }: Editions,
): Reason[] {
  if (at > knownUntil) return [{ what: 'happened_since' }];
  const records = [...new Set(inputs)].filter((id) => readSince.has(id)).sort(compareText);
  const reasons: Reason[] = [
    ...(records.length > 0 ? [{ what: 'records', records } as const] : []),
    ...(policyChanged ? [{ what: 'policy' } as const] : []),
    ...(engineChanged ? [{ what: 'engine' } as const] : []),
  ];
  return reasons.length > 0 ? reasons : [{ what: 'other_records' }];
}

export interface ChangedMonth {
  readonly month: string;
  readonly currency: string;
  readonly exponent: number;
  readonly type: MovementType;
  /** What stands in one run only, summed: what both hold is in neither. */
  readonly beforeMinor: bigint;
  readonly afterMinor: bigint;
}

/** By month, currency and type; what came out the same in sum is left out. */
export function changedMonths(rows: readonly DifferentRow[]): ChangedMonth[] {
  const months = new Map<string, ChangedMonth>();
  for (const { month, currency, exponent, type, side, deltaMinor } of rows) {
    const key = [month, currency, type].join(' ');
    const known = months.get(key) ?? {
      ...{ month, currency, exponent, type },
      ...{ beforeMinor: 0n, afterMinor: 0n },
    };
    const sum = side === 'before' ? 'beforeMinor' : 'afterMinor';
    months.set(key, { ...known, [sum]: known[sum] + deltaMinor });
  }
  return [...months]
    .sort(([a], [b]) => compareText(a, b))
    .map(([, month]) => month)
    .filter(({ beforeMinor, afterMinor }) => beforeMinor !== afterMinor);
}
