/**
 * The attempt protocol: claim in the ledger, pay once, settle; and look up what is not known. It knows neither Temporal nor
 * Postgres nor any clock but those handed in, so that the faults bench runs it as it is.
 */
import {
  eventOf,
  isOpen,
  type Attempt,
  type AttemptRef,
  type CaseRef,
} from '../../domain/recovery/attempt';
import type { CaseEvent } from '../../domain/recovery/decide';
import type { ClaimRequest } from '../../domain/recovery/claim';
import type { AttemptLedger } from '../../domain/recovery/ledger';
import type { InvoiceSighting } from '../../domain/recovery/payment';
import type { RecoveryPolicy } from '../../domain/recovery/policy';
import {
  saidByAnswer,
  saidByFinding,
  saidByPerson,
  saidBySender,
  type ReadDecline,
} from '../../domain/recovery/settlement';
import { asRecoupError, RecoupError } from '../../domain/errors';
import { standingOf } from '../../domain/recovery/sighting';
import type { Payments } from '../../providers/provider';

export interface AttemptTools {
  readonly ledger: AttemptLedger;
  readonly payments: Payments;
  readonly readDecline: ReadDecline;
  /** Real time, of this machine: what is on the wire goes by it, whatever clock the account has. */
  readonly clock: { now(): Date };
  readonly policy: RecoveryPolicy;
  /** As in `ClaimTerms`. */
  readonly keySpace: string;
  /** Ends reads that nobody waits for any more. A payment is never given up half-way. */
  readonly signal: AbortSignal;
}

export interface AttemptResult {
  /** Its number; null when none was made. */
  readonly attempt: number | null;
  readonly event: CaseEvent;
  /** The provider's clock. */
  readonly at: Date | null;
}

/**
 * Makes attempt `after` + 1, unless the ledger has it. Errors: those of `AttemptLedger`, before anything is sent as well as after:
 * whoever sees one looks the attempt up.
 */
export async function chargeOnce(
  tools: AttemptTools,
  {
    account,
    invoice,
    after,
    plan,
    decision,
  }: CaseRef & Pick<ClaimRequest, 'after' | 'plan' | 'decision'>,
): Promise<AttemptResult> {
  const { ledger, payments, policy, clock, signal, keySpace } = tools;
  // Counted from before the last look: what it showed is never older than this when a request goes out. It also ends before the
  // ledger's own deadline, however the two clocks differ.
  const sendBefore = new Date(clock.now().getTime() + policy.sendWithinMs);
  let sighting: InvoiceSighting | null;
  try {
    sighting = await payments.readInvoice({ invoiceId: invoice, signal });
  } catch (thrown) {
    signal.throwIfAborted();
    return {
      attempt: null,
      event: { type: 'not_sent', because: asRecoupError(thrown).message },
      at: null,
    };
  }
  signal.throwIfAborted();
  const claimed = await ledger.claim({
    account,
    invoice,
    after,
    sighting,
    plan,
    decision,
    terms: {
      keySpace,
      sendWithinMs: policy.sendWithinMs,
      appearWithinMs: policy.paymentTimeoutMs + policy.settleMs,
    },
  });
  const at = sighting?.readAt ?? null;
  switch (claimed.kind) {
    case 'known':
      return { attempt: claimed.attempt.number, event: eventOf(claimed.attempt), at };
    case 'refused':
      return { attempt: null, event: claimed.event, at };
    case 'paid':
      return { attempt: null, event: (await whoPaid(tools, sighting)) ?? unsettled, at };
    case 'claimed':
      return { ...(await send(tools, claimed.attempt, sendBefore)), at };
  }
}

async function send(
  tools: AttemptTools,
  attempt: Attempt,
  sendBefore: Date,
): Promise<Omit<AttemptResult, 'at'>> {
  const { ledger, payments, policy, clock, readDecline } = tools;
  if (clock.now() >= sendBefore) {
    const { number, note } = await ledger.settle(attempt, saidBySender());
    return { attempt: number, event: { type: 'not_sent', ...(note && { because: note }) } };
  }
  const answer = await payments.pay({
    invoiceId: attempt.invoice,
    credentialId: attempt.credentialId,
    idempotencyKey: attempt.idempotencyKey,
    sendBefore,
    timeoutMs: policy.paymentTimeoutMs,
    signal: new AbortController().signal,
  });
  const settled = await ledger.settle(attempt, saidByAnswer(answer, readDecline));
  const event = eventOf(settled);
  const { number } = settled;
  if (event.type !== 'absent') return { attempt: number, event };
  if (answer.kind === 'refused')
    return { attempt: number, event: await whyRefused(tools, settled) };
  return {
    attempt: number,
    event: answer.kind === 'not_sent' ? { ...event, type: 'not_sent' } : event,
  };
}

/** Mostly because somebody else was faster: then the invoice says so. */
async function whyRefused(tools: AttemptTools, attempt: Attempt): Promise<CaseEvent> {
  const { payments, signal } = tools;
  const { because = '' } = eventOf(attempt);
  try {
    const sighting = await payments.readInvoice({ invoiceId: attempt.invoice, signal });
    const standing = standingOf(sighting);
    if (standing === 'paid') return (await whoPaid(tools, sighting)) ?? unsettled;
    return standing === 'payable' ? { type: 'refused', because } : standing;
  } catch {
    // The next plan reads it again, and needs no person for that.
    return { type: 'not_sent', because };
  }
}

/** Of an invoice that is paid, and not by an attempt that the ledger knows. Null: by whom is not known yet. */
export async function whoPaid(
  { payments, signal }: Pick<AttemptTools, 'payments' | 'signal'>,
  sighting: InvoiceSighting | null,
): Promise<CaseEvent | null> {
  const chargeId = sighting?.latestChargeId ?? null;
  const by = chargeId === null ? 'elsewhere' : await payments.findPayer({ chargeId, signal });
  if (by === null) return null;
  return {
    type: 'paid_elsewhere',
    by,
    amountMinor: String(sighting?.amountPaidMinor ?? 0n),
    chargeId,
    ...(by === 'provider' && { because: "The provider's own retry was paid." }),
  };
}

/** Said for ever, it has to be right: whoever cannot tell yet looks again. */
export const PAYER_UNKNOWN = 'The invoice was paid meanwhile, and by whom is not known yet.';
const unsettled: CaseEvent = { type: 'plan_outdated', because: PAYER_UNKNOWN };

/**
 * What is known of an attempt, from reads alone. A number that nobody has claimed is fenced, so that nobody can any more.
 * Errors: those of `Payments.find`; database_unavailable.
 */
export async function lookUp(
  { ledger, payments, readDecline, keySpace, signal }: AttemptTools,
  ref: AttemptRef,
): Promise<AttemptResult> {
  const { attempt: found, now: lookedAt } = await ledger.read(ref);
  const attempt = found ?? (await ledger.fence(ref, { keySpace }));
  if (!isOpen(attempt.state)) return resultOf(attempt, null);
  const finding = await payments.find({
    invoiceId: attempt.invoice,
    idempotencyKey: attempt.idempotencyKey,
    intendedAt: attempt.intendedAt,
    chargeBefore: attempt.chargeBefore,
    signal,
  });
  const said = saidByFinding(finding, { attempt, lookedAt, readDecline });
  if (said) return resultOf(await ledger.settle(ref, said), finding.readAt);
  if (attempt.state === 'pending') return resultOf(attempt, finding.readAt);
  const waitMs = Math.max(0, attempt.absentAfter.getTime() - lookedAt.getTime());
  return {
    attempt: attempt.number,
    event: {
      type: 'inconclusive',
      atMs: finding.readAt.getTime() + waitMs,
      because:
        finding.kind === 'unclear'
          ? finding.because
          : `Nothing of attempt ${attempt.number} is to be seen, which proves nothing yet.`,
    },
    at: finding.readAt,
  };
}

const resultOf = (attempt: Attempt, at: Date | null): AttemptResult => ({
  attempt: attempt.number,
  event: eventOf(attempt),
  at,
});

/**
 * What a person says of an attempt that nothing proves. Errors: invalid_input for an attempt that is not there, or that may
 * still be on its way.
 */
export async function resolveByPerson(
  { ledger }: Pick<AttemptTools, 'ledger'>,
  {
    outcome,
    reason,
    ...ref
  }: AttemptRef & {
    readonly outcome: 'succeeded' | 'declined' | 'absent';
    readonly reason: string;
  },
): Promise<AttemptResult> {
  const { attempt, now } = await ledger.read(ref);
  if (!attempt)
    throw new RecoupError('invalid_input', `${ref.invoice} has no attempt ${ref.number}.`);
  if (isOpen(attempt.state) && now < attempt.absentAfter)
    throw new RecoupError(
      'invalid_input',
      `Attempt ${ref.number} of ${ref.invoice} may still be on its way: say so after ${attempt.absentAfter.toISOString()}.`,
    );
  return resultOf(await ledger.settle(ref, saidByPerson(attempt, outcome, reason)), null);
}
