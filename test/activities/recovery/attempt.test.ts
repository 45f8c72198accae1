/** The one request of an attempt and its lookup, with what neither may know. */
import { chargeOnce, lookUp, type AttemptTools } from '../../../activities/recovery/attempt';
import { RECOVERY_POLICY } from '../../../domain/recovery/policy';
import type { PaymentFinding, Payments } from '../../../providers/provider';
import { FUNDS, NOW, sightingOf } from '../../support/recovery';
import { memoryWorld } from './ledgers';

const never = (): Promise<never> => Promise.reject(new Error('Nobody asks for this.'));
const UNPLANNED = { plan: null, decision: {} };

/** A case whose ledger goes by this clock, and a service that does what it is told to. */
async function scene(does: (clock: { nowMs: number }) => Partial<Payments>) {
  const world = await memoryWorld();
  const ref = await world.open('in_1');
  const clock = { nowMs: NOW.getTime() };
  const { ledger } = world;
  const tools: AttemptTools = {
    ledger: {
      ...ledger,
      read: async (asked) => ({ ...(await ledger.read(asked)), now: new Date(clock.nowMs) }),
    },
    payments: {
      readInvoice: () => Promise.resolve(sightingOf()),
      pay: never,
      readCharges: never,
      find: never,
      findPayer: never,
      ...does(clock),
    },
    readDecline: () => FUNDS,
    clock: { now: () => new Date(clock.nowMs) },
    policy: RECOVERY_POLICY,
    keySpace: 'recoup/test',
    signal: new AbortController().signal,
  };
  return { world, ref, clock, tools };
}

it('sends nothing by a look at the invoice that is older than an attempt may be', async () => {
  const { world, ref, tools } = await scene((clock) => ({
    readInvoice: () => {
      const seen = sightingOf({ readAt: new Date(clock.nowMs) });
      // Its process freezes with the answer in hand, and the invoice is voided meanwhile.
      clock.nowMs += RECOVERY_POLICY.sendWithinMs;
      return Promise.resolve(seen);
    },
  }));
  const { event } = await chargeOnce(tools, { ...ref, after: 0, ...UNPLANNED });
  expect(event.type).toBe('not_sent');
  expect(await world.list(ref)).toMatchObject([{ state: 'absent', settledBy: 'fence' }]);
});

describe('an attempt of which nothing is found', () => {
  const absent: PaymentFinding = { kind: 'absent', readAt: NOW };

  it('is not held for absent by a look that began before its time was over', async () => {
    const { world, ref, clock, tools } = await scene((at) => ({
      find: () => {
        at.nowMs += 1;
        return Promise.resolve(absent);
      },
    }));
    await expect(chargeOnce(tools, { ...ref, after: 0, ...UNPLANNED })).rejects.toThrow();
    const [attempt] = await world.list(ref);
    clock.nowMs = (attempt?.absentAfter.getTime() ?? 0) - 1;
    expect((await lookUp(tools, { ...ref, number: 1 })).event.type).toBe('inconclusive');
    expect((await lookUp(tools, { ...ref, number: 1 })).event.type).toBe('absent');
  });

  it('is not absent when it was taken once', async () => {
    const { world, ref, clock, tools } = await scene(() => ({
      pay: () => Promise.resolve({ kind: 'pending', chargeId: 'ch_1', requestId: null }),
      find: () => Promise.resolve(absent),
    }));
    await chargeOnce(tools, { ...ref, after: 0, ...UNPLANNED });
    const [attempt] = await world.list(ref);
    clock.nowMs = attempt?.absentAfter.getTime() ?? 0;
    expect((await lookUp(tools, { ...ref, number: 1 })).event.type).toBe('pending');
    expect(await world.list(ref)).toMatchObject([{ state: 'pending', conflict: null }]);
  });
});
