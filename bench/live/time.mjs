/**
 * Simulated time for cases: it passes in strides, while none of them is at work, and also where workers, workflows and servers die:
 * who does not get on is told again, by a signal that starts its workflow where none runs.
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { StackError } from '../../dev/children.mjs';
import { ROOT } from '../../dev/paths.mjs';
import { ACCOUNT, AS_OF, TASK_QUEUE } from './stack.mjs';

const require = createRequire(import.meta.url);
const { recoveryWorkflowId, tick } = require(join(ROOT, 'dist', 'workflows', 'contract.js'));

const DAY_MS = 86_400_000;
/** All that falls due in so long is told together: a try may come later than planned, never before. */
const STRIDE_MS = 6 * 3_600_000;
const POLL_MS = 200;
/** Who has been due for so long without getting on is told again. */
const TELL_AGAIN_MS = 4_000;
const TOLD_TOGETHER = 20;
/** So long nothing may move: longer than any step, and than a restart of the servers. */
const STALL_LIMIT_MS = 240_000;

const MOVING = `select invoice_id as invoice, state, transitions, next_action_at as "nextAt" from recovery_case
  where account_id = $1 and ended_at is null and not held_out and state <> 'needs_human'
    and ($2::text[] is null or invoice_id = any ($2)) order by invoice_id`;

export class LiveTime {
  /** Of each case that is due: since when it has stood where it stands, and when it was told of it last. */
  #due = new Map();
  #movedAtMs = performance.now();
  /** By the simulated clock. */
  passedMs = 0;
  leaps = 0;

  /** @param {{ stack: Awaited<ReturnType<import('./stack.mjs').startLiveStack>>, pool: import('pg').Pool,
   *   workflows: import('@temporalio/client').WorkflowClient, invoices?: readonly string[] }} options
   *   `invoices`: those for whose cases it passes; all when absent */
  constructor({ invoices = null, ...options }) {
    Object.assign(this, options, { invoices });
  }

  get passedDays() {
    return Math.floor(this.passedMs / DAY_MS);
  }

  /** One look. False when no case will do anything by itself any more. @param {{ mayLeap: boolean }} options */
  async pass({ mayLeap }) {
    const now = new Date((await this.stack.control('/_simulator/clock')).now);
    this.passedMs = now.getTime() - Date.parse(AS_OF);
    const { rows } = await this.pool.query(MOVING, [ACCOUNT, this.invoices]);
    if (rows.length === 0) return false;
    const due = rows.filter(({ nextAt }) => nextAt === null || nextAt <= now);
    if (due.length === 0 && mayLeap) {
      const next = Math.min(...rows.map(({ nextAt }) => nextAt.getTime()));
      await this.leap(Math.ceil(next / STRIDE_MS) * STRIDE_MS);
      return true;
    }
    if (due.length > 0) await this.#tell(due, now);
    await sleep(POLL_MS);
    return true;
  }

  /** The clock runs on from there, since what the service shows late has to appear some time. */
  async leap(toMs) {
    await this.stack.control('/_simulator/clock', { now: new Date(toMs).toISOString() });
    this.leaps += 1;
    this.#due.clear();
    this.#movedAtMs = performance.now();
  }

  async #tell(due, now) {
    const atMs = performance.now();
    const known = this.#due;
    // Those that left got on, too.
    if (due.length !== known.size) this.#movedAtMs = atMs;
    this.#due = new Map(
      due.map(({ invoice, transitions }) => {
        const before = known.get(invoice);
        const stands = before?.transitions === transitions;
        if (!stands) this.#movedAtMs = atMs;
        return [
          invoice,
          stands ? before : { transitions, toldAtMs: before?.toldAtMs ?? -Infinity },
        ];
      }),
    );
    if (atMs - this.#movedAtMs > STALL_LIMIT_MS) {
      const [{ invoice, state }] = due;
      throw new StackError(
        `${due.length} cases are at work and do not get on, ${invoice} (${state}) among them.`,
      );
    }
    const late = [...this.#due].filter(([, { toldAtMs }]) => atMs - toldAtMs > TELL_AGAIN_MS);
    for (let at = 0; at < late.length; at += TOLD_TOGETHER) {
      await Promise.all(
        late.slice(at, at + TOLD_TOGETHER).map(async ([invoice, seen]) => {
          await this.workflows.signalWithStart('paymentRetry', {
            workflowId: recoveryWorkflowId({ accountId: ACCOUNT, invoiceId: invoice }),
            taskQueue: TASK_QUEUE,
            args: [{ account: ACCOUNT, invoice }],
            signal: tick,
            signalArgs: [{ nowMs: now.getTime() }],
          });
          seen.toldAtMs = atMs;
        }),
      );
    }
  }
}
