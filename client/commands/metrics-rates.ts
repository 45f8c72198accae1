/** Rates of exchange: imported from a file, and what is there. */
import { Command, InvalidArgumentError } from '@commander-js/extra-typings';
import { importRates, listRateSeries } from '../../db/repositories/fx-rates';
import { isoExponent } from '../../domain/currency';
import { readRatesFile } from '../../domain/metrics/rates-file';
import { countOf } from '../../domain/words';
import { withContext } from '../context';
import { formatCount, paintFor, print, printJson, renderTable, say, widthOf } from '../output';
import { readTextFile } from '../text-file';

export const ratesCommand = () =>
  new Command('rates')
    .description('Rates of exchange, by which accounts with a reporting currency are converted.')
    .addCommand(importCommand())
    .addCommand(listCommand())
    .addHelpText('after', EXAMPLES);

const EXAMPLES = `
Examples:
  $ recoup metrics rates import rates.csv --into EUR
  $ recoup metrics rates list`;

const importCommand = () =>
  new Command('import')
    .description('Takes the rates of a file: new ones, and those that differ from what is there.')
    .argument('<file>', 'CSV with the header currency,date,rate; - reads it from stdin')
    .requiredOption('--into <code>', 'the reporting currency, such as EUR', currencyCode)
    .option('--json', 'as JSON: {reportingCurrency, rates, added, changed}')
    .addHelpText('after', IMPORT_EXAMPLES)
    .action((file, { into, json }) => {
      const rates = readRatesFile(readTextFile(file), into);
      return withContext(async ({ db }) => {
        const { added, changed } = await importRates(db, { reportingCurrency: into, rates });
        if (json) {
          printJson({ reportingCurrency: into, rates: rates.length, added, changed });
          return;
        }
        const known = rates.length - added - changed;
        print(
          `${countOf(rates.length, 'rate')} into ${into}: ${formatCount(added)} new, ${formatCount(changed)} changed, ${formatCount(known)} known already.`,
        );
        if (added + changed > 0) {
          say(
            `Figures are converted with them from now on; the warehouse at each account's next sync.`,
          );
        }
      });
    });

const IMPORT_EXAMPLES = `
A rate is what one unit of the currency is worth in the reporting currency: of

  currency,date,rate
  USD,2026-03-29,0.9217

with --into EUR, 1 USD was 0.9217 EUR on 29 March 2026. The date is a day in an account's time zone; a day without a rate takes
that of the last earlier one. A file may be imported as often as you like; of a rate that differs, the later import counts.

Examples:
  $ recoup metrics rates import rates.csv --into EUR
  $ recoup metrics policy set --account acct_1 --reporting-currency EUR --why "as the group reports"`;

function currencyCode(text: string): string {
  if (isoExponent(text) !== null) return text;
  throw new InvalidArgumentError('Expected an ISO 4217 code such as EUR.');
}

const listCommand = () =>
  new Command('list')
    .description('Which rates are there: by currency, from when to when, and the newest.')
    .option('--json', 'as JSON: [{reportingCurrency, currency, rates, first, last, rate}]')
    .action(({ json }) =>
      withContext(async ({ db }) => {
        const series = await listRateSeries(db);
        if (json) printJson(series);
        else if (series.length > 0) print(renderSeries(series));
        else say('There are no rates yet: recoup metrics rates import <file> --into <currency>');
      }),
    );

const renderSeries = (series: Awaited<ReturnType<typeof listRateSeries>>): string =>
  renderTable(
    [
      { head: 'Currency' },
      { head: 'Into' },
      { head: 'Rates', align: 'right' },
      { head: 'First' },
      { head: 'Last' },
      { head: 'Newest rate' },
    ],
    series.map(({ reportingCurrency, currency, rates, first, last, rate }) => [
      ...[currency, reportingCurrency, formatCount(rates), first, last],
      `1 ${currency} = ${rate} ${reportingCurrency}`,
    ]),
    { paint: paintFor(process.stdout), width: widthOf(process.stdout) },
  );
