/** What a comparison with the provider's figures shows: sums side by side, then each difference under its cause. */
import type { MetricRun } from '../db/repositories/metrics';
import { CAUSE_NAMES, CAUSES, type CauseName } from '../domain/reconcile/causes';
import {
  addTo,
  differingFields,
  FIGURE_KINDS,
  FIGURES,
  type ComparedMrr,
  type ComparedSum,
  type DifferentFigure,
  type DifferentMrr,
  type Figure,
  type FigureKind,
} from '../domain/reconcile/figures';
import { countOf, formatMinor } from '../domain/words';
import { formatCount, formatInstant, renderTable, type Paint } from './output';
import type { Refused, UnreadableFigure } from './reconcile';
import type { Causes } from './reconcile-causes';

export interface Reconciliation {
  readonly account: string;
  /** Whose figures, as in "compared with …". */
  readonly source: string;
  /** By the provider's clock. */
  readonly at: Date;
  readonly months: readonly string[];
  readonly run: MetricRun | null;
  readonly sums: readonly ComparedSum[];
  readonly mrr: readonly ComparedMrr[];
  readonly causes: Causes;
  readonly unreadable: readonly UnreadableFigure[];
  readonly refused: readonly Refused[];
  readonly isCut: boolean;
}

/** A difference as people and programs read it. */
export interface Named {
  readonly what: FigureKind | 'mrr';
  /** Of the object, or the customer. */
  readonly id: string;
  /** The month, or the instant just before which MRR is compared. */
  readonly when: string;
  readonly currency: string;
  readonly exponent: number;
  readonly ours: Said;
  readonly theirs: Said;
  readonly cause: CauseName;
  readonly shown: string;
}

/** What a side says, in the fields in which they differ; null where it has nothing. */
type Said = Readonly<Record<string, string | bigint | null>> | null;

export const namedDifferences = ({ causes, unreadable }: Reconciliation): Named[] => [
  ...causes.figures.map(({ of, cause }) => ({
    ...namedFigure(of),
    ...{ cause: cause.name, shown: cause.shown },
  })),
  ...unreadable.map(({ kind, month, id, reason }) => ({
    ...{ what: kind, id, when: month, currency: '', exponent: 0, ours: null, theirs: null },
    ...{ cause: 'not_normalised' as const, shown: reason },
  })),
  ...causes.mrr.map(({ of, cause }) => ({
    ...namedMrr(of),
    ...{ cause: cause.name, shown: cause.shown },
  })),
];

function namedFigure({ kind, month, id, ours, theirs }: DifferentFigure) {
  const fields =
    ours && theirs ? differingFields(kind, ours, theirs) : ['status', ...FIGURES[kind]];
  const said = (side: Figure | null): Said =>
    side && Object.fromEntries(fields.map((field) => [field, valueOf(side, field)]));
  const { currency, exponent } = ours ?? theirs ?? { currency: '', exponent: 0 };
  return {
    ...{ what: kind, id, when: month, currency, exponent },
    ...{ ours: said(ours), theirs: said(theirs) },
  };
}

const valueOf = (side: Figure, field: string): string | bigint | null =>
  side.amounts[field] ?? side[field as 'status' | 'currency' | 'customerId'];

const namedMrr = ({ at, customer, currency, exponent, oursMinor, theirsMinor }: DifferentMrr) => ({
  ...{ what: 'mrr' as const, id: customer, when: at.toISOString(), currency, exponent },
  ...{ ours: { mrrMinor: oursMinor }, theirs: { mrrMinor: theirsMinor } },
});

/** Whether everything was compared, and is equal or explained. */
export const isExplained = (reconciliation: Reconciliation): boolean =>
  !reconciliation.isCut &&
  reconciliation.refused.length === 0 &&
  namedDifferences(reconciliation).every(({ cause }) => CAUSES[cause].explains);

interface Look {
  readonly paint: Paint;
  readonly width: number;
  /** Differences that are shown of one cause. */
  readonly limit: number;
}

export function renderReconciliation(reconciliation: Reconciliation, look: Look): string {
  const { account, source, at, months, refused } = reconciliation;
  const { bold, dim, red } = look.paint;
  const differences = namedDifferences(reconciliation);
  const span = [...new Set([months[0], months.at(-1)])].join(' to ');
  const groups = CAUSE_NAMES.flatMap((cause) => {
    const own = differences.filter((difference) => difference.cause === cause);
    return own.length === 0 ? [] : [renderCause(account, { cause, own }, look)];
  });
  return [
    `${bold(account)} ${dim(`beside ${source}, ${span}, at ${formatInstant(at)}`)}`,
    renderSums(reconciliation, look),
    ...groups,
    ...refused.map(({ what, reason }) => red(`${NOUNS[what]} could not be compared: ${reason}`)),
    summary(reconciliation, look),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

const NOUNS = {
  invoice: 'Invoices',
  payment: 'Payments',
  refund: 'Refunds',
  mrr: 'MRR',
} as const satisfies Record<Named['what'], string>;

function renderSums({ sums, mrr }: Reconciliation, look: Look): string {
  const rows = FIGURE_KINDS.flatMap((kind) => {
    const [name] = FIGURES[kind];
    const own = sums.filter((sum) => sum.kind === kind);
    return currenciesOf(own).map((currency) => {
      const all = own.filter((sum) => sum.currency === currency);
      const none = { count: 0, amounts: {} };
      const add = (side: 'ours' | 'theirs') =>
        all.reduce((sum, each) => addTo(sum, each[side], kind), none as ComparedSum['ours']);
      const [ours, theirs] = [add('ours'), add('theirs')];
      const exponent = all[0]?.exponent ?? 0;
      return sumRow(look, {
        what: NOUNS[kind],
        currency,
        counts: [ours.count, theirs.count],
        minor: [ours.amounts[name] ?? 0n, theirs.amounts[name] ?? 0n],
        exponent,
      });
    });
  });
  const last = mrr.at(-1)?.at;
  const revenue = mrr
    .filter(({ at }) => at.getTime() === last?.getTime())
    .map(({ currency, exponent, ours, theirs }) =>
      sumRow(look, {
        what: NOUNS.mrr,
        currency,
        counts: [ours.customers, theirs.customers],
        minor: [ours.minor, theirs.minor],
        exponent,
      }),
    );
  const right = (head: string) => ({ head, align: 'right' as const });
  const columns = [
    ...[{ head: '' }, { head: '' }],
    ...['Here', 'There', 'Amount here', 'Amount there', 'Difference'].map(right),
  ];
  return renderTable(columns, [...rows, ...revenue], look);
}

const currenciesOf = (sums: readonly ComparedSum[]): string[] =>
  [...new Set(sums.map(({ currency }) => currency))].sort();

function sumRow(
  { paint }: Look,
  row: {
    readonly what: string;
    readonly currency: string;
    readonly counts: readonly [number, number];
    readonly minor: readonly [bigint, bigint];
    readonly exponent: number;
  },
): string[] {
  const [here, there] = row.minor;
  const isEqual = here === there && row.counts[0] === row.counts[1];
  return [
    row.what,
    row.currency,
    ...row.counts.map(formatCount),
    ...row.minor.map((minor) => formatMinor(minor, row.exponent)),
    isEqual ? paint.green('none') : paint.yellow(formatMinor(here - there, row.exponent)),
  ];
}

function renderCause(
  account: string,
  { cause, own }: { readonly cause: CauseName; readonly own: readonly Named[] },
  look: Look,
): string {
  const { bold, dim, red } = look.paint;
  const { explains, says, next } = CAUSES[cause];
  const title = `${countOf(own.length, 'difference')}: ${says}`;
  // A customer's MRR of several months is one line.
  const lines = new Map<string, Named[]>();
  for (const each of own) {
    const key = [each.what, each.id, each.currency].join(' ');
    lines.set(key, [...(lines.get(key) ?? []), each]);
  }
  const more = lines.size - look.limit;
  return [
    (explains ? bold : red)(title),
    ...[...lines.values()].slice(0, look.limit).map((months) => lineOf(months, look)),
    ...(more > 0 ? [dim(`  and ${formatCount(more)} more: --limit, or all with --json`)] : []),
    `  ${next(account)}`,
  ].join('\n');
}

/** Told by the newest. */
function lineOf(months: readonly Named[], { paint: { dim } }: Look): string {
  const newest = months.at(-1);
  if (newest === undefined) return '';
  const { what, id, when, shown } = newest;
  const others = months.length > 1 ? ` and ${countOf(months.length - 1, 'month')} before` : '';
  const at = what === 'mrr' ? `${formatInstant(new Date(when))}${others}` : when;
  const because = shown === '' ? '' : dim(`  (${shown})`);
  return `  ${id}  ${dim(at)}  ${sidesText(newest)}${because}`;
}

const FIELD_WORDS: Readonly<Record<string, string>> = {
  status: 'status',
  currency: 'currency',
  customerId: 'customer',
  totalMinor: 'total',
  amountDueMinor: 'due',
  amountPaidMinor: 'paid',
  amountMinor: 'amount',
  amountReceivedMinor: 'received',
  mrrMinor: 'MRR',
};

function sidesText({ what, ours, theirs, currency, exponent }: Named): string {
  const text = (value: string | bigint | null | undefined) =>
    typeof value === 'bigint' ? `${formatMinor(value, exponent)} ${currency}` : (value ?? 'none');
  if (ours && theirs) {
    return Object.keys(ours)
      .map((field) => {
        const word = FIELD_WORDS[field] ?? field;
        return `${word} ${text(ours[field])} here, ${text(theirs[field])} there`;
      })
      .join('; ');
  }
  const side = ours ?? theirs;
  if (side === null || what === 'mrr') return '';
  const [name] = FIGURES[what];
  return `${text(side['status'])}, ${text(side[name])}, only ${ours ? 'here' : 'there'}`;
}

function summary(reconciliation: Reconciliation, { paint: { green, red } }: Look): string {
  const differences = namedDifferences(reconciliation);
  const { isCut, refused } = reconciliation;
  const rest = refused.length > 0 ? 'All that could be compared' : 'Everything';
  if (differences.length === 0) return green(`${rest} is equal.`);
  const open = differences.filter(({ cause }) => !CAUSES[cause].explains).length;
  const count = open === differences.length ? 'none' : `${formatCount(open)} of them not`;
  const all = `${countOf(differences.length, 'difference')}, ${open === 0 ? 'all of them' : count} explained.`;
  const cut = isCut ? ' There are more than are named here: take fewer months.' : '';
  return `${open === 0 ? green(all) : red(all)}${cut}`;
}

export const reconciliationJson = (reconciliation: Reconciliation) => {
  const { account, source, at, months, run, sums, mrr, refused, isCut } = reconciliation;
  return {
    ...{ account, source, at, months, run: run?.run ?? null, knownUntil: run?.as_of ?? null },
    notCompared: refused,
    ...{ sums, mrr, isCut, explained: isExplained(reconciliation) },
    differences: namedDifferences(reconciliation).map((difference) => ({
      ...difference,
      explained: CAUSES[difference.cause].explains,
      next: CAUSES[difference.cause].next(account),
    })),
  };
};
