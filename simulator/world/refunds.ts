/** Refunds. */
import { emit } from './events';
import { newId } from './ids';
import type { Charge, Refund } from './model';
import { agendaOf, type World } from './world';

/** Gives money of a succeeded charge back to the card. */
export function refundCharge(
  world: World,
  charge: Charge,
  {
    at,
    amountMinor,
    reason = 'requested_by_customer',
  }: { at: number; amountMinor: number; reason?: Refund['reason'] },
): Refund {
  const left = charge.status === 'succeeded' ? charge.amountMinor - charge.amountRefundedMinor : 0;
  if (amountMinor <= 0 || amountMinor > left) {
    throw new Error(`${charge.id} has ${String(left)} left to refund, not ${String(amountMinor)}.`);
  }
  const { ids } = agendaOf(world, charge.customer);
  const refund = world.refunds.add({
    id: newId(ids, 're'),
    created: at,
    charge: charge.id,
    paymentIntent: charge.paymentIntent,
    currency: charge.currency,
    amountMinor,
    reason,
    status: 'succeeded',
    balanceTransaction: newId(ids, 'txn'),
  });
  charge.amountRefundedMinor += amountMinor;
  emit(world, { at, type: 'refund.created', kind: 'refund', record: refund });
  emit(world, { at, type: 'charge.refunded', kind: 'charge', record: charge });
  return refund;
}
