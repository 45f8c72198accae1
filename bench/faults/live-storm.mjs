/** Everything that goes wrong meanwhile, one stroke after the other. Which ones, and whom they hit, follows from a seed. */
import { randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ROOT } from '../../dev/paths.mjs';
import { ACCOUNT, TASK_QUEUE } from '../live/stack.mjs';

const require = createRequire(import.meta.url);
const { caseNews, recoveryWorkflowId } = require(join(ROOT, 'dist', 'workflows', 'contract.js'));
const { temporal } = require('@temporalio/proto');

const { EVENT_TYPE_WORKFLOW_TASK_COMPLETED: TASK_COMPLETED } = temporal.api.enums.v1.EventType;
/** Of so many cases that are not over one is hit by a stroke: when few are left, they are not hit a hundred times as often. */
const CASES_PER_HIT = 20;
/** Between two strokes, at least and at most. */
const PAUSES_MS = [100, 800];
/** How long a worker is frozen: longer than an attempt may still be sent after its claim; the long ones outlive its heartbeat. */
const FREEZES_MS = [4_000, 20_000];
const UPDATE_LIMIT_MS = 20_000;
/** Longer than an attempt is on its way: nobody may have looked before a leap and pay after it. */
const CALM_MS = 6_000;
/** Longer than idempotency keys live. */
const KEY_EXPIRY_MS = 25 * 3_600_000;
const LAG_SECONDS = 3;

/** How often each comes in a deck; decks are shuffled, and drawn to their end. */
const DECK = {
  kill: 2,
  freeze: 2,
  reset: 3,
  terminate: 3,
  change: 6,
  newCard: 4,
  race: 5,
  faults: 5,
  steer: 4,
  news: 2,
  steerCampaign: 1,
  lag: 1,
  expireKeys: 1,
};
const ON_CASES = ['reset', 'terminate', 'change', 'newCard', 'race', 'faults', 'steer', 'news'];
const WIRE_FAULTS = [
  '409',
  '429',
  '500',
  '500-after-commit',
  'html-502',
  'truncate',
  'reset',
  'reset-after-commit',
  'hang',
  'hang-after-commit',
];
const READ_FAULTS = ['429', '500', 'html-200', 'truncate', 'reset'];
const STOPPING = ['voidInvoice', 'markUncollectible', 'cancelSubscription', 'replaceCard'];
const PAYING = ['payInvoice', 'payPart', 'providerRetry'];
const AFTER_PAYMENT = ['refundCharge', 'disputeCharge', 'takeBackCharge'];

export class Storm {
  kills = 0;
  changes = 0;
  strokes = 0;
  /** When a cancel of whose case was acknowledged, by this machine's clock. @type {Map<string, number>} */
  canceled = new Map();
  /** Settles when it is over. @type {Promise<void>} */
  #raging = Promise.resolve();
  #over = false;
  #othersPay = false;
  #deck = [];
  /** What goes on while the storm moves on; nobody's failure ends it. @type {Set<Promise<void>>} */
  #underWay = new Set();

  /** @param {{ stack: any, time: import('../live/time.mjs').LiveTime, pool: import('pg').Pool, client: import('@temporalio/client').Client,
   *   random: any, campaigns: readonly string[] }} options */
  constructor(options) {
    Object.assign(this, options);
  }

  /** Rages until it is stopped. Errors: of a worker that died by itself. */
  rage() {
    this.#raging = this.#rage();
    return this.#raging;
  }

  async stop() {
    this.#over = true;
    await this.#raging.catch(() => {});
    await Promise.all(this.#underWay);
  }

  async #rage() {
    while (!this.#over) {
      await sleep(this.random.integer(...PAUSES_MS));
      if (this.#deck.length === 0) this.#deck = this.#shuffled();
      const stroke = this.#deck.pop();
      await this.stack.requireWorkers();
      // One, when Postgres, which is restarted too, cannot say how many.
      const times = ON_CASES.includes(stroke) ? await this.#hits().catch(() => 1) : 1;
      for (let time = 0; time < times && !this.#over; time += 1) {
        await this[stroke]().catch(ignoreMisses);
      }
      this.strokes += 1;
    }
  }

  /**
   * Until then the service charges again what is paid already, and nobody but us does: whatever is charged twice is ours. From
   * then on customers pay by link and the service tries by itself, and it refuses what is paid.
   */
  async letOthersPay() {
    await this.stack.control('/_simulator/guards', { guard: true });
    await this.stack.control('/_simulator/retries', { mode: 'on' });
    this.#othersPay = true;
  }

  #kinds() {
    return this.#othersPay ? [...STOPPING, ...PAYING] : STOPPING;
  }

  /** Cases that a stroke hits, where it hits cases. */
  async #hits() {
    const { rows } = await this.pool.query(
      'select count(*)::int as open from recovery_case where account_id = $1 and ended_at is null and not held_out',
      [ACCOUNT],
    );
    return Math.ceil(rows[0].open / CASES_PER_HIT);
  }

  async kill() {
    const victim = this.random.pick(this.stack.workers);
    this.kills += 1;
    await this.stack.replaceWorker(victim);
  }

  async freeze() {
    const victim = this.random.pick(this.stack.workers);
    const { pid } = victim;
    this.kills += 1;
    victim.wasFrozen = true;
    process.kill(pid, 'SIGSTOP');
    this.#meanwhile(async () => {
      await sleep(this.random.integer(...FREEZES_MS));
      process.kill(pid, 'SIGCONT');
    });
  }

  /** As from the UI: history goes on from an earlier workflow task, also that of a case which has ended. */
  async reset() {
    const handle = await this.#handle({ ended: this.random.chance(0.3) });
    const { runId } = await handle.describe();
    const { events } = await handle.fetchHistory();
    const tasks = events.filter(({ eventType }) => eventType === TASK_COMPLETED);
    if (tasks.length === 0) return;
    await this.client.workflowService.resetWorkflowExecution({
      namespace: 'default',
      workflowExecution: { workflowId: handle.workflowId, runId },
      reason: 'The storm.',
      requestId: randomUUID(),
      workflowTaskFinishEventId: this.random.pick(tasks).eventId,
    });
    this.kills += 1;
  }

  /** Who is not taken up by news, as a sync has them, is taken up when it is due. */
  async terminate() {
    const handle = await this.#handle({});
    await handle.terminate('The storm.');
    this.kills += 1;
    if (this.random.chance(0.5)) await this.#tell(handle);
  }

  async news() {
    const handle = await this.#handle({ ended: this.random.chance(0.3) });
    for (let times = this.random.integer(1, 3); times > 0; times -= 1) await this.#tell(handle);
  }

  async change() {
    const afterPayment = this.random.chance(0.3);
    // Who is about to be charged has most to lose.
    const state = !afterPayment && this.random.chance(0.7) ? 'scheduled' : null;
    const { invoice, customer, subscription, charge } = await this.#pick({
      paid: afterPayment,
      state,
    });
    const kind = this.random.pick(afterPayment ? AFTER_PAYMENT : this.#kinds());
    const id =
      { replaceCard: customer, cancelSubscription: subscription }[kind] ??
      (afterPayment ? charge : invoice);
    await this.stack.control('/_simulator/change', { changes: [{ kind, id }] });
    this.changes += 1;
  }

  /** A customer who is waited for gives a card that works. */
  async newCard() {
    const { customer: id } = await this.#pick({ state: 'awaiting_customer' });
    await this.stack.control('/_simulator/change', { changes: [{ kind: 'replaceCard', id }] });
    this.changes += 1;
  }

  async race() {
    const kind = this.random.pick(['change-before', 'change-after']);
    const after = this.random.integer(0, 2);
    await this.#add({ kind, change: this.random.pick(this.#kinds()), after, times: 1 }, 'POST');
  }

  async faults() {
    const isRead = this.random.chance(0.3);
    const kind = this.random.pick(isRead ? READ_FAULTS : WIRE_FAULTS);
    const rule = { kind, after: this.random.integer(0, 3), times: this.random.integer(1, 2) };
    await this.#add(rule, isRead ? 'GET' : 'POST');
  }

  async steer() {
    const { invoice } = await this.#pick({});
    const handle = this.#workflow(invoice);
    const update = this.random.pick([
      'pause',
      'resume',
      'resume',
      'attemptNow',
      'attemptNow',
      'cancel',
    ]);
    this.#meanwhile(async () => {
      await this.client.withDeadline(Date.now() + UPDATE_LIMIT_MS, () =>
        handle.executeUpdate(update, { args: [{ reason: 'The storm.' }] }),
      );
      if (update === 'cancel') this.canceled.set(invoice, Date.now());
    });
  }

  async steerCampaign() {
    const handle = this.client.workflow.getHandle(`campaign/${this.random.pick(this.campaigns)}`);
    const reason = { args: [{ reason: 'The storm.' }] };
    this.#meanwhile(async () => {
      await this.client.withDeadline(Date.now() + UPDATE_LIMIT_MS, () =>
        handle.executeUpdate('pause', reason),
      );
      await sleep(this.random.integer(...PAUSES_MS));
      await this.client.withDeadline(Date.now() + UPDATE_LIMIT_MS, () =>
        handle.executeUpdate('resume', reason),
      );
    });
  }

  async lag() {
    const objectSeconds = this.random.integer(0, LAG_SECONDS);
    await this.stack.control('/_simulator/lag', { objectSeconds, eventSeconds: objectSeconds });
  }

  /** Whatever is under way then finds the key of its request forgotten. */
  async expireKeys() {
    await sleep(CALM_MS);
    const { now } = await this.stack.control('/_simulator/clock');
    await this.time.leap(new Date(now).getTime() + KEY_EXPIRY_MS);
  }

  async #add(rule, method) {
    const match = { method, path: '/v1/invoices/' };
    await this.stack.control('/_simulator/faults', { rules: [{ match, ...rule }] });
  }

  async #pick({ ended = false, paid = false, state = null }) {
    const { rows } = await this.pool.query(
      `select invoice_id as invoice, recovery_case.customer_id as customer, subscription_id as subscription,
         recovered_charge_id as charge, state in ('charging', 'unknown', 'pending_settlement') as "inFlight"
       from recovery_case join invoice using (account_id)
       where account_id = $1 and invoice.external_id = invoice_id and not held_out
         and ($4::text is null or state = $4)
         and (case when $3 then recovered_charge_id is not null else (ended_at is not null) = $2 end)
       order by invoice_id`,
      [ACCOUNT, ended, paid, state],
    );
    if (rows.length === 0) throw new Error('There is nobody whom it could hit now.');
    const inFlight = rows.filter((row) => row.inFlight);
    // It hurts most while something is on its way.
    return this.random.pick(inFlight.length > 0 && this.random.chance(0.5) ? inFlight : rows);
  }

  async #handle(of) {
    return this.#workflow((await this.#pick(of)).invoice);
  }

  #workflow(invoice) {
    const id = recoveryWorkflowId({ accountId: ACCOUNT, invoiceId: invoice });
    return this.client.workflow.getHandle(id);
  }

  /** As routing does after a sync. */
  async #tell({ workflowId }) {
    const invoice = workflowId.split('/').at(-1);
    await this.client.workflow.signalWithStart('paymentRetry', {
      workflowId,
      taskQueue: TASK_QUEUE,
      args: [{ account: ACCOUNT, invoice }],
      signal: caseNews,
      signalArgs: [{ what: 'paid_elsewhere' }],
    });
  }

  #meanwhile(work) {
    const promise = work()
      .catch(() => {})
      .finally(() => this.#underWay.delete(promise));
    this.#underWay.add(promise);
  }

  #shuffled() {
    const cards = Object.entries(DECK).flatMap(([stroke, times]) => Array(times).fill(stroke));
    for (let left = cards.length; left > 1; left -= 1) {
      const at = this.random.integer(0, left - 1);
      [cards[at], cards[left - 1]] = [cards[left - 1], cards[at]];
    }
    return cards;
  }
}

/** A stroke that meets nobody, or a server that is being restarted, has missed. */
const ignoreMisses = () => {};
