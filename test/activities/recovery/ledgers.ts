/** Both ledgers behind one face, so that one suite holds them to the same. */
import type { Kysely } from 'kysely';
import { createMemoryLedger, type MemoryCampaign } from '../../../bench/faults/memory-ledger';
import { setAccountDesired } from '../../../db/repositories/accounts';
import { createAttemptLedger, listAttempts } from '../../../db/repositories/attempts';
import type { Database } from '../../../db/schema';
import type { Attempt, CaseRef } from '../../../domain/recovery/attempt';
import type { Charge } from '../../../domain/recovery/charge';
import type { ClaimFacts } from '../../../domain/recovery/claim';
import type { AttemptLedger } from '../../../domain/recovery/ledger';
import type { Credential } from '../../../domain/recovery/payment';
import { DEFAULT_TERMS, type CampaignTerms } from '../../../domain/recovery/terms';
import { someAccountId } from '../../support/recoup';
import {
  daysFrom,
  FUNDS,
  newCampaign,
  newCase,
  newRecoveryAccount,
  storeCharge,
  VISA,
} from '../../support/recovery';

export interface LedgerWorld {
  readonly ledger: AttemptLedger;
  readonly account: string;
  /** Another case of the one campaign, about to charge. */
  open(invoice: string): Promise<CaseRef>;
  setCase(ref: CaseRef, change: Partial<ClaimFacts['case']>): Promise<void>;
  setCampaign(desired: 'run' | 'pause' | 'stop'): Promise<void>;
  setAccount(desired: ClaimFacts['account']['desired']): Promise<void>;
  attemptsMade(): Promise<number>;
  /** What a sync or a look would have stored. */
  addCharge(charge: Charge, credential?: Credential): Promise<void>;
  list(ref: CaseRef): Promise<readonly Attempt[]>;
}

export type LedgerFactory = (terms?: Partial<CampaignTerms>) => Promise<LedgerWorld>;

export const memoryWorld: LedgerFactory = (terms = {}) => {
  const account = someAccountId();
  let it: ClaimFacts['account'] = { desired: 'run' };
  const cases = new Map<string, ClaimFacts['case']>();
  const charges: { readonly charge: Charge; readonly credential: Credential }[] = [];
  const all = { ...DEFAULT_TERMS, ...terms };
  const campaign: MemoryCampaign = {
    desired: 'run',
    maxAttempts: all.maxAttempts,
    budgetAttempts: all.budgetAttempts,
    attemptsMade: 0,
  };
  const ledger = createMemoryLedger({
    now: () => new Date(),
    readCase: ({ invoice }) => {
      const one = cases.get(invoice);
      return one && { account: it, case: one, campaign };
    },
    listCharges: (_account, { id, key }) =>
      charges.flatMap(({ charge, credential }) =>
        credential.id === id || credential.key === key ? charge : [],
      ),
  });
  return Promise.resolve({
    ledger,
    account,
    open: (invoice) => {
      cases.set(invoice, { state: 'charging', desired: 'run', windowEndsAt: daysFrom(28) });
      return Promise.resolve({ account, invoice });
    },
    setCase: ({ invoice }, change) => {
      const one = cases.get(invoice);
      if (one) cases.set(invoice, { ...one, ...change });
      return Promise.resolve();
    },
    setCampaign: (desired) => {
      campaign.desired = desired;
      return Promise.resolve();
    },
    setAccount: (desired) => {
      it = { desired };
      return Promise.resolve();
    },
    attemptsMade: () => Promise.resolve(campaign.attemptsMade),
    addCharge: (charge, credential = VISA) => {
      charges.push({ charge, credential });
      return Promise.resolve();
    },
    list: (ref) => Promise.resolve(ledger.list(ref)),
  });
};

export const postgresWorld =
  (db: () => Kysely<Database>): LedgerFactory =>
  async (terms = {}) => {
    const account = someAccountId();
    await newRecoveryAccount(db(), account);
    const campaign = await newCampaign(db(), account, terms);
    return {
      ledger: createAttemptLedger({ db: db(), readDecline: () => FUNDS }),
      account,
      open: async (invoice) => {
        await newCase(db(), { account, invoice }, { campaign });
        return { account, invoice };
      },
      setCase: async ({ invoice }, { state, desired, windowEndsAt }) => {
        await db()
          .updateTable('recovery_case')
          .set({
            ...(state && { state }),
            ...(desired && { desired }),
            ...(windowEndsAt && { window_ends_at: windowEndsAt }),
          })
          .where('account_id', '=', account)
          .where('invoice_id', '=', invoice)
          .execute();
      },
      setAccount: (desired) => setAccountDesired(db(), account, desired),
      setCampaign: async (desired) => {
        await db().updateTable('campaign').set({ desired }).where('id', '=', campaign).execute();
      },
      attemptsMade: async () => {
        const row = await db()
          .selectFrom('campaign')
          .select('attempts_made')
          .where('id', '=', campaign)
          .executeTakeFirstOrThrow();
        return row.attempts_made;
      },
      addCharge: (charge, credential) => storeCharge(db(), account, charge, credential),
      list: (ref) => listAttempts(db(), ref),
    };
  };
