/** What every step of a case works with: its row, its account, the provider, and the account's clock. */
import { cancellationSignal } from '@temporalio/activity';
import { sql } from 'kysely';
import { readAccount, type Account } from '../../db/repositories/accounts';
import { createAttemptLedger } from '../../db/repositories/attempts';
import { readCase, recordCase, type RecoveryCase } from '../../db/repositories/cases';
import { RecoupError } from '../../domain/errors';
import type { CaseRef } from '../../domain/recovery/attempt';
import type { CaseEvent } from '../../domain/recovery/decide';
import { RECOVERY_POLICY, SIMULATED_WIRE } from '../../domain/recovery/policy';
import type { CaseRecord } from '../../domain/recovery/record';
import type { Payments, Provider } from '../../providers/provider';
import { connectAccount } from '../connection';
import type { Sighting } from '../contract';
import type { ActivityDeps } from '../deps';
import type { AttemptTools } from './attempt';

export interface CaseTools extends AttemptTools {
  readonly ref: CaseRef;
  readonly account: Account;
  readonly row: RecoveryCase;
  readonly provider: Provider;
  /** The event, and the account's clock: what the provider's read `at` where that is its clock. */
  sighting(event: CaseEvent, at?: Date | null): Promise<Sighting>;
}

interface CaseInput extends CaseRef {
  readonly record: CaseRecord | null;
}

/** Stores what the case has become, then works on it with what is stored about its account now. */
export async function onCase<T>(
  deps: ActivityDeps,
  input: CaseInput,
  work: (tools: CaseTools) => Promise<T>,
): Promise<T> {
  const { db, config } = deps;
  const ref = { account: input.account, invoice: input.invoice };
  if (input.record) await recordCase(db, ref, input.record);
  const row = await readCase(db, ref);
  const account = await readAccount(db, ref.account);
  const { provider, client } = await connectAccount(deps, account);
  const signal = cancellationSignal();
  const isSimulated = account.clock === 'simulated';
  try {
    return await work({
      ref,
      account,
      row,
      provider,
      payments: client.payments ?? throwWithout(provider),
      ledger: createAttemptLedger({ db, readDecline: provider.readDecline }),
      readDecline: provider.readDecline,
      clock: { now: () => new Date() },
      policy: { ...RECOVERY_POLICY, ...(isSimulated && SIMULATED_WIRE) },
      keySpace: `recoup/${config.RECOUP_ENVIRONMENT ?? 'live'}`,
      signal,
      sighting: async (event, at) => {
        const now = (isSimulated && at) || (await readClock(deps, account));
        return { event, nowMs: now.getTime() };
      },
    });
  } finally {
    client.close();
  }
}

/** The account's clock, for whoever has not just read at the provider. */
export async function readClock(deps: ActivityDeps, account: Account): Promise<Date> {
  if (account.clock === 'real') {
    const { rows } = await sql<{ now: Date }>`select clock_timestamp() as now`.execute(deps.db);
    return rows[0]?.now ?? new Date();
  }
  const { client } = await connectAccount(deps, account);
  try {
    return (await client.probe(cancellationSignal())).providerTime;
  } finally {
    client.close();
  }
}

/** What ends a case without any look at it; null otherwise. Nobody's customers are charged for an account that is gone. */
export const endOf = ({ account }: CaseTools): CaseEvent | null =>
  account.state === 'disconnected'
    ? { type: 'cancel', because: 'The account was disconnected.' }
    : null;

function throwWithout({ name }: Provider): Payments {
  throw new RecoupError('invalid_input', `Payments of ${name} accounts cannot be tried again.`);
}
