/** What counts as recurring revenue in an account: shown, and set to something else. */
import { userInfo } from 'node:os';
import { Command } from '@commander-js/extra-typings';
import { listPolicies, setPolicy, type StoredPolicy } from '../../db/repositories/metric-policies';
import { readPolicy } from '../../domain/metrics/policy';
import {
  fieldText,
  POLICY_FIELDS,
  policyChanges,
  type PolicyChange,
} from '../../domain/metrics/policy-changes';
import { requireAccount } from '../account';
import { withContext } from '../context';
import { wrongUse } from '../errors';
import { formatInstant, paintFor, print, printJson, renderTable, say, widthOf } from '../output';
import { POLICY_OPTIONS, readJsonFile, typedFields } from '../policy-options';

const MAX_REASON_CHARS = 500;

export const policyCommand = () =>
  new Command('policy')
    .description('What counts as recurring revenue: shown, and set to something else.')
    .addCommand(showCommand())
    .addCommand(setCommand());

const showCommand = () =>
  new Command('show')
    .description('The policy in force, and how it came to be.')
    .requiredOption('--account <id>', 'for example acct_1')
    .option('--json', 'as JSON: {account, version, hash, since, by, why, policy, history}')
    .action(({ account, json }) =>
      withContext(async ({ db }) => {
        await requireAccount(db, account);
        const policies = await listPolicies(db, account);
        if (json) printJson(policyJson(account, policies));
        else print(renderPolicy(policies));
      }),
    );

function setCommand() {
  const command = new Command('set')
    .description('A new version of the policy. What is not named stays as it is.')
    .requiredOption('--account <id>', 'for example acct_1')
    .requiredOption('--why <text>', 'kept beside the version')
    .option('--by <name>', 'who wants it; you when left out')
    .option('--file <json>', 'a whole policy: fields that it leaves out get their defaults')
    .option('--json', 'as JSON: {account, changed, version, changes}');
  for (const { flags, about } of POLICY_OPTIONS) command.option(flags, about);
  return command.addHelpText('after', SET_EXAMPLES).action((options) =>
    withContext(async ({ db }) => {
      const { account, why, by = userInfo().username, file, json } = options;
      if (why.trim() === '' || why.length > MAX_REASON_CHARS) {
        throw wrongUse(`--why takes 1 to ${MAX_REASON_CHARS} characters`, 'Say it shortly.');
      }
      await requireAccount(db, account);
      const [inForce] = await listPolicies(db, account);
      const typed = typedFields(command.opts());
      if (file === undefined && Object.keys(typed).length === 0) {
        throw wrongUse('No field is named', 'Give one, such as --past-due churnAfterDays=30.');
      }
      const base = file === undefined ? inForce.policy : readJsonFile(file);
      const policy = readPolicy({ ...base, ...typed });
      const { changed, was, is } = await setPolicy(db, { accountId: account, policy, by, why });
      const changes = policyChanges(was.policy, is.policy);
      if (json) printJson({ account, changed, version: is.version, changes });
      else if (!changed) print(`Nothing changes: that is version ${is.version} already.`);
      else print(`Version ${is.version} of ${account}: ${changesText(changes)}.`);
      if (changed)
        say(`Its next sync computes with it; at once: recoup metrics restate --account ${account}`);
    }),
  );
}

const SET_EXAMPLES = `
What was computed before stays in the ledger: what comes out otherwise is reversed and written anew.

Examples:
  $ recoup metrics policy set --account acct_1 --past-due churnAfterDays=30 --why "as finance counts"
  $ recoup metrics policy set --account acct_1 --file policy.json --why "the board’s definition"`;

const changesText = (changes: readonly PolicyChange[]): string =>
  changes.map(({ field, from, to }) => `${field} ${from} → ${to}`).join(', ');

const policyJson = (account: string, policies: readonly [StoredPolicy, ...StoredPolicy[]]) => {
  const [{ version, hash, since, by, why, policy }] = policies;
  const history = versionsOf(policies).map(({ is, changes }) => ({
    ...{ version: is.version, since: is.since, by: is.by, why: is.why },
    changes,
  }));
  return { account, version, hash, since, by, why, policy, history };
};

/** Newest first, each with what it changed. */
const versionsOf = (policies: readonly StoredPolicy[]) =>
  policies.map((is, index) => {
    const was = policies[index + 1];
    return { is, changes: was ? policyChanges(was.policy, is.policy) : [] };
  });

function renderPolicy(policies: readonly [StoredPolicy, ...StoredPolicy[]]): string {
  const [inForce] = policies;
  const options = { paint: paintFor(process.stdout), width: widthOf(process.stdout) };
  const about = new Map(POLICY_OPTIONS.map((option) => [option.field, option.about]));
  const fields = POLICY_FIELDS.map((field) => [
    field,
    fieldText(inForce.policy, field),
    options.paint.dim(about.get(field) ?? ''),
  ]);
  const versions = versionsOf(policies).map(({ is, changes }) => [
    String(is.version),
    formatInstant(is.since),
    is.by,
    [is.why, changesText(changes)].filter((text) => text !== '').join(' — '),
  ]);
  const [field, value, meaning] = ['Field', 'Value', 'Meaning'].map((head) => ({ head }));
  return [
    renderTable([field, value, meaning] as { head: string }[], fields, options),
    renderTable(
      [{ head: 'Version', align: 'right' }, { head: 'Since' }, { head: 'By' }, { head: 'Why' }],
      versions,
      options,
    ),
  ].join('\n\n');
}
