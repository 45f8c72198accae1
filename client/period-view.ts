/** Measures, cohorts and payment volume by period, as tables and as JSON. */
import type { CohortFigures } from '../domain/metrics/cohorts';
import { exact, roundHalfUp } from '../domain/metrics/exact';
import type { MissingRate } from '../domain/metrics/fx';
import { RATES, type Rate } from '../domain/metrics/measures';
import type { PaymentVolume } from '../domain/metrics/payment-volume';
import { MONEY_KEYS, type PeriodReport } from '../domain/metrics/report';
import { formatMinor } from '../domain/words';
import { byTitle, periodName } from './mrr-table';
import { formatCount, renderTable, type Column, type Paint } from './output';

const picked = <T, K extends keyof T>(row: T, keys: readonly K[]) =>
  Object.fromEntries(keys.map((key) => [key, row[key]])) as Pick<T, K>;

const spanJson = ({ span }: Pick<PeriodReport, 'span'>) => ({
  period: span.label,
  from: span.from,
  to: span.to,
});

/** The fields of `recoup metrics compute`, with where each period begins and ends. */
export const periodJson = (account: string, row: PeriodReport) => ({
  account,
  ...spanJson(row),
  ...picked(row, ['currency', 'exponent', 'scope', ...MONEY_KEYS]),
  ...picked(row, ['customersAtStart', 'customers', 'newCustomers', 'reactivatedCustomers']),
  ...picked(row, ['churnedCustomers', 'lostCustomers', 'subscriptions']),
  ...picked(row, ['trialsEnded', 'trialsConverted']),
  mrrMinor: row.endMinor,
  ...picked(row, ['arrMinor', ...RATES, 'carriedRateDays']),
});

/** `cohort` is the period in which its customers began, `period` that at whose end this is. */
export const cohortJson = (account: string, { span, ...cohort }: CohortFigures) => ({
  account,
  cohort: span.label,
  ...cohort,
});

export const volumeJson = (account: string, { span, ...volume }: PaymentVolume) => ({
  account,
  ...spanJson({ span }),
  ...volume,
});

const right = (...heads: string[]): Column[] =>
  heads.map((head): Column => ({ head, align: 'right' }));

interface Look {
  readonly paint: Paint;
}

const tables = <Row>(
  groups: ReadonlyMap<string, readonly Row[]>,
  options: Look & { columns: readonly Column[]; cellsOf: (row: Row) => string[] },
): string =>
  [...groups]
    .map(([title, own]) => {
      const { paint, columns, cellsOf } = options;
      const drawn = renderTable(columns, own.map(cellsOf), { paint, width: Infinity });
      return `${paint.bold(title)}\n${drawn}`;
    })
    .join('\n\n');

const NONE = '–';

/** `12.5%`, to a tenth. */
const percent = (rate: Rate | null): string =>
  rate ? `${formatMinor(rounded(rate, 1_000n), 1)}%` : NONE;

const amount = (rate: Rate | null, exponent: number): string =>
  rate ? formatMinor(rounded(rate, 1n), exponent) : NONE;

const rounded = ({ numerator, denominator }: Rate, scale: bigint): bigint =>
  roundHalfUp(exact(numerator * scale).div(exact(denominator)));

const MEASURES = [
  { head: 'Period' },
  ...right('MRR', 'ARR', 'Cust.', 'Subs', 'ARPA', 'ASP', 'Cust. churn', 'Gross churn'),
  ...right('Net churn', 'Quick ratio', 'LTV', 'Trials paid'),
];

export const renderMeasures = (rows: readonly PeriodReport[], { paint }: Look): string =>
  tables(byTitle(rows), {
    paint,
    columns: MEASURES,
    cellsOf: (row) => [
      periodName(row.span.label),
      formatMinor(row.endMinor, row.exponent),
      formatMinor(row.arrMinor, row.exponent),
      formatCount(row.customers),
      formatCount(row.subscriptions),
      amount(row.arpa, row.exponent),
      amount(row.asp, row.exponent),
      percent(row.customerChurnRate),
      percent(row.grossMrrChurnRate),
      percent(row.netMrrChurnRate),
      row.quickRatio ? formatMinor(rounded(row.quickRatio, 100n), 2) : NONE,
      amount(row.ltv, row.exponent),
      row.trialConversionRate ? `${row.trialsConverted} of ${row.trialsEnded}` : NONE,
    ],
  });

const VOLUMES = [
  { head: 'Period' },
  ...right('Invoices', 'Failed', 'Recovered', 'Lost', 'Voided', 'Open', 'Rate'),
];

export const renderVolumes = (rows: readonly PaymentVolume[], { paint }: Look): string =>
  tables(byTitle(rows.map(ofOneCurrency)), {
    paint,
    columns: VOLUMES,
    cellsOf: ({ span, exponent, ...row }) => [
      periodName(span.label),
      formatCount(row.failedInvoices),
      ...[row.failedMinor, row.recoveredMinor, row.lostMinor, row.voidedMinor, row.openMinor].map(
        (minor) => formatMinor(minor, exponent),
      ),
      percent(rate(row.recoveredMinor, row.failedMinor)),
    ],
  });

/** A line for each cohort, a column for each period since: the share that is left. */
export function renderCohorts(
  rows: readonly CohortFigures[],
  { paint, of }: Look & { of: 'customers' | 'mrr' },
): string {
  const offsets = [...new Set(rows.map(({ offset }) => offset))].sort((a, b) => a - b);
  const cohorts = new Map<string, CohortFigures[]>();
  for (const row of rows) {
    const key = `${row.currency} ${row.span.label}`;
    cohorts.set(key, [...(cohorts.get(key) ?? []), row]);
  }
  const share = ({ customers, joinedCustomers, mrrMinor, joinedMinor }: CohortFigures): string =>
    of === 'customers'
      ? percent(rate(BigInt(customers), BigInt(joinedCustomers)))
      : percent(rate(mrrMinor, joinedMinor));
  const firsts = [...cohorts.values()].flatMap((own) => own.slice(0, 1));
  return tables(byTitle(firsts.map(ofOneCurrency)), {
    paint,
    columns: [
      { head: 'Began in' },
      ...right('Cust.', 'MRR', ...offsets.map((offset) => `+${offset}`)),
    ],
    cellsOf: ({ currency, exponent, span, joinedCustomers, joinedMinor }) => {
      const own = cohorts.get(`${currency} ${span.label}`) ?? [];
      return [
        periodName(span.label),
        formatCount(joinedCustomers),
        formatMinor(joinedMinor, exponent),
        ...offsets.map((offset) =>
          own
            .filter((row) => row.offset === offset)
            .map(share)
            .join(''),
        ),
      ];
    },
  });
}

const ofOneCurrency = <Row>(row: Row) => ({ ...row, scope: 'currency' as const });

const rate = (numerator: bigint, denominator: bigint): Rate | null =>
  denominator === 0n ? null : { numerator, denominator };

/** Why there is no total, and what to do. */
export const missingRateText = (
  account: string,
  { currency, reportingCurrency, date }: MissingRate,
): string =>
  `No total in ${reportingCurrency} of ${account}: there is no rate of ${currency} on or before ${date}. Import it: recoup metrics rates import <file> --into ${reportingCurrency}`;
