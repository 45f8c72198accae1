/** Whether an attempt may be made now, by all that is known in the moment in which it is written into the ledger. */
import { RecoupError } from '../errors';
import { isOpen, type Attempt, type CaseRef } from './attempt';
import { allowance } from './ceilings';
import type { Charge } from './charge';
import type { CaseEvent } from './decide';
import type { Credential, InvoiceSighting } from './payment';
import { outdated, standingOf, type PlannedFor } from './sighting';
import { isTerminal, type CaseState } from './states';

export interface ClaimRequest extends CaseRef {
  /** The newest attempt that the caller knows: the one after it is asked for. */
  readonly after: number;
  /** The invoice, read just now. */
  readonly sighting: InvoiceSighting | null;
  /** What the attempt was planned for, and all that the decision was made by; null for one that somebody asked for. */
  readonly plan: PlannedFor | null;
  readonly decision: Readonly<Record<string, unknown>>;
  readonly terms: ClaimTerms;
}

export interface ClaimTerms {
  /** What keys begin with, so that two installations on one account never share one: `recoup/live`. */
  readonly keySpace: string;
  readonly sendWithinMs: number;
  /** From `sendBefore` until nothing of it can appear any more. */
  readonly appearWithinMs: number;
}

export interface ClaimFacts {
  readonly account: { readonly desired: 'run' | 'pause' | 'cancel' };
  readonly case: {
    readonly state: CaseState;
    readonly desired: 'run' | 'pause' | 'cancel';
    readonly windowEndsAt: Date;
  };
  readonly campaign: {
    readonly desired: 'run' | 'pause' | 'stop';
    readonly maxAttempts: number;
    /** Of all its cases; null means no limit. */
    readonly budgetAttempts: number | null;
    readonly attemptsMade: number;
  };
  /** Of the case, fences included. */
  readonly attempts: readonly Attempt[];
  /** Of the credential, whoever made them, each once; ours that are open or unknown count as if they had happened. */
  readonly charges: readonly Charge[];
}

/** Nothing is sent but for `claimed`. */
type Refusal =
  /** The ledger has it, or another one that must end first. */
  | { readonly kind: 'known'; readonly attempt: Attempt }
  | { readonly kind: 'refused'; readonly event: CaseEvent }
  /** By whom must still be asked. */
  | { readonly kind: 'paid' };

export type Claimed = Refusal | { readonly kind: 'claimed'; readonly attempt: Attempt };

export type ClaimVerdict =
  | Refusal
  | {
      readonly kind: 'go';
      readonly credential: Credential;
      /** Of the networks' ceilings, those that were asked. */
      readonly rules: readonly string[];
    };

const refuse = (type: 'cancel' | 'pause' | 'plan_outdated' | Used, because: string): Refusal => ({
  kind: 'refused',
  event: { type, because },
});
type Used = 'window_ended' | 'ceilings_used_up';

export function judgeClaim(request: ClaimRequest, facts: ClaimFacts): ClaimVerdict {
  const { after, sighting, plan } = request;
  const known =
    facts.attempts.find(({ number }) => number === after + 1) ??
    facts.attempts.find(({ state }) => isOpen(state) || state === 'succeeded');
  if (known) return { kind: 'known', attempt: known };
  const newest = Math.max(0, ...facts.attempts.map(({ number }) => number));
  if (after !== newest)
    throw new RecoupError(
      'invalid_input',
      `Attempt ${after + 1} of ${request.invoice} cannot follow attempt ${newest}.`,
    );

  const unwanted = refusalOfWish(facts);
  if (unwanted) return unwanted;

  const standing = standingOf(sighting);
  if (standing === 'paid') return { kind: 'paid' };
  if (standing !== 'payable') return { kind: 'refused', event: standing };
  if (sighting === null || sighting.credential === null)
    return refuse('plan_outdated', 'There is nothing that could be charged.');
  const changed = outdated(sighting, plan);
  if (changed !== null) return refuse('plan_outdated', changed);

  const used = refusalOfLimits(facts, sighting.readAt);
  if (used) return used;
  const { credential, readAt, amountRemainingMinor: amountMinor, currency } = sighting;
  const allowed = allowance({
    charges: facts.charges,
    amountMinor,
    currency,
    network: credential.network,
    country: credential.country,
    methodType: credential.methodType,
    firstFailedAtMs: plan?.firstFailedAtMs ?? null,
    nowMs: readAt.getTime(),
  });
  return allowed.kind === 'now'
    ? { kind: 'go', credential, rules: allowed.rules }
    : refuse('plan_outdated', `The networks' rules do not allow it now (${allowed.rule}).`);
}

/** What people want of it, or what the case has become while its workflow believed that it was to go on. */
function refusalOfWish({ account, case: it, campaign }: ClaimFacts): Refusal | null {
  if (isTerminal(it.state) || it.state === 'holdout')
    return refuse('cancel', `The case is ${it.state} already.`);
  if (account.desired === 'cancel') return refuse('cancel', 'The account was disconnected.');
  if (it.desired === 'cancel') return refuse('cancel', 'The case was canceled.');
  if (campaign.desired === 'stop') return refuse('cancel', 'The campaign was stopped.');
  if (it.desired === 'pause') return refuse('pause', 'The case was paused.');
  if (campaign.desired === 'pause') return refuse('pause', 'The campaign was paused.');
  if (account.desired === 'pause') return { kind: 'refused', event: { type: 'account_paused' } };
  if (it.state !== 'charging') return refuse('plan_outdated', `The case is ${it.state} meanwhile.`);
  return null;
}

function refusalOfLimits({ case: it, campaign, attempts }: ClaimFacts, now: Date): Refusal | null {
  if (now >= it.windowEndsAt) return refuse('window_ended', 'The time of the case is over.');
  const made = attempts.filter(({ state }) => state !== 'absent').length;
  if (made >= campaign.maxAttempts)
    return refuse('ceilings_used_up', `All ${campaign.maxAttempts} tries of the case are used.`);
  const { budgetAttempts, attemptsMade } = campaign;
  if (budgetAttempts !== null && attemptsMade >= budgetAttempts)
    return refuse('ceilings_used_up', `All ${budgetAttempts} tries of the campaign are used.`);
  return null;
}
