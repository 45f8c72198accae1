import { readAccount, type Account } from '../../db/repositories/accounts';
import {
  listChangedCases,
  listIdleCases,
  markTold,
  type ChangedCase,
  type IdleCase,
} from '../../db/repositories/routing';
import type { CaseEvent } from '../../domain/recovery/decide';
import { newsOf, reversedMinor } from '../../domain/recovery/news';
import type { ProviderClient } from '../../providers/provider';
import { connectAccount } from '../connection';
import type { ActivityDeps } from '../deps';
import { whoPaid } from '../recovery/attempt';
import type { CampaignActivities } from '../recovery-contract';
import { applyToRow } from './apply-to-row';
import { accountNow } from './account-clock';
import { eachBounded } from './bounded';

const PAGE = 200;

/**
 * Cases with a workflow are told to look for themselves. Those of the control group, and those that have ended with money, have
 * none: what happened is written on their rows. Calling it again tells nobody twice of the same. Cases that are late have lost their
 * workflow, and get another one: the row is the record. Those that wait for an account that was resumed go on.
 */
export const createRouteChanges =
  (deps: ActivityDeps): CampaignActivities['routeChanges'] =>
  async ({ account: accountId }) => {
    const { db } = deps;
    const account = await readAccount(db, accountId);
    let told = 0;
    let after: string | null = null;
    for (;;) {
      const page: ChangedCase[] = await listChangedCases(db, { accountId, after, limit: PAGE });
      await eachBounded(page, async (changed) => {
        const heard = await route(deps, account, changed);
        if (heard === 'told') told += 1;
        const { invoiceId, version } = changed;
        if (version !== null && heard !== 'later')
          await markTold(db, { accountId, invoiceId, version });
      });
      if (page.length < PAGE) break;
      after = page.at(-1)?.invoiceId ?? null;
    }
    await wakeIdle(deps, accountId);
    return { told };
  };

async function wakeIdle({ db, cases }: ActivityDeps, account: string): Promise<void> {
  let after: string | null = null;
  for (;;) {
    const page: IdleCase[] = await listIdleCases(db, { accountId: account, after, limit: PAGE });
    await eachBounded(page, ({ invoiceId: invoice, wasHeldUp }) =>
      wasHeldUp
        ? cases.tell({ account, invoice }, 'account_resumed')
        : cases.start({ account, invoice }),
    );
    if (page.length < PAGE) return;
    after = page.at(-1)?.invoiceId ?? null;
  }
}

/** `later`: it is not known yet what to say; the next run asks again. */
type Heard = 'told' | 'nothing' | 'later';

async function route(deps: ActivityDeps, account: Account, changed: ChangedCase): Promise<Heard> {
  const key = { account: account.id, invoice: changed.invoiceId };
  if (changed.hasEnded || changed.heldOut) {
    const event = changed.hasEnded ? reversalOf(changed) : await seenOf(deps, account, changed);
    if (event === null || event === 'later') return event ?? 'nothing';
    const now = await accountNow(deps, account);
    await applyToRow(deps, { key, event, now });
    return 'told';
  }
  const what = newsOf(changed);
  if (what === null) return 'nothing';
  await deps.cases.tell(key, what);
  return 'told';
}

function reversalOf({ recovery }: ChangedCase): CaseEvent | null {
  const { by, chargeId, reversedMinor: known } = recovery;
  const taken = reversedMinor(recovery);
  if (by === null || taken <= known) return null;
  return { type: 'reversed', by, amountMinor: String(taken), chargeId };
}

async function seenOf(
  deps: ActivityDeps,
  account: Account,
  changed: ChangedCase,
): Promise<CaseEvent | 'later' | null> {
  const what = newsOf(changed);
  if (what === 'paid_elsewhere') return payerOf(deps, account, changed.invoiceId);
  if (what === 'voided' || what === 'disputed' || what === 'refunded') return { type: what };
  return changed.windowEnded ? { type: 'window_ended' } : null;
}

/** By whom, only the provider can say. */
async function payerOf(
  deps: ActivityDeps,
  account: Account,
  invoiceId: string,
): Promise<CaseEvent | 'later' | null> {
  const { client } = await connectAccount(deps, account);
  const { signal } = new AbortController();
  try {
    const { payments }: ProviderClient = client;
    if (payments === undefined) return null;
    const sighting = await payments.readInvoice({ invoiceId, signal });
    return (await whoPaid({ payments, signal }, sighting)) ?? 'later';
  } finally {
    client.close();
  }
}
