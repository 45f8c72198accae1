/** Metric runs and what differs between two of them, as people read it. */
import type { MetricRun } from '../db/repositories/metrics';
import type {
  ChangedMonth,
  ChangedMovement,
  DifferentRow,
  Reason,
} from '../domain/metrics/difference';
import type { PolicyChange } from '../domain/metrics/policy-changes';
import { countOf, formatMinor } from '../domain/words';
import { periodName } from './mrr-table';
import { formatCount, formatInstant, renderTable, type Column, type Paint } from './output';

/** Everything in which the newer run differs from the older one. */
export interface RunDifference {
  readonly account: string;
  readonly from: MetricRun;
  readonly to: MetricRun;
  readonly policy: readonly PolicyChange[];
  readonly months: readonly ChangedMonth[];
  readonly movements: readonly ChangedMovement[];
  /** Whether more differs than could be compared at once. */
  readonly isCut: boolean;
}

interface Look {
  readonly paint: Paint;
  readonly width: number;
}

const right = (head: string): Column => ({ head, align: 'right' });

export const renderRuns = (runs: readonly MetricRun[], options: Look): string =>
  renderTable(
    [
      ...[right('Run'), { head: 'Finished' }, { head: 'Known until' }],
      ...['Policy', 'Engine', 'Customers', 'Movements', 'Inferred', 'Unpriced'].map(right),
    ],
    runs.map((run) => [
      String(run.run),
      formatInstant(run.finished_at),
      formatInstant(run.as_of),
      String(run.policy_version),
      String(run.engine_version),
      ...[run.customers, run.movements, run.inferred, run.unpriced].map(formatCount),
    ]),
    options,
  );

export function renderDifference(
  difference: RunDifference,
  options: Look & { readonly limit: number },
): string {
  const { from, to, policy, months, movements, isCut } = difference;
  const { paint, limit } = options;
  const causes = [
    ...policy.map(({ field, from: was, to: is }) => `policy ${field}: ${was} → ${is}`),
    ...(from.engine_version === to.engine_version
      ? []
      : [`engine: ${from.engine_version} → ${to.engine_version}`]),
    ...(from.as_of.getTime() === to.as_of.getTime()
      ? []
      : [`known until: ${formatInstant(from.as_of)} → ${formatInstant(to.as_of)}`]),
  ];
  const title = paint.bold(`Run ${from.run} → run ${to.run}`);
  const head = [title, ...causes.map((cause) => `  ${cause}`)].join('\n');
  if (movements.length === 0) return `${head}\n\nThe ledger is the same.`;
  const shown = movements.slice(0, limit);
  const more = movements.length - shown.length;
  return [
    head,
    renderMonths(months, options),
    renderMovements(shown, options),
    ...(more > 0 ? [`${countOf(more, 'more movement')}: --limit, or --json for all.`] : []),
    ...(isCut ? ['There is more than can be compared at once: these are the first.'] : []),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

const renderMonths = (months: readonly ChangedMonth[], options: Look): string =>
  renderTable(
    [{ head: 'Month' }, { head: 'Currency' }, { head: 'Movement' }, right('By')],
    months.map(({ month, currency, exponent, type, beforeMinor, afterMinor }) => [
      periodName(month),
      currency,
      type,
      signed(afterMinor - beforeMinor, exponent),
    ]),
    options,
  );

const renderMovements = (movements: readonly ChangedMovement[], options: Look): string =>
  renderTable(
    [
      ...[{ head: 'Customer' }, { head: 'At' }, { head: 'Was' }, { head: 'Is' }],
      { head: 'Because of' },
    ],
    movements.map(({ customer, currency, at, before, after, because }) => [
      customer,
      at.toISOString().slice(0, 10),
      rowText(before, currency),
      rowText(after, currency),
      because.map(reasonText).join(', '),
    ]),
    options,
  );

const rowText = (row: DifferentRow | null, currency: string): string =>
  row === null ? '–' : `${row.type} ${signed(row.deltaMinor, row.exponent)} ${currency}`;

const signed = (minor: bigint, exponent: number): string =>
  `${minor > 0n ? '+' : ''}${formatMinor(minor, exponent)}`;

function reasonText(reason: Reason): string {
  switch (reason.what) {
    case 'happened_since':
      return 'time: it happened since';
    case 'records':
      return `records read since: ${reason.records.join(' ')}`;
    case 'policy':
      return 'the policy';
    case 'engine':
      return 'the engine';
    case 'other_records':
      return 'other records of the customer';
  }
}
