import { Command } from '@commander-js/extra-typings';
import type { Finding } from '../../warehouse/port';
import { withContext } from '../context';
import { paintFor, print, printJson } from '../output';

export const warehouseCommand = () =>
  new Command('warehouse')
    .description('Where metrics are loaded for analysts: DuckDB, or Snowflake once configured.')
    .addCommand(checkCommand());

const checkCommand = () =>
  new Command('check')
    .description('Connect, lay missing tables, and make a load that is rolled back.')
    .option('--json', 'as JSON: [{name, ok, detail, remedy}]')
    .addHelpText('after', EXAMPLES)
    .action(({ json }) =>
      withContext(async ({ warehouse }) => {
        const findings = await warehouse.check();
        if (json) printJson(findings);
        else print(render(findings));
        if (findings.some(({ ok }) => !ok)) process.exitCode = 1;
      }),
    );

const EXAMPLES = `
What lacks is named with the statement that grants it. The load is of one row in every table, of no account; none of it stays.
How a Snowflake is set up: docs/snowflake.md.

Exit codes: 0 all is well, 1 a problem.

Examples:
  $ recoup warehouse check
  $ recoup warehouse check --json | jq -r '.[].remedy[]'`;

function render(findings: readonly Finding[]): string {
  const paint = paintFor(process.stdout);
  const width = Math.max(...findings.map(({ name }) => name.length));
  return findings
    .map(({ name, ok, detail, remedy }) => {
      const mark = ok ? paint.green('ok     ') : paint.red('problem');
      const lines = [`${mark}  ${name.padEnd(width)}  ${detail}`];
      if (remedy.length > 0)
        lines.push('', 'Run in Snowflake:', ...remedy.map((each) => `  ${each}`));
      return lines.join('\n');
    })
    .join('\n');
}
