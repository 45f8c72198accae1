/** Monthly figures: sums of the ledger by calendar month of the account's time zone. */
import { DateTime } from 'luxon';
import { RecoupError } from '../errors';
import { MOVEMENT_TYPES, type MovementType } from './movements';
import { compareText } from './plain';

/** What of a movement the monthly figures need. */
export interface MonthlyInput {
  readonly customer: string;
  readonly currency: string;
  readonly exponent: number;
  readonly at: Date;
  readonly type: MovementType;
  readonly deltaMinor: bigint;
  readonly afterMinor: bigint;
}

/** startMinor + the five movements = endMinor, always. */
export type MonthlyFigures = {
  /** `2026-03` in the account's zone. */
  readonly month: string;
  readonly currency: string;
  readonly exponent: number;
  readonly startMinor: bigint;
  readonly endMinor: bigint;
  /** With recurring revenue at the end of the month. */
  readonly customers: number;
} & { readonly [T in MovementType as `${T}Minor`]: bigint };

/** One row per currency and month, from its first movement to the month of `asOf`, by currency and month. */
export function monthlyFigures(options: {
  /** In order of time for each customer and currency; restated rows and their reversals left out. */
  movements: readonly MonthlyInput[];
  /** IANA name. */
  timeZone: string;
  asOf: Date;
}): MonthlyFigures[] {
  const { movements, timeZone, asOf } = options;
  const byCurrency = new Map<string, MonthlyInput[]>();
  for (const movement of movements) {
    const known = byCurrency.get(movement.currency) ?? [];
    known.push(movement);
    byCurrency.set(movement.currency, known);
  }
  return [...byCurrency]
    .sort(([a], [b]) => compareText(a, b))
    .flatMap(([currency, own]) => {
      own.sort((a, b) => a.at.getTime() - b.at.getTime());
      return figuresOf({ currency, movements: own, timeZone, asOf });
    });
}

function figuresOf(options: {
  currency: string;
  movements: readonly MonthlyInput[];
  timeZone: string;
  asOf: Date;
}): MonthlyFigures[] {
  const { currency, movements, timeZone, asOf } = options;
  const first = movements[0];
  if (!first) return [];
  const figures: MonthlyFigures[] = [];
  const paying = new Set<string>();
  let month = DateTime.fromJSDate(first.at, { zone: timeZone }).startOf('month');
  if (!month.isValid) {
    throw new RecoupError('invalid_input', `'${timeZone}' is no IANA time zone.`);
  }
  let end = 0n;
  let next = 0;
  while (month.toMillis() <= asOf.getTime()) {
    const start = end;
    const sums = new Map<MovementType, bigint>(MOVEMENT_TYPES.map((type) => [type, 0n]));
    const following = month.plus({ months: 1 });
    for (; ; next += 1) {
      const movement = movements[next];
      if (!movement || movement.at.getTime() >= following.toMillis()) break;
      sums.set(movement.type, (sums.get(movement.type) ?? 0n) + movement.deltaMinor);
      end += movement.deltaMinor;
      if (movement.afterMinor > 0n) paying.add(movement.customer);
      else paying.delete(movement.customer);
    }
    const of = (type: MovementType) => sums.get(type) ?? 0n;
    figures.push({
      month: month.toFormat('yyyy-MM'),
      currency,
      exponent: first.exponent,
      startMinor: start,
      newMinor: of('new'),
      expansionMinor: of('expansion'),
      contractionMinor: of('contraction'),
      churnMinor: of('churn'),
      reactivationMinor: of('reactivation'),
      endMinor: end,
      customers: paying.size,
    });
    month = following;
  }
  return figures;
}
