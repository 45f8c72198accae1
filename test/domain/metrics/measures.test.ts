import { cohortFigures } from '../../../domain/metrics/cohorts';
import { ledgerFigures, type LedgerEntry } from '../../../domain/metrics/figures';
import { measuresOf } from '../../../domain/metrics/measures';
import { paymentVolumes, type FailedPayment } from '../../../domain/metrics/payment-volume';
import { addIntervals } from '../../../domain/metrics/periods';
import { at } from '../metrics-facts';

const calendar = { period: 'month', timeZone: 'UTC', asOf: at('2026-03-15') } as const;

const entry = (
  customer: string,
  date: string,
  type: LedgerEntry['type'],
  deltaMinor: bigint,
): LedgerEntry => ({ customer, currency: 'EUR', exponent: 2, at: at(date), type, deltaMinor });

/** January: a and b begin. February: a grows, b leaves, c begins and leaves. March: b returns, a shrinks. */
const LEDGER = [
  entry('a', '2026-01-05', 'new', 1000n),
  entry('b', '2026-01-20', 'new', 3000n),
  entry('a', '2026-02-01', 'expansion', 500n),
  entry('b', '2026-02-10', 'churn', -3000n),
  entry('c', '2026-02-11', 'new', 700n),
  entry('c', '2026-02-12', 'churn', -700n),
  entry('b', '2026-03-01', 'reactivation', 2000n),
  entry('a', '2026-03-02', 'contraction', -300n),
];

const rates = ledgerFigures(LEDGER, calendar).map((figures) =>
  Object.fromEntries(
    Object.entries(measuresOf({ ...figures, trialsEnded: 0, trialsConverted: 0 })).map(
      ([name, rate]) => [name, rate && `${String(rate.numerator)}/${String(rate.denominator)}`],
    ),
  ),
);

describe('the measures of a month', () => {
  it('have no rate where there is nothing to divide by', () => {
    expect(rates[0]).toEqual({
      arpa: '4000/2',
      asp: '4000/2',
      customerChurnRate: null,
      grossMrrChurnRate: null,
      netMrrChurnRate: null,
      quickRatio: null,
      ltv: null,
      trialConversionRate: null,
    });
  });

  it('count who left of those who were there, not who came and went', () => {
    expect(rates[1]).toMatchObject({
      arpa: '1500/1',
      customerChurnRate: '1/2',
      grossMrrChurnRate: '3700/4000',
      netMrrChurnRate: '3200/4000',
      quickRatio: '1200/3700',
      ltv: '3000/1',
    });
  });

  it('have no lifetime value where nobody left, and a net churn below 0 where more was won', () => {
    expect(rates[2]).toMatchObject({
      customerChurnRate: '0/1',
      ltv: null,
      netMrrChurnRate: '-1700/1500',
      asp: null,
    });
  });
});

test('a cohort is followed from its own month on', () => {
  const rows = cohortFigures(LEDGER, calendar).map(
    ({ span, period, offset, joinedCustomers, joinedMinor, customers, mrrMinor }) =>
      `${span.label} ${period} +${String(offset)}: ${String(customers)} of ${String(joinedCustomers)}, ${String(mrrMinor)} of ${String(joinedMinor)}`,
  );
  expect(rows).toEqual([
    '2026-01 2026-01 +0: 2 of 2, 4000 of 4000',
    '2026-01 2026-02 +1: 1 of 2, 1500 of 4000',
    '2026-01 2026-03 +2: 2 of 2, 3200 of 4000',
    '2026-02 2026-02 +0: 0 of 1, 0 of 700',
    '2026-02 2026-03 +1: 0 of 1, 0 of 700',
  ]);
});

describe('payments that failed', () => {
  const failed = (id: string, rest: Partial<FailedPayment> = {}): FailedPayment => ({
    id,
    currency: 'EUR',
    exponent: 2,
    failedAt: at('2026-01-10'),
    amountMinor: 1000n,
    collected: [],
    voidedAt: null,
    ...rest,
  });
  const paid = (date: string, amountMinor = 1000n) => ({ at: at(date), amountMinor });
  const volumes = (...payments: FailedPayment[]) =>
    paymentVolumes(payments, calendar).map(({ span, ...volume }) => ({
      ...volume,
      month: span.label,
    }))[0];

  it.each([
    [
      'recovered',
      { collected: [paid('2026-01-20')] },
      { recoveredMinor: 1000n, recoveredInvoices: 1 },
    ],
    ['lost after 30 days', {}, { lostMinor: 1000n }],
    [
      'lost where the money came too late',
      { collected: [paid('2026-02-09')] },
      { lostMinor: 1000n },
    ],
    [
      'lost where it was taken back',
      { collected: [paid('2026-01-20'), paid('2026-03-01', -1000n)] },
      { lostMinor: 1000n },
    ],
    [
      'partly recovered',
      { collected: [paid('2026-01-20', 400n)] },
      { recoveredMinor: 400n, lostMinor: 600n },
    ],
    ['voided', { voidedAt: at('2026-01-20') }, { voidedMinor: 1000n }],
    ['open', { failedAt: at('2026-03-01') }, { openMinor: 1000n }],
  ])('are %s', (_, payment, expected) => {
    const nothing = { recoveredMinor: 0n, lostMinor: 0n, voidedMinor: 0n, openMinor: 0n };
    expect(volumes(failed('a', payment))).toMatchObject({
      ...{ failedInvoices: 1, failedMinor: 1000n, ...nothing },
      ...expected,
    });
  });

  it('count in the period of their first failure, each once', () => {
    expect(volumes(failed('a'), failed('a'), failed('b'))).toMatchObject({
      ...{ month: '2026-01', failedMinor: 2000n },
    });
  });
});

describe('billing periods are counted from their anchor', () => {
  const ends = (anchor: string, interval: 'month' | 'year', counts: number[]) =>
    counts.map((count) =>
      addIntervals({ anchor: at(anchor), interval, count, timeZone: 'UTC' })
        .toISOString()
        .slice(0, 10),
    );

  it('the 31st clamps to the end of a short month, and comes back', () => {
    expect(ends('2026-01-31', 'month', [1, 2, 3])).toEqual([
      '2026-02-28',
      '2026-03-31',
      '2026-04-30',
    ]);
  });

  it('29 February returns in leap years', () => {
    expect(ends('2028-02-29', 'year', [1, 4])).toEqual(['2029-02-28', '2032-02-29']);
  });
});
