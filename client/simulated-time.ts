/**
 * The time of an account that lives by its simulated provider's clock: it passes in strides, whenever none of its recovery cases
 * is at work, and each case whose turn has come is told.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Kysely } from 'kysely';
import { isSelecting } from '../db/repositories/campaigns';
import { listWaiting, type WaitingCase } from '../db/repositories/cases';
import type { Database } from '../db/schema';
import { countOf } from '../domain/words';
import { failed } from './errors';
import type { Simulator } from './simulator';
import type { Temporal } from './temporal';

/** All that falls due in so long is told together: a try may come later than planned, never before. */
const STRIDE_MS = 12 * 3_600_000;
const POLL_MS = 100;
const TOLD_TOGETHER = 20;
/** Who has been due for so long without getting on is told again. */
const TELL_AGAIN_MS = 5_000;
/** So long nothing may move: longer than any step. */
const STALL_LIMIT_MS = 120_000;

/** A case that is due: where it stood when it was first seen so, and when it was told last. */
interface Due {
  readonly transitions: number;
  readonly toldAtMs: number;
}

export class SimulatedTime {
  private due = new Map<string, Due>();
  private movedAtMs = performance.now();

  constructor(
    private readonly of: {
      readonly db: Kysely<Database>;
      readonly temporal: Temporal;
      readonly simulator: Simulator;
      readonly accountId: string;
    },
  ) {}

  /**
   * Until no case will do anything by itself any more, and the windows of those held out are over. Errors: exit code 1 when cases
   * are at work and do not get on.
   */
  async pass(): Promise<void> {
    while (await this.goOn()) await sleep(POLL_MS);
  }

  /** False when nothing is left to wait for. */
  private async goOn(): Promise<boolean> {
    const { db, simulator, accountId } = this.of;
    const now = await simulator.now();
    const cases = await listWaiting(db, accountId);
    const isAhead = ({ until }: WaitingCase) => until !== null && until > now;
    const due = cases.filter((each) => !each.heldOut && !isAhead(each));
    if (due.length > 0 || (await isSelecting(db, accountId))) {
      await this.tell(due, now);
      return true;
    }
    const ahead = cases.flatMap(({ until }) => (until !== null && until > now ? [until] : []));
    if (ahead.length === 0) return false;
    const nextMs = Math.min(...ahead.map((until) => until.getTime()));
    await simulator.moveClock(new Date(Math.ceil(nextMs / STRIDE_MS) * STRIDE_MS));
    this.due.clear();
    this.movedAtMs = performance.now();
    return true;
  }

  private async tell(due: readonly WaitingCase[], now: Date): Promise<void> {
    const { temporal, accountId } = this.of;
    const atMs = performance.now();
    const known = this.due;
    const stands = ({ invoiceId, transitions }: WaitingCase): Due | null => {
      const before = known.get(invoiceId);
      return before?.transitions === transitions ? before : null;
    };
    if (due.length !== known.size || !due.every(stands)) this.movedAtMs = atMs;
    this.due = new Map(
      due.map((each) => [
        each.invoiceId,
        stands(each) ?? { transitions: each.transitions, toldAtMs: -Infinity },
      ]),
    );
    if (atMs - this.movedAtMs > STALL_LIMIT_MS) {
      throw failed(
        `${countOf(due.length, 'case')} of ${accountId} should get on and do not, ${due[0]?.invoiceId ?? 'none opened yet'} among them`,
        'Look at the worker’s log, and with `recoup recoveries explain`.',
      );
    }
    const late = [...this.due].filter(([, { toldAtMs }]) => atMs - toldAtMs > TELL_AGAIN_MS);
    for (let at = 0; at < late.length; at += TOLD_TOGETHER) {
      await Promise.all(
        late.slice(at, at + TOLD_TOGETHER).map(async ([invoiceId, { transitions }]) => {
          await temporal.tickCase({ accountId, invoiceId }, now.getTime());
          this.due.set(invoiceId, { transitions, toldAtMs: atMs });
        }),
      );
    }
  }
}
