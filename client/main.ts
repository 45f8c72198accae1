/** The `recoup` command: its subcommands, and how failures end it. */
import { Command, CommanderError } from '@commander-js/extra-typings';
import { accountsCommand } from './commands/accounts';
import { backfillCommand } from './commands/backfill';
import { campaignsCommand } from './commands/campaigns';
import { demoCommand } from './commands/demo';
import { doctorCommand } from './commands/doctor';
import { linksCommand } from './commands/links';
import { metricsCommand } from './commands/metrics';
import { notificationsCommand } from './commands/notifications';
import { recoveriesCommand } from './commands/recoveries';
import { runsCommand } from './commands/runs';
import { schedulesCommand } from './commands/schedules';
import { syncCommand } from './commands/sync';
import { warehouseCommand } from './commands/warehouse';
import { describe } from './errors';
import { say } from './output';

function createProgram(): Command {
  const program = new Command('recoup')
    .description('Keeps billing data true in Postgres and the warehouse.')
    // What stands after the name of a command belongs to it, also where a command and its parts have options of one name.
    .enablePositionalOptions()
    .addCommand(accountsCommand())
    .addCommand(syncCommand())
    .addCommand(backfillCommand())
    .addCommand(campaignsCommand())
    .addCommand(recoveriesCommand())
    .addCommand(notificationsCommand())
    .addCommand(metricsCommand())
    .addCommand(runsCommand())
    .addCommand(schedulesCommand())
    .addCommand(warehouseCommand())
    .addCommand(doctorCommand())
    .addCommand(linksCommand())
    .addCommand(demoCommand())
    .addHelpText('after', FOOTER);
  settle(program);
  return program;
}

const FOOTER = `
Data go to stdout, talk to stderr. Exit codes: 0 done, 1 failed or partial, 2 wrong use.
Settings come from the environment or from the running local stack; see docs/configuration.md.

Examples:
  $ recoup accounts add stripe --id acct_1 --secret-env STRIPE_KEY
  $ recoup sync acct_1`;

/** Subcommands that were added whole inherit nothing: each is told how to end and what an error looks like. */
function settle(command: Command): void {
  command
    .exitOverride()
    .configureHelp({ showGlobalOptions: false })
    .configureOutput({
      outputError: (text, write) => {
        write(usageLine(text, command));
      },
    });
  for (const each of command.commands) settle(each as Command);
}

function usageLine(text: string, command: Command): string {
  const wrong = text
    .replace(/^error: /, '')
    .replace(/\s+/g, ' ')
    .trim();
  const sentence = wrong.charAt(0).toUpperCase() + wrong.slice(1);
  return `recoup: ${sentence.replace(/[.?!)]?$/, (end) => end || '.')} See \`${pathOf(command)} --help\`.\n`;
}

function pathOf(command: Command): string {
  const parent = command.parent as Command | null;
  return parent === null ? command.name() : `${pathOf(parent)} ${command.name()}`;
}

/** Sets the exit code and leaves the process to end by itself, so that piped output is written to its end. */
export async function main(argv: readonly string[]): Promise<void> {
  // A reader that has seen enough (`| head`) is no error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit();
  });
  try {
    await createProgram().parseAsync(argv);
  } catch (thrown) {
    process.exitCode = end(thrown);
  }
}

function end(thrown: unknown): number {
  // Commander has written its own line, or the help that was asked for.
  if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : 2;
  const { line, exitCode } = describe(thrown);
  say(line);
  if (process.env['RECOUP_LOG_LEVEL'] === 'debug' && thrown instanceof Error) {
    say(thrown.stack ?? '');
  }
  return exitCode;
}
