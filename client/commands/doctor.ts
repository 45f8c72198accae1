import { existsSync } from 'node:fs';
import { Command } from '@commander-js/extra-typings';
import { sql } from 'kysely';
import { warehouseSettings } from '../../config/warehouse';
import { listAccounts } from '../../db/repositories/accounts';
import { listFeedAges, listWaitingHints } from '../../db/repositories/freshness';
import { countOf } from '../../domain/words';
import { findProvider } from '../../providers/registry';
import { SEARCH_ATTRIBUTES } from '../../workflows/contract';
import { withContext, type Context } from '../context';
import { describe } from '../errors';
import { paintFor, print, printJson } from '../output';
import { Schedules, type Change } from '../schedules';
import { readSchedulesFile } from '../schedules-file';

export const doctorCommand = () =>
  new Command('doctor')
    .description('Check everything that a sync needs, and say what to do about a problem.')
    .option('--json', 'as JSON: [{name, ok, detail}]')
    .addHelpText('after', EXAMPLES)
    .action(({ json }) =>
      withContext(async (context) => {
        const findings: Finding[] = [];
        for (const { name, check } of CHECKS) findings.push(await examine(name, check, context));
        if (json) printJson(findings);
        else print(render(findings));
        if (findings.some(({ ok }) => !ok)) process.exitCode = 1;
      }),
    );

const EXAMPLES = `
Exit codes: 0 all is well, 1 a problem.

Examples:
  $ recoup doctor
  $ recoup doctor --json`;

interface Finding {
  readonly name: string;
  readonly ok: boolean;
  /** What was found; with what to do, where it is a problem. */
  readonly detail: string;
}

/** What was found; throws what is wrong. */
type Check = (context: Context) => Promise<string>;

class Problem extends Error {}

const CHECKS: readonly { readonly name: string; readonly check: Check }[] = [
  {
    name: 'Postgres',
    check: async ({ db }) => {
      const { rows } = await sql<{ version: string; account: string | null }>`
        select current_setting('server_version') as version, to_regclass('account') as account
      `.execute(db);
      const [row] = rows;
      if (!row?.account) {
        throw new Problem('Its tables are missing. Start a worker, which lays them: `npm start`.');
      }
      return `version ${row.version}`;
    },
  },
  {
    name: 'Temporal',
    check: async ({ config, temporal }) => {
      await temporal();
      return `${config.TEMPORAL_ADDRESS}, namespace ${config.TEMPORAL_NAMESPACE}`;
    },
  },
  {
    name: 'Search attributes',
    check: async ({ config, temporal }) => {
      const known = await (await temporal()).searchAttributes();
      const wanted = Object.values(SEARCH_ATTRIBUTES);
      const missing = wanted.filter(({ name }) => !known.has(name));
      if (missing.length === 0) return `${wanted.length} registered`;
      const flags = missing.map(({ name, type }) => `--name ${name} --type ${temporalType(type)}`);
      throw new Problem(
        `Not registered: ${missing.map(({ name }) => name).join(', ')}. Register them: ` +
          `temporal operator search-attribute create --namespace ${config.TEMPORAL_NAMESPACE} ${flags.join(' ')}`,
      );
    },
  },
  {
    name: 'Worker',
    check: async ({ config, temporal }) => {
      const queue = config.RECOUP_SYNC_TASK_QUEUE;
      const { workflow, activity } = await (await temporal()).pollers();
      if (workflow === 0 || activity === 0) {
        throw new Problem(`None polls the task queue ${queue}. Start one: \`npm start\`.`);
      }
      return `polls the task queue ${queue}`;
    },
  },
  {
    name: 'Warehouse',
    check: async ({ config, warehouse }) => {
      const settings = warehouseSettings(config);
      if (settings.kind === 'duckdb') {
        // To open it would make it: a look changes nothing.
        if (!existsSync(settings.path)) return `${settings.path} is made by the first sync`;
        await warehouse.query('select 1');
        return settings.path;
      }
      await warehouse.query('select 1');
      return `Snowflake ${settings.account}, ${settings.database}.${settings.schema}; more: \`recoup warehouse check\``;
    },
  },
  {
    name: 'Accounts',
    check: async ({ db }) => {
      const accounts = await listAccounts(db);
      const calling = accounts.filter(({ attention, state }) => attention || state === 'blocked');
      if (calling.length === 0) return `${accounts.length} connected, none needs attention`;
      const ids = calling.map(({ id, state }) => `${id} (${state})`).join(', ');
      throw new Problem(`Needs attention: ${ids}. Look: \`recoup accounts show <id>\`.`);
    },
  },
  {
    name: 'Change feeds',
    check: async ({ db }) => {
      const ages = await listFeedAges(db, { limit: MAX_NAMED });
      const late = ages.flatMap(({ accountId, provider, ageMs }) => {
        const horizonMs = findProvider(provider).feed?.horizonMs ?? Infinity;
        const days = (ms: number): string => countOf(Math.floor(ms / DAY_MS), 'day');
        return ageMs < horizonMs - FEED_MARGIN_MS
          ? []
          : [`${accountId} (${days(ageMs)} behind, reaches back ${days(horizonMs)})`];
      });
      if (late.length === 0) return 'all read lately enough';
      throw new Problem(
        `Soon forgets changes that were not read: ${late.join(', ')}. Everything is read again then. Sync before: \`recoup sync <id>\`.`,
      );
    },
  },
  {
    name: 'Changes',
    check: async ({ db }) => {
      const old = await listWaitingHints(db, { olderThanMs: DAY_MS, limit: MAX_NAMED });
      if (old.length === 0) return 'none waits for longer than a day';
      const named = old.map(({ accountId, count, oldestAt }) => {
        const since = oldestAt.toISOString().slice(0, 10);
        return `${accountId} (${countOf(count, 'object')} since ${since})`;
      });
      throw new Problem(
        `Not read for over a day: ${named.join(', ')}. Sync it, and look at what is parked: \`recoup accounts show <id>\`.`,
      );
    },
  },
  {
    name: 'Schedules',
    check: async ({ config, temporal }) => {
      const groups = readSchedulesFile(config.RECOUP_SCHEDULES_FILE);
      const schedules = new Schedules(await temporal(), config.RECOUP_SYNC_TASK_QUEUE);
      const { changes, found } = await schedules.compare(groups);
      if (found.size === 0)
        return 'none: accounts are synced when asked only. See `recoup schedules`';
      const stale = changes.filter(({ change }) => change !== 'unchanged');
      if (stale.length > 0) {
        const named = stale.map(({ scheduleId, change }) => `${scheduleId} (${TO_BE[change]})`);
        throw new Problem(
          `Not as in ${config.RECOUP_SCHEDULES_FILE}: ${named.join(', ')}. Run \`recoup schedules apply\`.`,
        );
      }
      const paused = [...found.values()].filter(({ state }) => state.paused);
      if (paused.length === 0) return `${found.size} applied, none is paused`;
      const named = paused.map(({ scheduleId, state }) =>
        state.note ? `${scheduleId} (${state.note})` : scheduleId,
      );
      throw new Problem(
        `Paused, so that nights pass without a sync: ${named.join(', ')}. Resume: \`recoup schedules resume <group>\`.`,
      );
    },
  },
];

const DAY_MS = 24 * 60 * 60 * 1000;
/** So long before a change feed forgets, a person is told. */
const FEED_MARGIN_MS = 7 * DAY_MS;
/** Accounts that one finding names. */
const MAX_NAMED = 10;

const TO_BE: Record<Change['change'], string> = {
  created: 'missing',
  changed: 'different',
  removed: 'of no group',
  unchanged: 'the same',
};

/** KEYWORD_LIST, as the SDK has it, is KeywordList for the `temporal` command. */
const temporalType = (type: string): string =>
  type
    .toLowerCase()
    .replace(/(^|_)([a-z])/g, (_all, _before, letter: string) => letter.toUpperCase());

async function examine(name: string, check: Check, context: Context): Promise<Finding> {
  try {
    return { name, ok: true, detail: await check(context) };
  } catch (thrown) {
    const detail =
      thrown instanceof Problem ? thrown.message : describe(thrown).line.replace(/^recoup: /, '');
    return { name, ok: false, detail };
  }
}

function render(findings: readonly Finding[]): string {
  const paint = paintFor(process.stdout);
  const width = Math.max(...findings.map(({ name }) => name.length));
  return findings
    .map(({ name, ok, detail }) => {
      const mark = ok ? paint.green('ok     ') : paint.red('problem');
      return `${mark}  ${name.padEnd(width)}  ${detail}`;
    })
    .join('\n');
}
