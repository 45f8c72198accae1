/** Beside the provider's own figures: what is equal, what is not, and why. Nothing is written. */
import { Command } from '@commander-js/extra-typings';
import { DateTime } from 'luxon';
import type { Account } from '../../db/repositories/accounts';
import { lastMetricRun } from '../../db/repositories/metrics';
import { readLists } from '../../db/repositories/reconcile';
import { FIGURE_KINDS } from '../../domain/reconcile/figures';
import { periodsOf, type PeriodSpan } from '../../domain/metrics/periods';
import { requireConnected } from '../account';
import { askProvider } from '../asking';
import { withContext, type Context } from '../context';
import { parseCount } from '../count-option';
import { failed, wrongUse } from '../errors';
import { paintFor, print, printJson, say, widthOf } from '../output';
import { openProgress } from '../progress';
import {
  compareObjects,
  compareRevenue,
  unlessRefused,
  type Compared,
  type Refused,
} from '../reconcile';
import { findCauses } from '../reconcile-causes';
import {
  isExplained,
  reconciliationJson,
  renderReconciliation,
  type Reconciliation,
} from '../reconcile-view';

const DEFAULT_MONTHS = 12;
const MAX_MONTHS = 120;
const DEFAULT_LIMIT = 10;
const MAX_LIMIT = 10_000;

export const reconcileCommand = () =>
  new Command('reconcile')
    .description('Invoices, payments, refunds and MRR beside the provider’s own figures.')
    .requiredOption('--account <id>', 'for example acct_1')
    .option('--from <month>', `the first, such as 2026-01 (${DEFAULT_MONTHS} months to the last)`)
    .option('--to <month>', 'the last, such as 2026-03 (the newest)')
    .option(
      '--limit <count>',
      'differences shown of one cause',
      parseCount(MAX_LIMIT),
      DEFAULT_LIMIT,
    )
    .option('--json', 'as JSON: sums by month, currency and status, and each difference')
    .addHelpText('after', EXAMPLES)
    .action(({ account: id, from, to, limit, json }) =>
      withContext(async (context) => {
        const account = await requireConnected(context.db, id);
        const { until } = await readLists(context.db, id);
        if (until === null) throw wrongUse(`${id} was never synced`, `Sync it: recoup sync ${id}`);
        const wanted = readMonths(account, { from, to });
        const reconciliation = await reconcile(context, account, wanted);
        if (json) printJson(reconciliationJson(reconciliation));
        else {
          const look = { paint: paintFor(process.stdout), width: widthOf(process.stdout), limit };
          print(renderReconciliation(reconciliation, look));
        }
        if (!isExplained(reconciliation)) process.exitCode = 1;
      }),
    );

const EXAMPLES = `
Each object is compared by itself, and each customer's MRR at the end of each month. Exit code 0 when
all is equal or explained, 1 when a difference is not, or something cannot be compared.

Examples:
  $ recoup metrics reconcile --account acct_1
  $ recoup metrics reconcile --account acct_1 --from 2026-01 --to 2026-03 --json`;

async function reconcile(
  context: Context,
  account: Account,
  wanted: Wanted,
): Promise<Reconciliation> {
  const { db } = context;
  const view = openProgress();
  try {
    return await askProvider(context, account, async (asking) => {
      const { client, provider, signal, request } = asking;
      const figures = await request(async () => client.openFigures?.(signal));
      if (figures === undefined) {
        throw failed(
          `${provider.name} gives no figures of its own`,
          'There is nothing to compare.',
        );
      }
      const { providerTime: now } = await request(() => client.probe(signal));
      const run = await lastMetricRun(db, account.id);
      const months = monthsOf(account, wanted, now);
      const of = { ...asking, db, account, figures, run, months, now, view };
      view.note(`Comparing with ${figures.source}: ${months.length} months.`);
      const refused: Refused[] = [];
      const compared: Compared[] = [];
      for (const kind of FIGURE_KINDS) {
        const ofKind = await unlessRefused(kind, refused, () => compareObjects(of, kind));
        if (ofKind !== null) compared.push(ofKind);
      }
      if (run === null) say('No metrics were computed yet: MRR is not compared.');
      const revenue = run && (await unlessRefused('mrr', refused, () => compareRevenue(of, run)));
      const differences = compared.flatMap((ofKind) => ofKind.differences);
      return {
        ...{ account: account.id, source: figures.source, at: now, run, refused },
        causes: await findCauses(of, { differences, revenue }),
        months: months.map(({ label }) => label),
        sums: compared.flatMap(({ sums }) => sums),
        mrr: revenue?.sums ?? [],
        unreadable: compared.flatMap(({ unreadable }) => unreadable),
        isCut: [...compared, ...(revenue ? [revenue] : [])].some(({ isCut }) => isCut),
      };
    });
  } finally {
    view.stop();
  }
}

interface Wanted {
  readonly from: DateTime | undefined;
  /** Left out, the month that is at the provider. */
  readonly to: DateTime | undefined;
}

/** Errors: exit code 2 for what is no month. */
function readMonths(
  { time_zone: timeZone }: Account,
  { from, to }: { readonly from: string | undefined; readonly to: string | undefined },
): Wanted {
  const wanted = {
    from: readMonth('--from', from, timeZone),
    to: readMonth('--to', to, timeZone),
  };
  if (!wanted.from || !wanted.to || wanted.from <= wanted.to) return wanted;
  throw wrongUse('--from is after --to', 'Give the earlier month as --from.');
}

/** Errors: exit code 2 for a first month that is yet to come, or too many. */
function monthsOf({ time_zone: timeZone }: Account, wanted: Wanted, now: Date): PeriodSpan[] {
  const newest = DateTime.fromJSDate(now, { zone: timeZone });
  const to = wanted.to && wanted.to < newest ? wanted.to : newest;
  const from = wanted.from ?? to.minus({ months: DEFAULT_MONTHS - 1 });
  const months = periodsOf({ period: 'month', timeZone, from: from.toJSDate(), to: to.toJSDate() });
  if (months.length === 0) throw wrongUse('--from is yet to come', 'Give an earlier month.');
  if (months.length <= MAX_MONTHS) return months;
  throw wrongUse(`These are ${months.length} months`, `Take up to ${MAX_MONTHS} at a time.`);
}

function readMonth(
  option: string,
  text: string | undefined,
  timeZone: string,
): DateTime | undefined {
  if (text === undefined) return undefined;
  const month = DateTime.fromFormat(text, 'yyyy-MM', { zone: timeZone });
  if (month.isValid) return month;
  throw wrongUse(`${option} takes a month such as 2026-03, not '${text}'`, 'Give one.');
}
