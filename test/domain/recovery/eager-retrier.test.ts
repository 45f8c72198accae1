/**
 * Whoever asks as often as possible, and goes whenever allowed, stays under every ceiling. The rules stand here a second time,
 * in other words and counted by brute force over whole histories, so that a mistake in one place shows in the other.
 */
import { allowance } from '../../../domain/recovery/ceilings';
import type { Charge } from '../../../domain/recovery/charge';
import type { Decline } from '../../../domain/recovery/decline';
import { CEILINGS } from '../../../domain/recovery/network-rules';
import { DAY_MS, declinedBy, HOUR_MS, someCharge } from './make';

/** Everything follows from it; set RECOUP_TEST_SEED for the same run again. */
const SEED = Number(process.env['RECOUP_TEST_SEED'] ?? Date.now() % 1_000_000);
const CREDENTIALS = 400;
const DAYS = 90;
const POLLS = 2_500;
const TIMES_REACHED = 100;

/** mulberry32 */
function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const funds: Partial<Decline> = { class: 'funds', reason: 'insufficient_funds' };
const dead: Partial<Decline> = { class: 'hard', retryable: 'after_update' };
const revoked: Partial<Decline> = { class: 'hard', retryable: 'no' };

/** What an issuer may answer; `never` and `waitMs` are this test's own knowledge of the code. */
interface Answer {
  readonly decline: Decline;
  /** `until_paid`: a guess of ours, which a later payment disproves. */
  readonly never?: true | 'until_paid';
  readonly waitMs?: number;
}
const answer = (
  [vocabulary, code]: readonly [string, string],
  meaning: Partial<Decline> = {},
  rest: Omit<Answer, 'decline'> = {},
): Answer => ({ decline: declinedBy(vocabulary, code, meaning), ...rest });

const forEver = { never: true } as const;
const VISA_NEVER = ['04', '07', '12', '14', '15', '41', '43', '46', '57', 'R0', 'R1', 'R3'].map(
  (code) => answer(['visa', code], dead, forEver),
);
const MASTERCARD_NEVER = ['03', '21'].map((code) =>
  answer(['mastercard_mac', code], revoked, forEver),
);
const WAIT_HOURS = { 24: 1, 25: 24, 26: 48, 27: 96, 28: 144, 29: 192, 30: 240 };
const MASTERCARD_WAIT = Object.entries(WAIT_HOURS).map(([code, hours]) =>
  answer(['mastercard_mac', code], funds, { waitMs: hours * HOUR_MS }),
);
const GUESSED = [
  answer(['stripe', 'lost_card'], { ...dead, class: 'fraud' }, { never: 'until_paid' }),
  answer(['stripe', 'do_not_try_again'], revoked, { never: 'until_paid' }),
];
const SOFT = [
  answer(['stripe', 'generic_decline']),
  answer(['stripe', 'expired_card'], { class: 'account_updater', retryable: 'after_update' }),
];

type Window = { readonly most: number; readonly ms: number; readonly perAmount: boolean };

/** One sort of credential: who issued it, what its issuer answers, and the limits, as numbers. */
interface Kind {
  readonly network: string | null;
  readonly methodType: string;
  readonly country: string;
  readonly soft: readonly Answer[];
  readonly hard: readonly Answer[];
  readonly windows: Readonly<Record<string, Window>>;
  readonly deadline?: readonly [rule: string, days: number];
}

const card = (network: string | null, rest: Partial<Kind>): Kind => ({
  network,
  methodType: 'card',
  country: 'DE',
  soft: SOFT,
  hard: GUESSED,
  windows: {},
  ...rest,
});
const days = (most: number, count: number, perAmount: boolean): Window => ({
  most,
  ms: count * DAY_MS,
  perAmount,
});
const VISA = card('visa', {
  soft: [
    ...SOFT,
    answer(['visa', '05']),
    answer(['visa', '51'], funds),
    answer(['visa', '62'], dead),
  ],
  hard: [...GUESSED, ...VISA_NEVER],
  windows: { 'visa-30-days': days(20, 30, true), 'visa-30-days-until-2025': days(15, 30, true) },
});
const MASTERCARD = card('mastercard', {
  soft: [...SOFT, answer(['mastercard', '51'], funds), answer(['mastercard_mac', '02'])],
  hard: [...GUESSED, ...MASTERCARD_NEVER, ...MASTERCARD_WAIT, ...MASTERCARD_WAIT],
  windows: { 'mastercard-24-hours': days(10, 1, false), 'mastercard-30-days': days(35, 30, true) },
});
const BRAZILIAN = card('mastercard', {
  ...MASTERCARD,
  country: 'BR',
  windows: { ...MASTERCARD.windows, 'mastercard-brazil-24-hours': days(7, 1, false) },
});
const ELO = card('elo', {
  country: 'BR',
  windows: { 'card-24-hours': days(10, 1, false), 'elo-30-days': days(15, 30, true) },
});
const UNKNOWN = card(null, {
  windows: { 'card-24-hours': days(10, 1, false), 'card-30-days': days(20, 30, false) },
});

const debit = (
  [methodType, scheme]: readonly [string, string],
  codes: { good: readonly string[]; bad: readonly string[] },
  rest: Partial<Kind> = {},
): Kind => ({
  network: null,
  methodType,
  country: 'FR',
  soft: [
    ...codes.good.map((code) => answer([scheme, code], funds)),
    answer(['stripe', 'insufficient_funds'], funds),
  ],
  hard: [
    ...codes.bad.map((code) => answer([scheme, code], dead, forEver)),
    answer(['stripe', 'account_closed'], dead, forEver),
  ],
  windows: { [`${scheme}-42-days`]: days(3, 42, false) },
  ...rest,
});

const KINDS: readonly Kind[] = [
  VISA,
  MASTERCARD,
  BRAZILIAN,
  ELO,
  UNKNOWN,
  debit(
    ['us_bank_account', 'ach'],
    { good: ['R01', 'R09'], bad: ['R02', 'R07', 'R10', 'R29'] },
    {
      windows: { 'ach-180-days': days(3, 180, true) },
      deadline: ['ach-deadline', 180],
    },
  ),
  debit(['sepa_debit', 'sepa'], { good: ['AM04'], bad: ['AC04', 'MD07', 'MS03'] }),
  debit(
    ['bacs_debit', 'bacs'],
    { good: ['0'], bad: ['1', '2', 'B'] },
    {
      deadline: ['bacs-deadline', 28],
    },
  ),
  debit(['au_becs_debit', 'becs'], { good: ['6'], bad: ['2', '9'] }),
  debit(['nz_bank_account', 'becs_nz'], { good: ['AM04'], bad: ['AC04'] }),
  debit(['acss_debit', 'pad'], { good: ['901'], bad: ['902'] }),
  debit(['autogiro', 'autogiro'], { good: ['TK82-1'], bad: ['TK82-2'] }),
];

/** A charge and what only this test knows of it. */
interface Made {
  charge: Charge;
  readonly answer: Answer | null;
  /** Null: somebody else made it, without asking. */
  readonly payment: Owed | null;
}
interface Owed {
  readonly amountMinor: bigint;
  readonly firstFailedAtMs: number;
  askAtMs: number;
}

/** The last day of the limit of 15. */
const VISA_CHANGED_MS = Date.parse('2025-05-25T00:00:00Z');

class Credential {
  readonly made: Made[] = [];
  readonly charges: Charge[] = [];
  readonly refusals = new Map<string, number>();
  requests = 0;
  private readonly startMs: number;
  private readonly owed: readonly Owed[];
  private readonly rates: { success: number; hard: number; unclear: number };

  constructor(
    readonly kind: Kind,
    private readonly random: () => number,
    { year, strict }: { year: 2025 | 2026; strict: boolean },
  ) {
    this.startMs = Date.parse(`${year}-03-0${1 + this.below(9)}T00:00:00Z`) + this.below(DAY_MS);
    const age = kind.deadline ? kind.deadline[1] : 1;
    this.owed = Array.from({ length: kind.deadline ? 8 : 3 }, (_, index) => ({
      amountMinor: BigInt(1_000 + index),
      firstFailedAtMs: this.startMs + (index * DAYS * DAY_MS) / 8 - this.below(age) * DAY_MS,
      askAtMs: this.startMs + index * DAY_MS,
    }));
    // Most issuers never answer for good, so that limits are what stops the retrier.
    this.rates = strict
      ? { success: 0.02, hard: 0.15, unclear: 0.05 }
      : { success: 0, hard: 0, unclear: 0.05 };
  }

  private below(end: number): number {
    return Math.floor(this.random() * end);
  }
  private pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }

  run(): void {
    const endMs = this.startMs + DAYS * DAY_MS;
    const pauseMs = Math.floor((DAYS * DAY_MS) / POLLS);
    for (let nowMs = this.startMs; nowMs < endMs; nowMs += pauseMs) {
      for (const owed of this.owed) {
        // At the very instant that the last refusal named, and again at once while that is allowed.
        while (owed.askAtMs <= nowMs) this.ask(owed, owed.askAtMs);
      }
      this.ask(this.pick(this.owed), nowMs);
      if (this.random() < 0.0005) this.charge(nowMs, null);
      this.settle();
    }
  }

  private ask(owed: Owed, nowMs: number): void {
    this.requests += 1;
    const { network, methodType, country } = this.kind;
    const allowed = allowance({
      charges: this.charges,
      amountMinor: owed.amountMinor,
      currency: 'eur',
      network,
      methodType,
      country,
      firstFailedAtMs: owed.firstFailedAtMs,
      nowMs,
    });
    if (allowed.kind === 'now') {
      this.charge(nowMs, owed);
      owed.askAtMs = nowMs + 1;
      return;
    }
    this.refusals.set(allowed.rule, (this.refusals.get(allowed.rule) ?? 0) + 1);
    owed.askAtMs = allowed.kind === 'never' ? Infinity : allowed.atMs;
  }

  private charge(atMs: number, payment: Owed | null): void {
    const { success, hard, unclear } = this.rates;
    const roll = this.random();
    const answered = this.random() < hard ? this.pick(this.kind.hard) : this.pick(this.kind.soft);
    const status =
      roll < success
        ? 'succeeded'
        : roll < success + unclear
          ? this.pick(['pending', 'open'] as const)
          : 'failed';
    const declined = status === 'failed' ? answered : null;
    const charge = someCharge({
      atMs,
      network: this.kind.network,
      country: this.kind.country,
      amountMinor: payment?.amountMinor ?? this.pick(this.owed).amountMinor,
      status,
      decline: declined?.decline ?? null,
    });
    this.made.push({ charge, answer: declined, payment });
    this.charges.push(charge);
  }

  /** What was pending may succeed, or fail without a code. */
  private settle(): void {
    const index = this.charges.length - 1 - this.below(5);
    const charge = this.charges[index];
    if (charge?.status !== 'pending' || this.random() > 0.1) return;
    const settled = { ...charge, status: this.pick(['succeeded', 'failed'] as const) };
    this.charges[index] = settled;
    (this.made[index] as Made).charge = settled;
  }
}

/** Whether a limit holds on the day of a charge. */
const inForce = (rule: string, atMs: number): boolean =>
  (rule !== 'visa-30-days-until-2025' || atMs < VISA_CHANGED_MS) &&
  (rule !== 'visa-30-days' || atMs >= VISA_CHANGED_MS);

/** Goes through a finished history and throws at the first breach; the names of the ceilings that were filled, once per time. */
function check(made: readonly Made[], kind: Kind): string[] {
  const filled: string[] = [];
  /** Charges by rule, reading and calendar window. */
  const buckets = new Map<string, number>();
  let barred: string | null = null;
  let barredUntilPaid: string | null = null;
  let waitUntilMs = -Infinity;
  made.forEach(({ charge, payment, answer: said }, at) => {
    const { atMs, amountMinor, status } = charge;
    const breach = (rule: string): never => {
      throw new Error(`${rule} does not allow ${charge.id} of ${charge.network} (seed ${SEED})`);
    };
    if (payment) {
      const dead = barred ?? barredUntilPaid;
      if (dead) breach(`The code ${dead}`);
      if (atMs < waitUntilMs) breach('An advice');
      const [rule, count] = kind.deadline ?? ['', Infinity];
      if (atMs > payment.firstFailedAtMs + count * DAY_MS) breach(rule);
    }
    for (const [rule, { most, ms, perAmount }] of Object.entries(kind.windows)) {
      if (payment && inForce(rule, atMs)) {
        let rolling = 0;
        for (let before = at - 1; before >= 0; before -= 1) {
          const other = (made[before] as Made).charge;
          // The longest reading: a day or month in which clocks are put back.
          if (other.atMs <= atMs - ms - HOUR_MS) break;
          if (other.status === 'succeeded') continue;
          if (!perAmount || other.amountMinor === amountMinor) rolling += 1;
        }
        if (rolling >= most) breach(rule);
        if (rolling === most - 1) filled.push(rule);
      }
      // Calendar days, and windows that begin on any of four days, in three zones; one with a day of 25 hours.
      for (const phase of [0, 1, 2, 3]) {
        for (const [hours, longerMs] of [
          [-5, 0],
          [0, 0],
          [9, 0],
          [-5, HOUR_MS],
        ] as const) {
          const window = Math.floor((atMs + hours * HOUR_MS - (phase * ms) / 4) / (ms + longerMs));
          const key = [rule, phase, hours, longerMs, window, perAmount && amountMinor].join();
          const counted = buckets.get(key) ?? 0;
          if (payment && inForce(rule, atMs) && counted >= most) breach(`${rule} by the calendar`);
          if (status !== 'succeeded') buckets.set(key, counted + 1);
        }
      }
    }
    if (status === 'succeeded') barredUntilPaid = null;
    if (said?.never === true) barred = JSON.stringify(charge.decline?.by);
    if (said?.never === 'until_paid') barredUntilPaid = JSON.stringify(charge.decline?.by);
    if (said?.waitMs !== undefined) waitUntilMs = Math.max(waitUntilMs, atMs + said.waitMs);
  });
  return filled;
}

it(`an eager retrier stays under every ceiling and reaches each (seed ${SEED})`, () => {
  const reached = new Map<string, number>(CEILINGS.map(({ id }) => [id, 0]));
  const count = (rule: string, times: number) =>
    reached.set(rule, (reached.get(rule) ?? 0) + times);
  let requests = 0;
  for (let index = 0; index < CREDENTIALS; index += 1) {
    const kind = KINDS[index % KINDS.length] as Kind;
    const round = Math.floor(index / KINDS.length);
    const credential = new Credential(kind, randomOf(SEED * CREDENTIALS + index), {
      year: round % 2 === 0 ? 2025 : 2026,
      strict: round % 5 === 4,
    });
    credential.run();
    requests += credential.requests;
    for (const rule of check(credential.made, kind)) count(rule, 1);
    // Of a rule without a number, how often it refused is all there is to count.
    for (const [rule, times] of credential.refusals) {
      if (!(rule in kind.windows)) count(rule, times);
    }
  }
  expect(requests).toBeGreaterThanOrEqual(1_000_000);
  expect([...reached].filter(([, times]) => times < TIMES_REACHED)).toEqual([]);
});
