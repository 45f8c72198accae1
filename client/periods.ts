/** Figures of an account by period, as its newest metric run has them. */
import type { Kysely } from 'kysely';
import { readFailedPayments } from '../db/repositories/failed-payments';
import { readFigures } from '../db/repositories/metric-figures';
import type { Database } from '../db/schema';
import { cohortFigures, type CohortFigures } from '../domain/metrics/cohorts';
import type { MissingRate } from '../domain/metrics/fx';
import { paymentVolumes, type PaymentVolume } from '../domain/metrics/payment-volume';
import { cohortCalendar, periodReport, type PeriodReport } from '../domain/metrics/report';
import { chosen, type PeriodOptions } from './period-command';

export const NO_METRICS = 'No metrics yet. They are computed by a sync: recoup sync <account>';

type Asked = PeriodOptions & { readonly account: string };

export interface Periods {
  readonly rows: readonly PeriodReport[];
  readonly asOf: Date;
  /** Why a total is missing that the policy asks for. */
  readonly missing: MissingRate | null;
}

/** Empty before the first run, as all of these are. */
export async function readPeriods(
  db: Kysely<Database>,
  { account, ...options }: Asked,
): Promise<Periods> {
  const figures = await readFigures(db, account);
  if (!figures) return { rows: [], asOf: new Date(0), missing: null };
  const { timeZone, asOf, recurring, reporting, missing } = figures;
  const rows = periodReport(recurring, { period: options.period, timeZone, asOf, reporting });
  return { rows: chosen(rows, { ...options, timeZone }), asOf, missing };
}

/** Chosen are the cohorts: each is followed until now. */
export async function readCohorts(
  db: Kysely<Database>,
  { account, ...options }: Asked,
): Promise<CohortFigures[]> {
  const figures = await readFigures(db, account);
  if (!figures) return [];
  const { timeZone, asOf, recurring } = figures;
  const calendar = cohortCalendar({ period: options.period, timeZone, asOf });
  return chosen(cohortFigures(recurring.entries, calendar), { ...options, timeZone });
}

export async function readVolumes(
  db: Kysely<Database>,
  { account, ...options }: Asked,
): Promise<PaymentVolume[]> {
  const figures = await readFigures(db, account);
  if (!figures) return [];
  const { timeZone, asOf } = figures;
  const payments = await readFailedPayments(db, account);
  const rows = paymentVolumes(payments, { period: options.period, timeZone, asOf });
  return chosen(rows, { ...options, timeZone });
}
