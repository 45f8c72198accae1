/**
 * What follows from a look at a case: what comes next is planned, a plan is held against what has become of the invoice, and
 * whoever waits is told whether it was in vain. Pure, so that a bench in memory decides by the same words.
 */
import { eventOf, isOpen, type Attempt } from './attempt';
import { allowance, RULE_EDITION } from './ceilings';
import type { Charge } from './charge';
import type { CaseEvent } from './decide';
import { planAttempt } from './ladder';
import type { Plan, Situation } from './plan';
import type { InvoiceSighting } from './payment';
import type { CaseDesired } from './record';
import { outdated, type PlannedFor } from './sighting';
import type { CaseState } from './states';

/** What plans are made by, until a learned model takes its place. */
const MODEL = 'ladder/1';

/** Providers tell their time to the second, as of before the request: a moment later, an instant that was waited for has come. */
const CLOCK_GRAIN_MS = 2_000;

/** All that is known when a case is looked at, its invoice being payable. */
export interface Observed {
  readonly sighting: InvoiceSighting;
  /** Of the case, in order. */
  readonly attempts: readonly Attempt[];
  /** Every known charge of the credential at this account, ours included. */
  readonly charges: readonly Charge[];
  /** Of these, the ones of this invoice. */
  readonly ofInvoice: readonly Charge[];
  /** When the payment of the invoice failed first, with whatever credential; null when that is not known. */
  readonly firstFailedAtMs: number | null;
  readonly limits: Situation['limits'];
  readonly customer: Situation['customer'];
  readonly providerRetries: {
    readonly wait: boolean;
    /** Announced since the newest charge of the invoice, and never seen. */
    readonly idle: number;
    readonly maxIdle: number;
  };
  /** How long a payment of somebody else that is being settled is left alone. */
  readonly lookAgainMs: number;
  readonly seed: string;
}

/** What the ledger says before anything else is asked: money that has come in, or an attempt that is not settled. */
export function standingInLedger(attempts: readonly Attempt[]): CaseEvent | null {
  const attempt = attempts.find(({ state }) => isOpen(state) || state === 'succeeded');
  return attempt ? eventOf(attempt) : null;
}

/** What the account has to say before its provider is asked anything; null when the case may go on. */
export function standingOfAccount(
  account: { readonly desired: CaseDesired },
  it: { readonly state: CaseState; readonly desired: CaseDesired },
): CaseEvent | null {
  if (account.desired === 'cancel')
    return { type: 'cancel', because: 'The account was disconnected.' };
  if (account.desired === 'pause') return { type: 'account_paused' };
  // What a person has paused waits for that person.
  return it.state === 'paused' && it.desired === 'run' ? { type: 'account_resumed' } : null;
}

export const plannedFor = ({ sighting, firstFailedAtMs }: Observed): PlannedFor => ({
  amountMinor: String(sighting.amountRemainingMinor),
  currency: sighting.currency,
  credential: sighting.credential?.id ?? null,
  providerRetryAtMs: sighting.providerRetryAt?.getTime() ?? null,
  latestCharge: sighting.latestChargeId,
  firstFailedAtMs,
});

/** What comes next, with all that it was decided by. */
export function planCase(observed: Observed): CaseEvent {
  const facts = {
    edition: RULE_EDITION,
    model: MODEL,
    propensity: 1,
    plan: plannedFor(observed),
  };
  const situation = situationOf(observed);
  if (situation === null) return { ...withoutCredential(observed), facts };
  const plan = planAttempt(situation);
  const event = eventOfPlan(plan);
  const at = plan.kind === 'attempt' ? { at: new Date(plan.atMs).toISOString() } : {};
  return { ...event, because: plan.because, facts: { ...facts, ...at, rules: plan.rules } };
}

/** Whether what was planned may go on; for a case that waits, whether there is any news. */
export function checkCase(
  state: CaseState,
  plan: PlannedFor | null,
  observed: Observed,
): CaseEvent {
  const { sighting, charges, lookAgainMs } = observed;
  const nowMs = sighting.readAt.getTime();
  const changed = outdated(sighting, plan);
  switch (state) {
    case 'precheck': {
      if (changed !== null) return { type: 'plan_outdated', because: changed };
      const situation = situationOf(observed);
      if (situation === null) return withoutCredential(observed);
      const { kind, because } = planAttempt(situation);
      if (kind !== 'attempt') return { type: 'plan_outdated', because };
      const allowed = allowance({ ...situation.payment, charges, nowMs });
      return allowed.kind === 'now'
        ? { type: 'clear' }
        : {
            type: 'plan_outdated',
            because: `The networks' rules forbid it now (${allowed.rule}).`,
          };
    }
    case 'monitoring': {
      if (sighting.isSettling) return settling(nowMs + lookAgainMs);
      const retryAtMs = sighting.providerRetryAt?.getTime() ?? null;
      return changed === null && retryAtMs !== null && retryAtMs > nowMs
        ? { type: 'provider_retry_pending', atMs: retryAtMs }
        : { type: 'clear' };
    }
    case 'scheduled':
      return changed === null ? { type: 'clear' } : { type: 'plan_outdated', because: changed };
    case 'awaiting_customer':
      return (sighting.credential?.id ?? null) === (plan?.credential ?? null)
        ? { type: 'clear' }
        : { type: 'card_updated', because: 'The payment method is another one now.' };
    default:
      return { type: 'clear' };
  }
}

function withoutCredential({ sighting, lookAgainMs }: Observed): CaseEvent {
  if (sighting.isSettling) return settling(sighting.readAt.getTime() + lookAgainMs);
  return sighting.customerDeleted
    ? { type: 'retry_forbidden', because: 'The customer was deleted.' }
    : {
        type: 'customer_needed',
        remedy: 'update',
        because: 'There is nothing that could be charged without the customer.',
      };
}

const settling = (atMs: number): CaseEvent => ({
  type: 'provider_retry_pending',
  atMs,
  because: 'Another payment of it is being settled.',
});

/** Null when nothing can be charged now, whatever the rules say. */
function situationOf(observed: Observed): Situation | null {
  const { sighting, attempts, ofInvoice, firstFailedAtMs } = observed;
  const { credential, isSettling, customerDeleted, readAt } = sighting;
  if (credential === null || isSettling || customerDeleted) return null;
  const { wait, idle, maxIdle } = observed.providerRetries;
  return {
    payment: {
      amountMinor: sighting.amountRemainingMinor,
      currency: sighting.currency,
      network: credential.network,
      country: credential.country,
      methodType: credential.methodType,
      firstFailedAtMs,
    },
    charges: observed.charges,
    attempts: attempts.filter(({ state }) => state !== 'absent'),
    latest: latestDecline(ofInvoice),
    limits: observed.limits,
    customer: observed.customer,
    providerRetryAtMs:
      wait && idle < maxIdle ? (sighting.providerRetryAt?.getTime() ?? null) : null,
    seed: observed.seed,
    nowMs: readAt.getTime(),
  };
}

function latestDecline(charges: readonly Charge[]): Situation['latest'] {
  let latest: Situation['latest'] = null;
  for (const { atMs, decline } of charges) {
    if (decline && atMs >= (latest?.atMs ?? -Infinity)) latest = { atMs, decline };
  }
  return latest;
}

function eventOfPlan(plan: Plan): CaseEvent {
  switch (plan.kind) {
    case 'attempt':
      return { type: 'attempt_planned', atMs: plan.atMs + CLOCK_GRAIN_MS };
    case 'monitor':
      return { type: 'provider_retry_pending', atMs: plan.untilMs };
    case 'await_customer':
      return { type: 'customer_needed', remedy: plan.remedy };
    case 'stop':
      return { type: plan.as === 'exhausted' ? 'ceilings_used_up' : 'retry_forbidden' };
  }
}
