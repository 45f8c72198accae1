import { Command } from '@commander-js/extra-typings';
import { compute, readComputeInput } from '../../domain/metrics/compute';
import { renderComputed } from '../compute-table';
import { wrongUse } from '../errors';
import { paintFor, print, printJson, say } from '../output';
import { readTextFile } from '../text-file';

export const computeCommand = () =>
  new Command('compute')
    .description('Computes the metrics of a file: no account, no database, no settings.')
    .argument('<file>', 'JSON; - reads it from stdin')
    .option('--json', 'everything: movements, periods, segments, cohorts; amounts as strings')
    .addHelpText('after', EXAMPLES)
    .action((file, { json }) => {
      const computed = compute(readComputeInput(readJson(file)));
      if (json) printJson(computed);
      else if (computed.periods.length > 0)
        print(renderComputed(computed, paintFor(process.stdout)));
      else say('Nothing in the file is worth anything: there is no recurring revenue.');
    });

const EXAMPLES = `
docs/metrics.md says what each field means; docs/metrics-input.schema.json and docs/metrics-output.schema.json are their schemas.

Examples:
  $ recoup metrics compute subscriptions.json
  $ cat subscriptions.json | recoup metrics compute - --json | jq .movements`;

const REMEDY = 'docs/metrics.md shows a correct one.';

function readJson(file: string): unknown {
  const text = readTextFile(file);
  try {
    return JSON.parse(text);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw wrongUse(`${file === '-' ? 'What stdin gave' : file} is no JSON: ${why}`, REMEDY, cause);
  }
}
