import { Command } from '@commander-js/extra-typings';
import { withContext } from '../context';
import { opsLinks } from '../links';
import { paintFor, print, printJson } from '../output';
import { uiOf } from '../temporal';

export const linksCommand = () =>
  new Command('links')
    .description('Where to look around in the Temporal UI, and where to start a backfill.')
    .option('--account <id>', 'only what belongs to this account')
    .option('--json', 'as JSON: [{title, url}]')
    .addHelpText('after', EXAMPLES)
    .action(({ account, json }) =>
      withContext(({ config }) => {
        const links = opsLinks(uiOf(config), {
          taskQueue: config.RECOUP_SYNC_TASK_QUEUE,
          account,
          now: new Date(),
        });
        if (json) printJson(links);
        else print(renderLinks(links));
        return Promise.resolve();
      }),
    );

const EXAMPLES = `
Examples:
  $ recoup links
  $ recoup links --account acct_1 --json`;

/** Title above address: an address is never wrapped, so that a terminal can open it. */
export function renderLinks(links: readonly { title: string; url: string }[]): string {
  const paint = paintFor(process.stdout);
  return links.map(({ title, url }) => `${title}\n  ${paint.cyan(url)}`).join('\n');
}
