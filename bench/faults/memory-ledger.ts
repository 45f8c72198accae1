/** The ledger of attempts in memory, by the very rules of the one in Postgres. */
import { RecoupError } from '../../domain/errors';
import { countEach, isOpen, type Attempt, type CaseRef } from '../../domain/recovery/attempt';
import type { Charge } from '../../domain/recovery/charge';
import { judgeClaim, type ClaimFacts } from '../../domain/recovery/claim';
import { idempotencyKey, type AttemptLedger } from '../../domain/recovery/ledger';
import type { Credential } from '../../domain/recovery/payment';
import { settle } from '../../domain/recovery/settlement';

export interface MemoryLedgerOptions {
  /** The ledger's clock. */
  now(): Date;
  /** What Postgres would have of the case, its account and its campaign; undefined for a case that nobody has opened. */
  readCase(
    ref: CaseRef,
  ): (Pick<ClaimFacts, 'account' | 'case'> & { readonly campaign: MemoryCampaign }) | undefined;
  /** The synced charges of a credential. */
  listCharges(account: string, credential: Credential): readonly Charge[];
}

/** `attemptsMade` is the ledger's to count. */
export type MemoryCampaign = {
  -readonly [K in keyof ClaimFacts['campaign']]: ClaimFacts['campaign'][K];
};

export interface MemoryLedger extends AttemptLedger {
  /** In the order of their numbers. */
  list(ref: CaseRef): readonly Attempt[];
}

const NO_CREDENTIAL = { credentialId: '', credentialKey: '', network: null, country: null };
const NOTHING = {
  chargeId: null,
  requestId: null,
  paidMinor: null,
  settledBy: null,
  note: null,
  decline: null,
  conflict: null,
};

export function createMemoryLedger(options: MemoryLedgerOptions): MemoryLedger {
  const byCase = new Map<string, Map<number, Attempt>>();
  const byCredential = new Map<string, Map<string, Attempt>>();

  const attemptsOf = ({ account, invoice }: CaseRef): Map<number, Attempt> => {
    const key = `${account} ${invoice}`;
    const known = byCase.get(key) ?? new Map<number, Attempt>();
    byCase.set(key, known);
    return known;
  };
  const factsOf = (ref: CaseRef) => {
    const facts = options.readCase(ref);
    if (facts) return facts;
    throw new RecoupError('invalid_input', `${ref.invoice} of ${ref.account} is no case.`);
  };
  /** Replaces what is under its number, wherever it is counted. */
  const write = (attempt: Attempt): Attempt => {
    attemptsOf(attempt).set(attempt.number, attempt);
    // A fence was never made with anything.
    if (attempt.credentialKey === '') return attempt;
    const key = `${attempt.account} ${attempt.credentialKey}`;
    const others = byCredential.get(key) ?? new Map<string, Attempt>();
    byCredential.set(key, others.set(attempt.idempotencyKey, attempt));
    return attempt;
  };

  return {
    list: (ref) => [...attemptsOf(ref).values()].sort((a, b) => a.number - b.number),
    claim: (request) =>
      asPromise(() => {
        const { account, invoice, sighting, terms } = request;
        const facts = factsOf(request);
        const attempts = [...attemptsOf(request).values()];
        const credential = sighting?.credential ?? null;
        const charges = credential
          ? countEach(options.listCharges(account, credential), [
              ...(byCredential.get(`${account} ${credential.key}`)?.values() ?? []),
            ])
          : [];
        const verdict = judgeClaim(request, { ...facts, attempts, charges });
        if (verdict.kind !== 'go') return verdict;
        if (sighting === null) throw new Error('An invoice that is not there cannot be paid.');
        if (attempts.some(({ state }) => isOpen(state))) throw new Error('Another one is open.');
        const ref = { account, invoice, number: request.after + 1 };
        const sendBefore = new Date(options.now().getTime() + terms.sendWithinMs);
        facts.campaign.attemptsMade += 1;
        const attempt = write({
          ...ref,
          ...NOTHING,
          customerId: sighting.customerId,
          credentialId: verdict.credential.id,
          credentialKey: verdict.credential.key,
          network: verdict.credential.network,
          country: verdict.credential.country,
          currency: sighting.currency,
          amountMinor: sighting.amountRemainingMinor,
          state: 'intended',
          idempotencyKey: idempotencyKey(terms.keySpace, ref),
          intendedAt: sighting.readAt,
          chargeBefore: sighting.latestChargeId,
          sendBefore,
          absentAfter: new Date(sendBefore.getTime() + terms.appearWithinMs),
        });
        return { kind: 'claimed', attempt };
      }),
    settle: (ref, said) =>
      asPromise(() => {
        const attempt = attemptsOf(ref).get(ref.number);
        if (!attempt)
          throw new RecoupError('invalid_input', `${ref.invoice} has no attempt ${ref.number}.`);
        const settlement = settle(attempt, said);
        const conflict = settlement.conflict ?? attempt.conflict;
        if (!settlement.write) return write({ ...attempt, conflict });
        const { state } = settlement;
        factsOf(ref).campaign.attemptsMade +=
          Number(state !== 'absent') - Number(attempt.state !== 'absent');
        return write({
          ...attempt,
          conflict,
          state,
          chargeId: said.chargeId ?? attempt.chargeId,
          requestId: said.requestId ?? attempt.requestId,
          paidMinor: said.paidMinor,
          note: settlement.note,
          decline: said.decline,
          settledBy: isOpen(state) ? attempt.settledBy : said.by,
        });
      }),
    read: (ref) =>
      asPromise(() => ({
        now: options.now(),
        attempt: attemptsOf(ref).get(ref.number) ?? null,
      })),
    fence: (ref, { keySpace }) =>
      asPromise(() => {
        const now = options.now();
        factsOf(ref);
        return (
          attemptsOf(ref).get(ref.number) ??
          write({
            account: ref.account,
            invoice: ref.invoice,
            number: ref.number,
            ...NOTHING,
            ...NO_CREDENTIAL,
            customerId: null,
            currency: '',
            amountMinor: 0n,
            state: 'absent',
            idempotencyKey: idempotencyKey(keySpace, ref),
            intendedAt: now,
            chargeBefore: null,
            sendBefore: now,
            absentAfter: now,
            settledBy: 'fence',
          })
        );
      }),
  };
}

/** What is thrown rejects, as with a ledger that is asked over a wire. */
const asPromise = async <T>(work: () => T): Promise<T> => work();
