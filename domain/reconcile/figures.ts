/** What is compared with the provider's own figures, and how: object by object, and each customer's MRR. */
import type { Fields, RecordKind } from '../records';
import { compareText } from '../metrics/plain';

/** The amounts of each kind that are compared. The first is what its sums are shown by. */
export const FIGURES = {
  invoice: ['totalMinor', 'amountDueMinor', 'amountPaidMinor'],
  payment: ['amountReceivedMinor', 'amountMinor'],
  refund: ['amountMinor'],
} as const satisfies { readonly [K in RecordKind]?: readonly (keyof Fields<K>)[] };

export type FigureKind = keyof typeof FIGURES;
export const FIGURE_KINDS = Object.keys(FIGURES) as readonly FigureKind[];

/** One object as one side has it. */
export interface Figure {
  readonly id: string;
  readonly customerId: string | null;
  readonly createdAt: Date;
  readonly status: string;
  readonly currency: string;
  readonly exponent: number;
  /** Minor units by the names of FIGURES. */
  readonly amounts: Readonly<Record<string, bigint>>;
}

export interface Sum {
  readonly count: number;
  readonly amounts: Readonly<Record<string, bigint>>;
}

/** What both sides come to. */
export interface ComparedSum {
  readonly kind: FigureKind;
  readonly month: string;
  readonly currency: string;
  readonly exponent: number;
  readonly status: string;
  readonly ours: Sum;
  readonly theirs: Sum;
}

export interface DifferentFigure {
  readonly kind: FigureKind;
  readonly month: string;
  readonly id: string;
  readonly ours: Figure | null;
  readonly theirs: Figure | null;
}

export interface ComparedMonth {
  /** By currency and status. */
  readonly sums: readonly ComparedSum[];
  /** By id. */
  readonly differences: readonly DifferentFigure[];
}

/** All of one month. What a side names twice counts once. */
export function compareFigures(options: {
  readonly kind: FigureKind;
  readonly month: string;
  readonly ours: readonly Figure[];
  readonly theirs: readonly Figure[];
}): ComparedMonth {
  const { kind, month } = options;
  const [ours, theirs] = [options.ours, options.theirs].map(
    (side) => new Map(side.map((figure) => [figure.id, figure])),
  ) as [Map<string, Figure>, Map<string, Figure>];
  const ids = [...new Set([...ours.keys(), ...theirs.keys()])].sort(compareText);
  return {
    sums: sumsOf(kind, month, [ours.values(), theirs.values()]),
    differences: ids.flatMap((id) => {
      const [own, their] = [ours.get(id) ?? null, theirs.get(id) ?? null];
      if (own && their && differingFields(kind, own, their).length === 0) return [];
      return [{ kind, month, id, ours: own, theirs: their }];
    }),
  };
}

/** Names of what the sides say differently, in the order in which a person asks. */
export function differingFields(kind: FigureKind, ours: Figure, theirs: Figure): string[] {
  const fields = ['status', 'currency', 'customerId'] as const;
  return [
    ...fields.filter((field) => ours[field] !== theirs[field]),
    ...FIGURES[kind].filter((name) => ours.amounts[name] !== theirs.amounts[name]),
  ];
}

function sumsOf(
  kind: FigureKind,
  month: string,
  sides: readonly [Iterable<Figure>, Iterable<Figure>],
): ComparedSum[] {
  const sums = new Map<string, ComparedSum>();
  for (const [index, side] of sides.entries()) {
    for (const { currency, exponent, status, amounts } of side) {
      const key = `${currency} ${status}`;
      const none = { count: 0, amounts: {} };
      const known = sums.get(key) ?? {
        ...{ kind, month, currency, exponent, status },
        ...{ ours: none, theirs: none },
      };
      const name = index === 0 ? 'ours' : 'theirs';
      sums.set(key, { ...known, [name]: addTo(known[name], { count: 1, amounts }, kind) });
    }
  }
  return [...sums].sort(([a], [b]) => compareText(a, b)).map(([, sum]) => sum);
}

export function addTo(sum: Sum, more: Sum, kind: FigureKind): Sum {
  const names = FIGURES[kind];
  const amount = (name: string) => (sum.amounts[name] ?? 0n) + (more.amounts[name] ?? 0n);
  return {
    count: sum.count + more.count,
    amounts: Object.fromEntries(names.map((name) => [name, amount(name)])),
  };
}

/** What a customer is worth a month in one currency; whoever is at 0 has none. */
export interface MrrFigure {
  readonly customer: string;
  readonly currency: string;
  readonly exponent: number;
  readonly minor: bigint;
}

export interface ComparedMrr {
  /** The figures are those of just before it. */
  readonly at: Date;
  readonly currency: string;
  readonly exponent: number;
  readonly ours: { readonly customers: number; readonly minor: bigint };
  readonly theirs: { readonly customers: number; readonly minor: bigint };
}

export interface DifferentMrr {
  readonly at: Date;
  readonly customer: string;
  readonly currency: string;
  readonly exponent: number;
  readonly oursMinor: bigint;
  readonly theirsMinor: bigint;
}

/** Of one instant. */
export function compareMrr(options: {
  readonly at: Date;
  readonly ours: readonly MrrFigure[];
  readonly theirs: readonly MrrFigure[];
}): { readonly sums: readonly ComparedMrr[]; readonly differences: readonly DifferentMrr[] } {
  const { at } = options;
  const pairs = new Map<string, DifferentMrr>();
  const sums = new Map<string, ComparedMrr>();
  for (const name of ['ours', 'theirs'] as const) {
    for (const { customer, minor, ...of } of options[name]) {
      const { currency } = of;
      const key = `${customer} ${currency}`;
      const pair = pairs.get(key) ?? { at, customer, ...of, oursMinor: 0n, theirsMinor: 0n };
      pairs.set(key, { ...pair, [`${name}Minor`]: minor });
      const none = { customers: 0, minor: 0n };
      const sum = sums.get(currency) ?? { at, ...of, ours: none, theirs: none };
      const { customers, minor: before } = sum[name];
      sums.set(currency, {
        ...sum,
        [name]: { customers: customers + 1, minor: before + minor },
      });
    }
  }
  return {
    sums: [...sums.values()].sort((a, b) => compareText(a.currency, b.currency)),
    differences: [...pairs.values()]
      .filter(({ oursMinor, theirsMinor }) => oursMinor !== theirsMinor)
      .sort((a, b) => compareText(`${a.customer} ${a.currency}`, `${b.customer} ${b.currency}`)),
  };
}
