/** The oracle on money: what really moved. */
import type { World } from '../world/world';
import { isoCode } from './totals';

/** Money that really moved: in with a charge, out with a refund or a dispute, back in with a dispute that was won. */
export interface Movement {
  /** ISO instant. */
  at: string;
  kind: 'charge' | 'refund' | 'dispute' | 'dispute_won';
  /** Id of the charge, refund or dispute. */
  id: string;
  charge: string;
  invoice: string;
  customer: string;
  currency: string;
  /** Signed, from the merchant's side. */
  amountMinor: string;
}

/** Every money movement of the account, oldest first. */
export function ledger(world: World): Movement[] {
  const movements: (Movement & { seconds: number })[] = [];
  const move = (
    kind: Movement['kind'],
    id: string,
    chargeId: string,
    seconds: number,
    minor: number,
  ): void => {
    const charge = world.charges.get(chargeId);
    movements.push({
      seconds,
      at: isoInstant(seconds),
      kind,
      id,
      charge: charge.id,
      invoice: charge.invoice,
      customer: charge.customer,
      currency: isoCode(charge.currency),
      amountMinor: String(minor),
    });
  };
  for (const charge of world.charges.all) {
    if (charge.status === 'succeeded')
      move('charge', charge.id, charge.id, charge.settledAt ?? charge.created, charge.amountMinor);
  }
  for (const refund of world.refunds.all)
    move('refund', refund.id, refund.charge, refund.created, -refund.amountMinor);
  for (const dispute of world.disputes.all) {
    move('dispute', dispute.id, dispute.charge, dispute.created, -dispute.amountMinor);
    if (dispute.status === 'won' && dispute.closedAt !== null) {
      move('dispute_won', dispute.id, dispute.charge, dispute.closedAt, dispute.amountMinor);
    }
  }
  movements.sort((a, b) => a.seconds - b.seconds);
  return movements.map(({ seconds: _, ...movement }) => movement);
}

/** Unix seconds as an ISO instant without milliseconds. */
export function isoInstant(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace('.000Z', 'Z');
}
