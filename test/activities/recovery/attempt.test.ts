/** The one request of an attempt, with what its sender may not know. */
import { chargeOnce, type AttemptTools } from '../../../activities/recovery/attempt';
import { RECOVERY_POLICY } from '../../../domain/recovery/policy';
import type { Payments } from '../../../providers/provider';
import { FUNDS, NOW, sightingOf } from '../../support/recovery';
import { memoryWorld } from './ledgers';

const never = (): Promise<never> => Promise.reject(new Error('Nobody asks for this.'));

it('sends nothing by a look at the invoice that is older than an attempt may be', async () => {
  const world = await memoryWorld();
  const ref = await world.open('in_1');
  let nowMs = NOW.getTime();
  const sent: string[] = [];
  const payments: Payments = {
    readInvoice: () => {
      const seen = sightingOf({ readAt: new Date(nowMs) });
      // Its process freezes with the answer in hand, and the invoice is voided meanwhile.
      nowMs += RECOVERY_POLICY.sendWithinMs;
      return Promise.resolve(seen);
    },
    pay: ({ idempotencyKey }) => {
      sent.push(idempotencyKey);
      return Promise.resolve({
        kind: 'succeeded',
        chargeId: 'ch_1',
        amountMinor: 2_000n,
        requestId: null,
      });
    },
    readCharges: never,
    find: never,
    findPayer: never,
  };
  const tools: AttemptTools = {
    ledger: world.ledger,
    payments,
    readDecline: () => FUNDS,
    clock: { now: () => new Date(nowMs) },
    policy: RECOVERY_POLICY,
    keySpace: 'recoup/test',
    signal: new AbortController().signal,
  };
  const { event } = await chargeOnce(tools, { ...ref, after: 0, plan: null, decision: {} });
  expect(sent).toEqual([]);
  expect(event.type).toBe('not_sent');
  expect(await world.list(ref)).toMatchObject([{ state: 'absent', settledBy: 'fence' }]);
});
