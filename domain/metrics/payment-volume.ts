/** Payments that failed at first, and what became of them: by the period of the first failure. */
import type { Calendar } from './figures';
import { periodsOf, type PeriodSpan } from './periods';
import { compareText } from './plain';

/** One invoice whose first attempt failed. */
export interface FailedPayment {
  readonly id: string;
  readonly currency: string;
  readonly exponent: number;
  readonly failedAt: Date;
  /** What was asked for. */
  readonly amountMinor: bigint;
  /** Money that came in after the failure, and what of it was taken back, below 0. */
  readonly collected: readonly { readonly at: Date; readonly amountMinor: bigint }[];
  /** When nothing was due any more without having been paid; null if it still is. */
  readonly voidedAt: Date | null;
}

/** failedMinor = recoveredMinor + lostMinor + voidedMinor + openMinor, always. */
export interface PaymentVolume {
  readonly span: PeriodSpan;
  readonly currency: string;
  readonly exponent: number;
  readonly failedInvoices: number;
  /** Wholly or in part. */
  readonly recoveredInvoices: number;
  readonly failedMinor: bigint;
  /** Came in within the window, whoever brought it about, less what was taken back at any time. */
  readonly recoveredMinor: bigint;
  /** Had not come in when the window ended. */
  readonly lostMinor: bigint;
  readonly voidedMinor: bigint;
  /** The window has not ended. */
  readonly openMinor: bigint;
}

/** Days of 24 hours after the first failure within which money counts as recovered. */
export const RECOVERY_WINDOW_DAYS = 30;
const DAY_MS = 24 * 3_600_000;

const NOTHING = {
  failedInvoices: 0,
  recoveredInvoices: 0,
  failedMinor: 0n,
  recoveredMinor: 0n,
  lostMinor: 0n,
  voidedMinor: 0n,
  openMinor: 0n,
};

/** One row per currency and period, from the first failure on. A payment that is given twice counts once. */
export function paymentVolumes(
  payments: readonly FailedPayment[],
  { asOf, ...calendar }: Calendar,
): PaymentVolume[] {
  const known = [...new Map(payments.map((payment) => [payment.id, payment])).values()]
    .filter(({ failedAt }) => failedAt <= asOf)
    .sort((a, b) => a.failedAt.getTime() - b.failedAt.getTime() || compareText(a.id, b.id));
  const currencies = [...new Set(known.map(({ currency }) => currency))].sort(compareText);
  return currencies.flatMap((currency) => {
    const own = known.filter((payment) => payment.currency === currency);
    let next = 0;
    return periodsOf({ ...calendar, from: own[0]?.failedAt ?? asOf, to: asOf }).map((span) => {
      const volume = { ...NOTHING };
      for (; ; next += 1) {
        const payment = own[next];
        if (!payment || payment.failedAt >= span.to) break;
        const recovered = recoveredOf(payment, asOf);
        volume.failedInvoices += 1;
        if (recovered > 0n) volume.recoveredInvoices += 1;
        volume.failedMinor += payment.amountMinor;
        volume.recoveredMinor += recovered;
        volume[fateOf(payment, asOf)] += payment.amountMinor - recovered;
      }
      return { span, currency, exponent: own[0]?.exponent ?? 0, ...volume };
    });
  });
}

const windowEnd = ({ failedAt }: FailedPayment): number =>
  failedAt.getTime() + RECOVERY_WINDOW_DAYS * DAY_MS;

function recoveredOf(payment: FailedPayment, asOf: Date): bigint {
  const { collected, amountMinor } = payment;
  const counted = collected.filter(
    (each) => each.at <= asOf && (each.amountMinor < 0n || each.at.getTime() < windowEnd(payment)),
  );
  const total = counted.reduce((sum, each) => sum + each.amountMinor, 0n);
  // What was taken back may be of money that came too late to count.
  return total < 0n ? 0n : total > amountMinor ? amountMinor : total;
}

/** Where the part goes that did not come in. */
function fateOf(payment: FailedPayment, asOf: Date): 'voidedMinor' | 'lostMinor' | 'openMinor' {
  if (payment.voidedAt && payment.voidedAt <= asOf) return 'voidedMinor';
  return asOf.getTime() < windowEnd(payment) ? 'openMinor' : 'lostMinor';
}
