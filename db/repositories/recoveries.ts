/** Cases as people look for them, and the story of each. */
import { sql, type Kysely, type Selectable } from 'kysely';
import type { CaseState } from '../../domain/recovery/states';
import type {
  RecoveryAttemptTable,
  RecoveryCaseTable,
  RecoveryTransitionTable,
} from '../recovery-schema';
import type { Database } from '../schema';

export type Recovery = Selectable<RecoveryCaseTable>;
export type RecoveryTransition = Selectable<RecoveryTransitionTable>;
export type RecoveryAttempt = Selectable<RecoveryAttemptTable>;

export interface RecoveryFilter {
  readonly accountId?: string | undefined;
  readonly campaignId?: string | undefined;
  readonly state?: CaseState | undefined;
  /** Only those that need a person. */
  readonly attention?: boolean | undefined;
  readonly limit: number;
}

/** Those that need a person first, then what comes next the soonest, then what ended last. */
export function listRecoveries(db: Kysely<Database>, filter: RecoveryFilter): Promise<Recovery[]> {
  const { accountId, campaignId, state, attention, limit } = filter;
  return db
    .selectFrom('recovery_case')
    .selectAll()
    .$if(accountId !== undefined, (query) => query.where('account_id', '=', accountId ?? ''))
    .$if(campaignId !== undefined, (query) => query.where('campaign_id', '=', campaignId ?? ''))
    .$if(state !== undefined, (query) => query.where('state', '=', state ?? 'discovered'))
    .$if(attention === true, (query) => query.where('attention', '=', true))
    .orderBy('attention', 'desc')
    .orderBy(sql`ended_at desc nulls first`)
    .orderBy(sql`next_action_at nulls last`)
    .orderBy('account_id')
    .orderBy('invoice_id')
    .limit(limit)
    .execute();
}

/** Invoice ids are a provider's own: two accounts might share one. */
export function findRecoveries(
  db: Kysely<Database>,
  { invoiceId, accountId }: { readonly invoiceId: string; readonly accountId: string | undefined },
): Promise<Recovery[]> {
  return db
    .selectFrom('recovery_case')
    .selectAll()
    .where('invoice_id', '=', invoiceId)
    .$if(accountId !== undefined, (query) => query.where('account_id', '=', accountId ?? ''))
    .orderBy('account_id')
    .execute();
}

export interface Story {
  readonly transitions: readonly RecoveryTransition[];
  readonly attempts: readonly RecoveryAttempt[];
}

/** All of it, in order. */
export async function readStory(
  db: Kysely<Database>,
  { account_id, invoice_id }: Pick<Recovery, 'account_id' | 'invoice_id'>,
): Promise<Story> {
  const [transitions, attempts] = await Promise.all([
    db
      .selectFrom('recovery_transition')
      .selectAll()
      .where('account_id', '=', account_id)
      .where('invoice_id', '=', invoice_id)
      .orderBy('sequence')
      .execute(),
    db
      .selectFrom('recovery_attempt')
      .selectAll()
      .where('account_id', '=', account_id)
      .where('invoice_id', '=', invoice_id)
      .orderBy('number')
      .execute(),
  ]);
  return { transitions, attempts };
}
