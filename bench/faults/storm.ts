/**
 * A few cases in a bad month: one simulated account whose customers, bank, provider and network do what they can to have
 * somebody charged twice, while the runners of the cases are killed, frozen, woken, and set back. Everything follows from the seed.
 */
import { countEach, isOpen, type Attempt } from '../../domain/recovery/attempt';
import type { CaseEvent } from '../../domain/recovery/decide';
import type { Decline, DeclineCodes } from '../../domain/recovery/decline';
import { RULE_EDITION } from '../../domain/recovery/network-rules';
import {
  checkCase,
  plannedFor,
  planCase,
  standingInLedger,
  standingOfAccount,
  type Observed,
} from '../../domain/recovery/look';
import type { CaseMemory } from '../../domain/recovery/memory';
import { RECOVERY_POLICY } from '../../domain/recovery/policy';
import type { CaseDesired, CaseFacts, CaseRecord } from '../../domain/recovery/record';
import { standingOf, type PlannedFor } from '../../domain/recovery/sighting';
import { isTerminal, type CaseState } from '../../domain/recovery/states';
import type { CaseStepName } from '../../domain/recovery/work';
import { chargeOnce, lookUp, whoPaid, type AttemptTools } from '../../activities/recovery/attempt';
import { judge } from '../../simulator/oracle/charges';
import { applyChangeAround, type ChangeKind } from '../../simulator/world/changes';
import { generateFailures } from '../../simulator/world/failures';
import type { Charge } from '../../simulator/world/model';
import { Random } from '../../simulator/world/random';
import type { World } from '../../simulator/world/world';
import { breachesOf, type Tried } from './ceilings';
import { CaseRunner, type CaseHost, type StepAnswer } from './case-runner';
import { createMemoryLedger, type MemoryLedger } from './memory-ledger';
import { createMemoryPayments, FOUL, type MemoryPayments } from './memory-payments';
import { VirtualTime } from './virtual-time';

const ACCOUNT = 'acct_storm';
const DAY_MS = 86_400_000;
const WINDOW_MS = 28 * DAY_MS;
const MAX_ATTEMPTS = 8;
const START_MS = Date.parse('2026-03-02T09:00:00Z');
/** A stop in the seconds between the last look and the request cannot be known: so long is forgiven, and no longer. */
const GRACE_SECONDS = 30;
/** Nobody gives a read up. */
const NEVER = new AbortController().signal;

export interface StormOptions {
  readonly seed: number;
  readonly shard: number;
  readonly cases: number;
  readonly readDecline: (codes: DeclineCodes) => Decline;
  /** Told every line of every story, for a shard that is looked at by itself. */
  readonly tell?: (line: string) => void;
}

export interface StormResult {
  readonly cases: number;
  readonly attempts: number;
  readonly doubleCharges: readonly string[];
  readonly forbiddenCharges: readonly string[];
  readonly unresolved: readonly string[];
  readonly needsHuman: number;
  readonly recovered: number;
  readonly kills: number;
  readonly faultsInjected: number;
  readonly ceilingBreaches: readonly string[];
  /** Attempts of which the ledger says something else than the service. */
  readonly wrongOutcomes: readonly string[];
}

export async function runStorm(options: StormOptions): Promise<StormResult> {
  const { seed, shard, cases, readDecline, tell } = options;
  const random = new Random(`storm/${String(seed)}/${String(shard)}`);
  const time = new VirtualTime(START_MS);
  // Without the guard of Stripe a service charges what is paid already: then only the protocol stands between us and that.
  const guard = random.chance(0.5);
  const world = generateFailures({
    seed: random.integer(1, 2 ** 31),
    invoices: cases,
    asOf: START_MS / 1000,
    settings: {
      guard,
      events: false,
      retries: random.pick(['on', 'off', 'scheduled_never_executed'] as const),
    },
    debitShare: 0.1,
  });
  const payments = createMemoryPayments({ world, time, random, weather: FOUL, readDecline });
  const campaign = {
    desired: 'run' as 'run' | 'pause' | 'stop',
    maxAttempts: MAX_ATTEMPTS,
    budgetAttempts: null,
    attemptsMade: 0,
  };
  const account = new PausedAccount(time, new Random(`account/${String(seed)}/${String(shard)}`));
  const rows = new Map<string, Row>();
  const ledger = createMemoryLedger({
    now: time.now,
    listCharges: (_account, credential) => payments.listCharges(credential),
    readCase: ({ invoice }) => {
      const row = rows.get(invoice);
      if (row === undefined) return undefined;
      const { state, desired } = row;
      const windowEndsAt = new Date(START_MS + WINDOW_MS);
      return { account, case: { state, desired, windowEndsAt }, campaign };
    },
  });
  const invoices = world.invoices.all.filter(({ status }) => status === 'open');
  const storms = invoices.map(({ id }) => {
    const row = new Row(id, time, ledger, tell);
    rows.set(id, row);
    return new CaseStorm(row, {
      world,
      time,
      account,
      random: random.split(id),
      ledger,
      payments,
      readDecline,
      guard,
    });
  });
  for (const storm of storms) storm.begin();
  account.onResume(() => storms.forEach((storm) => storm.hear()));
  await time.run();

  const attempts = storms.flatMap(({ row }) => ledger.list({ account: ACCOUNT, invoice: row.id }));
  const verdict = judge(world, { graceSeconds: GRACE_SECONDS });
  const canceledTooLate = storms.flatMap((storm) => storm.afterCancel());
  return {
    cases: storms.length,
    attempts: attempts.length,
    // A customer who pays in the same seconds is beyond anybody without the guard: nobody does there.
    doubleCharges: verdict.doubleCharges
      .filter(({ invoice }) => attempts.some((attempt) => attempt.invoice === invoice))
      .map(({ invoice }) => invoice),
    forbiddenCharges: [
      ...verdict.forbiddenCharges.map(({ invoice, after }) => `${invoice} (${after.kind})`),
      ...canceledTooLate,
      ...attempts
        .filter((attempt) => account.forbade(attempt))
        .map(({ invoice, number }) => `${invoice}/${String(number)} (the account was paused)`),
    ],
    unresolved: attempts
      .filter(({ state, invoice }) => isOpen(state) && rows.get(invoice)?.state !== 'needs_human')
      .map(({ invoice, number, state }) => `${invoice}/${String(number)} ${state}`),
    needsHuman: storms.filter(({ row }) => row.state === 'needs_human').length,
    recovered: storms.filter(({ row }) => row.state === 'recovered_by_us').length,
    kills: storms.reduce((sum, { kills }) => sum + kills, 0),
    faultsInjected: payments.faults() + storms.reduce((sum, { strokes }) => sum + strokes, 0),
    ceilingBreaches: breachesOf(triedIn(world, attempts)),
    wrongOutcomes: wrongOutcomesOf(world, attempts),
  };
}

function triedIn(world: World, attempts: readonly Attempt[]): Tried[] {
  const intended = new Map(
    attempts.map(({ idempotencyKey, intendedAt }) => [idempotencyKey, intendedAt.getTime()]),
  );
  return world.charges.all.map((charge) => {
    const { id, created, amountMinor, status, decline } = charge;
    const method = world.paymentMethods.get(charge.paymentMethod);
    const origin = world.origins.get(id);
    const key = origin?.by === 'api' ? (origin.request.idempotencyKey ?? '') : null;
    return {
      id,
      atMs: created * 1000,
      credential: method.fingerprint,
      network: method.debit ?? method.brand,
      amountMinor: String(amountMinor),
      hasFailed: status === 'failed',
      networkDeclineCode: decline?.networkDeclineCode ?? null,
      networkAdviceCode: decline?.networkAdviceCode ?? null,
      // One that our ledger does not know is held against what was before it.
      intendedAtMs: key === null ? null : (intended.get(key) ?? created * 1000),
    };
  });
}

function wrongOutcomesOf(world: World, attempts: readonly Attempt[]): string[] {
  const made = new Map<string, Charge>();
  for (const charge of world.charges.all) {
    const origin = world.origins.get(charge.id);
    if (origin?.by === 'api') made.set(origin.request.idempotencyKey ?? '', charge);
  }
  return attempts
    .filter(({ state, idempotencyKey }) => {
      const happened = made.get(idempotencyKey)?.status;
      if (isOpen(state)) return false;
      return state === 'absent' ? happened !== undefined : happened !== HAPPENED[state];
    })
    .map(({ invoice, number, state, idempotencyKey }) => {
      const happened = made.get(idempotencyKey)?.status ?? 'nothing';
      return `${invoice}/${String(number)} is ${state}, and ${happened} happened`;
    });
}

const HAPPENED = { succeeded: 'succeeded', declined: 'failed', returned: 'failed' } as const;

/** The account of all cases: in some shards somebody pauses it for a while. */
class PausedAccount {
  desired: 'run' | 'pause' = 'run';
  private readonly fromMs: number;
  private readonly toMs: number;

  constructor(
    private readonly time: VirtualTime,
    random: Random,
  ) {
    this.fromMs = START_MS + random.integer(0, WINDOW_MS);
    this.toMs = this.fromMs + (random.chance(0.5) ? random.integer(0, 7 * DAY_MS) : 0);
    time.at(this.fromMs, () => {
      this.desired = this.toMs > this.fromMs ? 'pause' : 'run';
    });
  }

  onResume(tell: () => void): void {
    this.time.at(this.toMs, () => {
      this.desired = 'run';
      tell();
    });
  }

  /** Whoever has read the invoice before the end of the pause may claim after it, as long as it may be sent. */
  forbade({ state, settledBy, intendedAt }: Attempt): boolean {
    if (state === 'absent' || settledBy === 'fence') return false;
    const atMs = intendedAt.getTime();
    return atMs > this.fromMs && atMs < this.toMs - RECOVERY_POLICY.sendWithinMs;
  }
}

/** What Postgres would have of one case. */
class Row {
  state: CaseState = 'planning';
  desired: CaseDesired = 'run';
  /** When cancel was written, if it was. */
  canceledAtMs: number | null = null;
  private because = 'It was opened.';
  private attention = false;
  private transitions = 0;
  private nextActionAtMs: number | null = null;
  private recovery: CaseRecord['recovery'] = null;

  constructor(
    readonly id: string,
    private readonly time: VirtualTime,
    private readonly ledger: MemoryLedger,
    private readonly tell: ((line: string) => void) | undefined,
  ) {}

  facts(): CaseFacts {
    const attempts = this.ledger.list({ account: ACCOUNT, invoice: this.id });
    const open = attempts.find(({ state }) => isOpen(state));
    return {
      account: ACCOUNT,
      invoice: this.id,
      campaign: 'camp_1',
      provider: 'storm',
      clock: 'real',
      state: this.state,
      because: this.because,
      attention: this.attention,
      transitions: this.transitions,
      attempts: attempts.at(-1)?.number ?? 0,
      openAttempt:
        open === undefined
          ? null
          : { number: open.number, state: open.state as 'intended' | 'unknown' | 'pending' },
      nextActionAtMs: this.nextActionAtMs,
      windowEndsAtMs: START_MS + WINDOW_MS,
      amountMinor: '0',
      currency: 'usd',
      desired: this.desired,
      recovery: this.recovery,
      nowMs: this.time.nowMs,
    };
  }

  store(record: CaseRecord): void {
    const fresh = record.transitions.filter(({ sequence }) => sequence > this.transitions);
    const newest = fresh.at(-1);
    if (newest === undefined) return;
    for (const { atMs, from, event, to, because } of fresh) {
      this.tell?.(
        `${this.id} ${new Date(atMs).toISOString()} ${from} -> ${to} (${event}) ${because}`,
      );
    }
    this.transitions = newest.sequence;
    this.state = record.state;
    this.because = record.because;
    this.attention = record.attention;
    this.nextActionAtMs = record.nextActionAtMs;
    this.recovery = record.recovery;
  }

  want(desired: CaseDesired): void {
    if (desired === 'cancel') this.canceledAtMs ??= this.time.nowMs;
    if (this.desired !== 'cancel') this.desired = desired;
  }
}

interface Surroundings {
  readonly world: World;
  readonly account: PausedAccount;
  readonly time: VirtualTime;
  readonly random: Random;
  readonly ledger: MemoryLedger;
  readonly payments: MemoryPayments;
  readonly readDecline: (codes: DeclineCodes) => Decline;
  readonly guard: boolean;
}

/** What people and the provider do; without the guard nobody else pays, so that whatever is charged twice is ours. */
const CHANGES: readonly ChangeKind[] = [
  'voidInvoice',
  'replaceCard',
  'markUncollectible',
  'cancelSubscription',
];
const PAYING_CHANGES: readonly ChangeKind[] = ['payInvoice', 'payPart', 'providerRetry'];
const AFTERWARDS: readonly ChangeKind[] = ['disputeCharge', 'refundCharge', 'takeBackCharge'];
const NEWS_DELAY_MS = 3 * 3_600_000;

class CaseStorm {
  kills = 0;
  strokes = 0;
  private runner: CaseRunner | null = null;
  /** Steps that a dead process had begun never go on; those of a frozen one do. */
  private process = { dead: false };
  private snapshot: CaseMemory | null = null;
  private plan: PlannedFor | null = null;

  constructor(
    readonly row: Row,
    private readonly around: Surroundings,
  ) {}

  begin(): void {
    const { time, random, guard } = this.around;
    time.at(START_MS + random.integer(0, 3_600_000), () => this.start());
    const kinds = guard ? [...CHANGES, ...PAYING_CHANGES, ...AFTERWARDS] : CHANGES;
    const soon = (): number => START_MS + random.integer(0, WINDOW_MS);
    if (random.chance(0.4)) this.at(soon(), () => this.change(random.pick(kinds)));
    if (random.chance(0.3)) this.at(soon(), () => this.wish(random.pick(['pause', 'cancel'])));
    if (random.chance(0.3)) this.at(soon(), () => this.wish('resume'));
    if (random.chance(0.2)) this.at(soon(), () => this.wish('attempt_now'));
    for (let kill = 0; kill < 3; kill += 1) {
      if (random.chance(0.3)) this.at(soon(), () => this.kill());
    }
    // People pay, cards change and runners die when it hurts most: while something is on its way.
    this.lurk(kinds);
  }

  /** Attempts that were begun although the case had been canceled before. */
  afterCancel(): string[] {
    const { canceledAtMs, id } = this.row;
    if (canceledAtMs === null) return [];
    return this.around.ledger
      .list({ account: ACCOUNT, invoice: id })
      .filter(({ state, intendedAt, settledBy }) => {
        return state !== 'absent' && settledBy !== 'fence' && intendedAt.getTime() > canceledAtMs;
      })
      .map(({ number }) => `${id}/${String(number)} (canceled before)`);
  }

  hear(): void {
    this.runner?.hear();
  }

  private at(atMs: number, happen: () => void): void {
    this.around.time.at(atMs, () => {
      this.strokes += 1;
      happen();
    });
  }

  private start(memory?: CaseMemory): void {
    if (isTerminal(this.row.state)) return;
    this.process = { dead: false };
    const { time } = this.around;
    this.runner = new CaseRunner(this.host(this.process), time, RECOVERY_POLICY, memory);
    void this.runner.live();
  }

  /** The process dies or freezes; sooner or later another one takes the case up: from its rows, or where a reset has put it. */
  private kill(): void {
    const { runner, process } = this;
    const { time, random } = this.around;
    if (runner === null) return;
    this.kills += 1;
    process.dead = random.chance(0.6);
    const memory = random.chance(0.3) ? (this.snapshot ?? undefined) : undefined;
    runner.kill();
    time.at(time.nowMs + random.integer(0, 600_000), () => {
      if (this.runner === runner) this.start(memory);
    });
  }

  private change(kind: ChangeKind): void {
    const { world, time, random } = this.around;
    const at = Math.floor(time.nowMs / 1000);
    world.clock = Math.max(world.clock, at);
    const done = applyChangeAround(world, { kind, invoice: this.row.id }, { at, choices: random });
    if (done === undefined) return;
    // The news of it come late, twice, or never.
    for (let telling = random.integer(0, 2); telling > 0; telling -= 1) {
      time.at(time.nowMs + random.integer(0, NEWS_DELAY_MS), () => this.runner?.hear());
    }
  }

  private wish(type: 'pause' | 'resume' | 'cancel' | 'attempt_now'): void {
    this.runner?.happen({ type });
  }

  private lurk(kinds: readonly ChangeKind[]): void {
    const { random } = this.around;
    const strokes = [
      () => this.kill(),
      () => this.change(random.pick(kinds)),
      () => this.wish(random.pick(['cancel', 'pause', 'resume'])),
      () => undefined,
    ];
    this.lurking = random.chance(0.5) ? random.pick(strokes) : null;
  }

  /** Strikes once, while an attempt is between its claim and its outcome. */
  private lurking: (() => void) | null = null;

  private strike(): void {
    const { time, random } = this.around;
    const { lurking } = this;
    this.lurking = null;
    if (lurking !== null) this.at(time.nowMs + random.integer(0, 5_000), lurking);
  }

  private host(process: { readonly dead: boolean }): CaseHost {
    const { row } = this;
    return {
      readFacts: () => row.facts(),
      store: (record) => {
        row.store(record);
      },
      want: (desired) => {
        row.want(desired);
      },
      step: (name, memory) => {
        if (this.around.random.chance(0.2)) this.snapshot = memory;
        return this.step(name, memory, process);
      },
    };
  }

  private async step(
    name: CaseStepName,
    memory: CaseMemory,
    process: { readonly dead: boolean },
  ): Promise<StepAnswer> {
    const ref = { account: ACCOUNT, invoice: this.row.id };
    const tools = this.tools(process);
    switch (name) {
      case 'plan':
        return {
          event: await this.look(tools, (observed) => {
            this.plan = plannedFor(observed);
            return planCase(observed);
          }),
        };
      case 'check':
        return {
          event: await this.look(tools, (observed) => checkCase(memory.state, this.plan, observed)),
        };
      case 'charge': {
        const decision = { edition: RULE_EDITION };
        const after = memory.attempts;
        this.strike();
        return chargeOnce(tools, { ...ref, after, plan: this.plan, decision });
      }
      case 'lookup':
        return lookUp(tools, { ...ref, number: memory.open ?? memory.attempts });
    }
  }

  /** Whoever calls from a dead process never hears an answer; one that freezes goes on long after. */
  private tools(process: { readonly dead: boolean }): AttemptTools {
    const { ledger, payments, readDecline, time, random } = this.around;
    const alive = async <T>(call: () => Promise<T>): Promise<T> => {
      if (process.dead) return new Promise<T>(() => undefined);
      const answer = await call();
      if (random.chance(0.02)) await time.sleep(random.integer(1_000, 600_000));
      return process.dead ? new Promise<T>(() => undefined) : answer;
    };
    return {
      ledger: {
        claim: (request) => alive(() => ledger.claim(request)),
        settle: (ref, said) => alive(() => ledger.settle(ref, said)),
        read: (ref) => alive(() => ledger.read(ref)),
        fence: (ref, terms) => alive(() => ledger.fence(ref, terms)),
      },
      payments: {
        ...payments,
        readInvoice: (request) => alive(() => payments.readInvoice(request)),
        // What was sent goes its way, whoever dies meanwhile.
        pay: (request) => alive(() => payments.pay(request)),
        find: (search) => alive(() => payments.find(search)),
      },
      readDecline,
      clock: { now: time.now },
      policy: RECOVERY_POLICY,
      keySpace: 'recoup/storm',
      signal: NEVER,
    };
  }

  private async look(
    tools: AttemptTools,
    judge: (observed: Observed) => CaseEvent,
  ): Promise<CaseEvent> {
    const { ledger, payments, account } = this.around;
    const attempts = ledger.list({ account: ACCOUNT, invoice: this.row.id });
    const known = standingInLedger(attempts) ?? standingOfAccount(account, this.row);
    if (known !== null) return known;
    const { signal } = tools;
    const sighting = await tools.payments.readInvoice({ invoiceId: this.row.id, signal });
    const standing = standingOf(sighting);
    if (standing === 'paid') {
      const later = { type: 'step_failed', retryAfterMs: null } as const;
      return (await whoPaid(tools, sighting)) ?? later;
    }
    if (standing !== 'payable') return standing;
    if (sighting === null) throw new Error('What is not there cannot be payable.');
    const { credential } = sighting;
    const charges =
      credential === null
        ? []
        : countEach(
            payments.listCharges(credential),
            attempts.filter(({ credentialKey }) => credentialKey === credential.key),
          );
    return judge({
      sighting,
      attempts,
      charges,
      ofInvoice: charges,
      firstFailedAtMs: START_MS,
      limits: { maxAttempts: MAX_ATTEMPTS, windowEndsAtMs: START_MS + WINDOW_MS },
      customer: { country: credential?.country ?? null, timeZone: null, paidAtMs: [] },
      providerRetries: { wait: true, idle: 0, maxIdle: RECOVERY_POLICY.maxIdleProviderRetries },
      lookAgainMs: RECOVERY_POLICY.lookAgainMs,
      seed: this.row.id,
    });
  }
}
