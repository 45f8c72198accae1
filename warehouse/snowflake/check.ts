/** What Snowflake lacks for a load, with the statement that grants it. */
import { RecoupError } from '../../domain/errors';
import { DRY_LOAD, runSteps, schemaWords, type Step } from '../check';
import { dryLoad } from '../dry-load';
import type { Finding } from '../port';
import type { SnowflakeSettings } from '../settings';
import { hasNoWarehouse, hostOf, isForbidden, loginCodeOf } from './failures';
import { publicKeyOf, readKey } from './key';
import { tryLoad } from './load';
import type { Session } from './session';
import type { StageLimits } from './stage';

interface CheckOptions {
  readonly settings: SnowflakeSettings;
  readonly limits: StageLimits;
  withSession<T>(work: (session: Session) => Promise<T>): Promise<T>;
  laySchema(session: Session): Promise<void>;
}

/** What the session that was opened works with; null for what the role may not use. */
type InUse = Readonly<Record<'role' | 'warehouse' | 'database' | 'schema', string | null>>;

export async function checkSnowflake(options: CheckOptions): Promise<Finding[]> {
  const { settings } = options;
  let inSession: Finding[] = [];
  const login = await runSteps([
    {
      name: 'Login',
      run: async () => {
        inSession = await options.withSession((session) => runSteps(stepsIn(session, options)));
        return `${hostOf(settings)} as user ${settings.user}, with a ${settings.auth.kind}`;
      },
      remedy: (error) => loginRemedy(error, settings),
    },
  ]);
  return [...login, ...inSession];
}

function stepsIn(session: Session, options: CheckOptions): Step[] {
  const { settings, limits } = options;
  const { warehouse, database, schema } = settings;
  let inUse: InUse = { role: settings.role, warehouse, database, schema };
  const to = (): string => `TO ROLE ${inUse.role ?? 'PUBLIC'};`;
  const grants = {
    warehouse: () => `GRANT USAGE ON WAREHOUSE ${warehouse} ${to()}`,
    database: () => `GRANT USAGE ON DATABASE ${database} ${to()}`,
    schema: () => `GRANT USAGE ON SCHEMA ${database}.${schema} ${to()}`,
    create: () => `GRANT CREATE TABLE, CREATE VIEW ON SCHEMA ${database}.${schema} ${to()}`,
    write: () =>
      `GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${database}.${schema} ${to()}`,
  };
  const whenForbidden = (grant: () => string) => (error: unknown) => {
    if (hasNoWarehouse(error)) return [grants.warehouse(), `ALTER WAREHOUSE ${warehouse} RESUME;`];
    return isForbidden(error) ? [grant()] : [];
  };
  const lacking = (): ('warehouse' | 'database' | 'schema')[] =>
    (['warehouse', 'database', 'schema'] as const).filter((what) => inUse[what] === null);
  return [
    {
      name: 'Session',
      run: async () => {
        inUse = await inUseBy(session);
        const missing = lacking();
        if (missing.length > 0) {
          throw new RecoupError(
            'warehouse_refused',
            `The role ${String(inUse.role)} may not use the ${missing.join(', the ')}, or there is none of that name.`,
          );
        }
        return `role ${String(inUse.role)}, warehouse ${String(inUse.warehouse)}, ${String(inUse.database)}.${String(inUse.schema)}`;
      },
      remedy: () => lacking().map((what) => grants[what]()),
    },
    {
      name: 'Tables',
      run: async () => {
        await options.laySchema(session);
        return schemaWords();
      },
      remedy: whenForbidden(grants.create),
    },
    {
      name: 'Dry load',
      run: async () => {
        await tryLoad(session, dryLoad(), limits);
        return DRY_LOAD;
      },
      remedy: whenForbidden(grants.write),
    },
  ];
}

async function inUseBy(session: Session): Promise<InUse> {
  const [row] = await session.run(
    'select current_role() as role, current_warehouse() as warehouse, current_database() as db, current_schema() as sch',
  );
  const text = (name: string): string | null => {
    const value = row?.[name];
    return typeof value === 'string' && value !== '' ? value : null;
  };
  return {
    role: text('role'),
    warehouse: text('warehouse'),
    database: text('db'),
    schema: text('sch'),
  };
}

function loginRemedy(error: unknown, settings: SnowflakeSettings): readonly string[] {
  const { user, role, auth, warehouse, database, schema } = settings;
  switch (loginCodeOf(error)) {
    case '390144':
      return auth.kind === 'key'
        ? [`ALTER USER ${user} SET RSA_PUBLIC_KEY = '${publicKeyOf(readKey(auth))}';`]
        : [];
    case '390186':
    case '390189':
      return role === null ? [] : [`GRANT ROLE ${role} TO USER ${user};`];
    case '390201':
      return [
        `GRANT USAGE ON WAREHOUSE ${warehouse} TO ROLE ${String(role)};`,
        `GRANT USAGE ON DATABASE ${database} TO ROLE ${String(role)};`,
        `GRANT USAGE ON SCHEMA ${database}.${schema} TO ROLE ${String(role)};`,
      ];
    default:
      return [];
  }
}
