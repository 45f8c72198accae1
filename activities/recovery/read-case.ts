import { readAccount } from '../../db/repositories/accounts';
import { listAttempts } from '../../db/repositories/attempts';
import { readCase } from '../../db/repositories/cases';
import { isOpen, type CaseRef } from '../../domain/recovery/attempt';
import type { CaseActivities, CaseFacts } from '../contract';
import type { ActivityDeps } from '../deps';
import { readClock } from './case';

export const createReadCase =
  (deps: ActivityDeps): CaseActivities['readCase'] =>
  ({ account, invoice }) =>
    readFacts(deps, { account, invoice });

/** Errors: those of the repository's readCase, and of Provider.probe. */
export async function readFacts(deps: ActivityDeps, ref: CaseRef): Promise<CaseFacts> {
  const row = await readCase(deps.db, ref);
  const account = await readAccount(deps.db, ref.account);
  const attempts = await listAttempts(deps.db, ref);
  const open = attempts.find(({ state }) => isOpen(state));
  return {
    ...ref,
    campaign: row.campaign_id,
    provider: account.provider,
    clock: account.clock,
    state: row.state,
    because: row.because,
    attention: row.attention,
    transitions: row.transitions,
    attempts: row.attempts,
    openAttempt: open && isOpen(open.state) ? { number: open.number, state: open.state } : null,
    nextActionAtMs: row.next_action_at?.getTime() ?? null,
    windowEndsAtMs: row.window_ends_at.getTime(),
    amountMinor: String(row.amount_minor),
    currency: row.currency,
    exponent: row.exponent,
    desired: row.desired,
    recovery:
      row.recovered_by === null
        ? null
        : {
            by: row.recovered_by,
            recoveredMinor: String(row.recovered_minor),
            reversedMinor: String(row.reversed_minor),
            chargeId: row.recovered_charge_id,
          },
    nowMs: (await readClock(deps, account)).getTime(),
  };
}
