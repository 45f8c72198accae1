/** Chargebacks, from their opening to the bank’s decision. */
import { DAY } from './calendar';
import { amend, emit } from './events';
import { lateReason } from './debits';
import { newId } from './ids';
import type { Charge, Dispute } from './model';
import { agendaOf, type World } from './world';

/** Evidence is due so long after a dispute is opened; the bank decides some weeks later. */
const EVIDENCE_SECONDS = 9 * DAY;
const DECISION_DAYS = { min: 20, max: 60 } as const;
const WON_SHARE = 0.35;

/** The cardholder disputes a charge: the money is taken back until the bank has decided. */
export function openDispute(world: World, charge: Charge, at: number): Dispute {
  const agenda = agendaOf(world, charge.customer);
  const { ids, choices } = agenda;
  const dispute = world.disputes.add({
    id: newId(ids, 'du'),
    created: at,
    charge: charge.id,
    paymentIntent: charge.paymentIntent,
    currency: charge.currency,
    amountMinor: charge.amountMinor - charge.amountRefundedMinor,
    reason: choices.pick(['fraudulent', 'subscription_canceled', 'product_not_received']),
    status: choices.chance(0.5) ? 'needs_response' : 'under_review',
    evidenceDueBy: at + EVIDENCE_SECONDS,
    closedAt: null,
  });
  charge.disputed = true;
  const decided = at + choices.integer(DECISION_DAYS.min, DECISION_DAYS.max) * DAY;
  agenda.plan(decided, { kind: 'closeDispute', dispute: dispute.id });
  emit(world, { at, type: 'charge.dispute.created', kind: 'dispute', record: dispute });
  return dispute;
}

/** A direct debit that had succeeded comes back: Stripe shows it as a dispute that is lost from the start. */
export function takeBack(world: World, charge: Charge, at: number): void {
  const account = world.paymentMethods.get(charge.paymentMethod);
  const amountMinor = charge.amountMinor - charge.amountRefundedMinor;
  if (account.debit === undefined || charge.disputed || amountMinor === 0) return;
  const dispute = world.disputes.add({
    id: newId(agendaOf(world, charge.customer).ids, 'du'),
    created: at,
    charge: charge.id,
    paymentIntent: charge.paymentIntent,
    currency: charge.currency,
    amountMinor,
    reason: lateReason(account, at),
    status: 'lost',
    evidenceDueBy: at,
    closedAt: at,
  });
  charge.disputed = true;
  emit(world, { at, type: 'charge.dispute.created', kind: 'dispute', record: dispute });
  emit(world, { at, type: 'charge.dispute.closed', kind: 'dispute', record: dispute });
}

/** The bank decides. */
export function closeDispute(world: World, dispute: Dispute, at: number): void {
  const charge = world.charges.get(dispute.charge);
  const won = agendaOf(world, charge.customer).choices.chance(WON_SHARE);
  amend(world, { at, type: 'charge.dispute.closed', kind: 'dispute', record: dispute }, () => {
    dispute.status = won ? 'won' : 'lost';
    dispute.closedAt = at;
  });
}
