import type { Kysely } from 'kysely';
import type { Logger } from 'pino';
import type { Config } from '../config/config';
import type { SecretBox } from '../db/secret-box';
import type { Database } from '../db/schema';
import type { Provider } from '../providers/provider';
import type { Warehouse } from '../warehouse/port';
import type { CaseRunners } from './case-runners';

/** What the steps are wired to. */
export interface ActivityDeps {
  readonly db: Kysely<Database>;
  readonly warehouse: Warehouse;
  readonly secretBox: SecretBox;
  /** Errors: unknown_provider. */
  readonly findProvider: (name: string) => Provider;
  readonly config: Pick<Config, 'RECOUP_LANES' | 'RECOUP_WALK_MINUTES'> &
    Partial<
      Pick<
        Config,
        | 'RECOUP_RATE_LIMIT_PER_SECOND'
        | 'RECOUP_ENDPOINT_RATE_LIMIT_PER_SECOND'
        | 'RECOUP_ENVIRONMENT'
      >
    >;
  /** Asks the account's workflow for a sync of what is new up to `to` (ISO instant), and starts it where it does not run. */
  readonly wakeAccount: (account: string, options: { readonly to: string }) => Promise<void>;
  readonly cases: CaseRunners;
  readonly logger: Logger;
}
