import { readCase, recordCase } from '../../db/repositories/cases';
import type { CaseEvent } from '../../domain/recovery/decide';
import { happen, recordOf } from '../../domain/recovery/engine';
import { memoryOf } from '../../domain/recovery/memory';
import { RECOVERY_POLICY } from '../../domain/recovery/policy';
import type { CaseKey } from '../../domain/recovery/record';
import type { ActivityDeps } from '../deps';

/** What happened to a case that has no workflow: decided by the same table, and written at once. */
export async function applyToRow(
  { db }: Pick<ActivityDeps, 'db'>,
  { key, event, now }: { readonly key: CaseKey; readonly event: CaseEvent; readonly now: Date },
): Promise<void> {
  const moment = { nowMs: now.getTime(), policy: RECOVERY_POLICY };
  const row = await readCase(db, key);
  const { recovered_by: by, recovered_minor, reversed_minor, recovered_charge_id } = row;
  const memory = memoryOf({
    ...key,
    campaign: row.campaign_id,
    // Neither is asked where nobody runs the case.
    provider: '',
    clock: 'real',
    state: row.state,
    because: row.because,
    attention: row.attention,
    transitions: row.transitions,
    attempts: row.attempts,
    openAttempt: null,
    nextActionAtMs: null,
    windowEndsAtMs: row.window_ends_at.getTime(),
    amountMinor: String(row.amount_minor),
    currency: row.currency,
    desired: row.desired,
    recovery: by && {
      by,
      recoveredMinor: String(recovered_minor),
      reversedMinor: String(reversed_minor),
      chargeId: recovered_charge_id,
    },
    nowMs: moment.nowMs,
  });
  const record = recordOf(happen(memory, event, moment), moment);
  if (record !== null) await recordCase(db, key, record);
}
