import fc from 'fast-check';
import {
  allowance,
  ceilingsFor,
  RULE_EDITION,
  type Allowance,
  type AllowanceRequest,
} from '../../../domain/recovery/ceilings';
import type { Charge } from '../../../domain/recovery/charge';
import type { Decline } from '../../../domain/recovery/decline';
import { CEILINGS } from '../../../domain/recovery/network-rules';
import { DAY_MS, declinedBy, HOUR_MS, MINUTE_MS, someCharge, someDecline } from './make';

const NOW_MS = Date.parse('2026-11-20T12:00:00Z');

const ask = (fields: Partial<AllowanceRequest> = {}): Allowance =>
  allowance({
    charges: [],
    amountMinor: 1_900n,
    currency: 'eur',
    network: 'visa',
    country: 'DE',
    methodType: 'card',
    firstFailedAtMs: null,
    nowMs: NOW_MS,
    ...fields,
  });

/** So many charges, the last one at `lastMs`, with a pause between. */
const charged = (count: number, pauseMs: number, fields: Partial<Charge> = {}, lastMs = NOW_MS) =>
  Array.from({ length: count }, (_, index) =>
    someCharge({ atMs: lastMs - (count - 1 - index) * pauseMs, ...fields }),
  );

/** Which rule refuses, and from when on it does not; null when none does. */
const refusal = (allowed: Allowance) =>
  allowed.kind === 'now' ? null : [allowed.kind, allowed.rule].join(' ');

describe('a credential with nothing against it', () => {
  it('may be tried now, and the answer names the rules that were asked', () => {
    expect(ask()).toEqual({
      kind: 'now',
      rules: ['visa-never', 'visa-30-days', 'mastercard-never', 'mastercard-wait', 'card-never'],
    });
  });
});

describe('the rules', () => {
  it('each say where they are written, since when, and what in a sentence, under an id of their own', () => {
    expect(new Set(CEILINGS.map(({ id }) => id)).size).toBe(CEILINGS.length);
    for (const rule of CEILINGS) {
      expect(rule.document).not.toBe('');
      expect(Date.parse(rule.effectiveFrom)).not.toBeNaN();
      expect(rule.says).toMatch(/^[A-Z].*\.$/);
      // What was in force when a decision was made must be found by the edition stored with it.
      expect(rule.effectiveFrom <= RULE_EDITION).toBe(true);
    }
  });
});

describe('Visa', () => {
  const codes = ['04', '07', '12', '14', '15', '41', '43', '46', '57', 'R0', 'R1', 'R3'];

  it.each(codes)('forbids the credential for ever after %s of category 1', (code) => {
    const decline = declinedBy('visa', code, { class: 'hard', retryable: 'after_update' });
    const charges = [someCharge({ atMs: NOW_MS - 900 * DAY_MS, decline })];
    expect(ask({ charges })).toEqual({ kind: 'never', rule: 'visa-never', decline });
  });

  it('allows 20 tries of one amount in 30 days, and the next when the first is 30 days and an hour ago', () => {
    expect(refusal(ask({ charges: charged(19, HOUR_MS) }))).toBeNull();
    const charges = charged(20, HOUR_MS);
    const first = charges[0]?.atMs ?? 0;
    expect(ask({ charges })).toEqual({
      kind: 'not_before',
      atMs: first + 30 * DAY_MS + HOUR_MS,
      rule: 'visa-30-days',
    });
  });

  it('counts amounts and currencies apart', () => {
    expect(refusal(ask({ charges: charged(20, HOUR_MS), amountMinor: 1_901n }))).toBeNull();
    expect(refusal(ask({ charges: charged(20, HOUR_MS), currency: 'chf' }))).toBeNull();
  });

  it('allowed 15 until 25 May 2025', () => {
    const beforeMs = Date.parse('2025-05-24T23:59:59Z');
    const charges = charged(15, HOUR_MS, {}, beforeMs);
    expect(refusal(ask({ charges, nowMs: beforeMs }))).toBe('not_before visa-30-days-until-2025');
    expect(refusal(ask({ charges, nowMs: beforeMs + 1_000 }))).toBeNull();
  });

  it('does not count what succeeded, and counts what is pending or may have happened', () => {
    expect(refusal(ask({ charges: charged(30, HOUR_MS, { status: 'succeeded' }) }))).toBeNull();
    for (const status of ['pending', 'open'] as const) {
      expect(refusal(ask({ charges: charged(20, HOUR_MS, { status }) }))).toBe(
        'not_before visa-30-days',
      );
    }
  });
});

describe('Mastercard', () => {
  const mastercard = { network: 'mastercard' };

  it.each(['03', '21'])('forbids the credential for ever after advice %s', (code) => {
    const decline = declinedBy('mastercard_mac', code, { class: 'hard', retryable: 'no' });
    const charges = [someCharge({ atMs: NOW_MS - 31 * DAY_MS, decline })];
    expect(refusal(ask({ ...mastercard, charges }))).toBe('never mastercard-never');
  });

  it('allows 10 declines in 24 hours whatever the amount, and longer where a day has 25', () => {
    const charges = charged(10, MINUTE_MS, { amountMinor: 5n });
    expect(ask({ ...mastercard, charges })).toEqual({
      kind: 'not_before',
      atMs: NOW_MS - 9 * MINUTE_MS + 25 * HOUR_MS,
      rule: 'mastercard-24-hours',
    });
  });

  it('allows 35 declines of one amount in 30 days', () => {
    expect(refusal(ask({ ...mastercard, charges: charged(34, 10 * HOUR_MS) }))).toBeNull();
    const charges = charged(35, 10 * HOUR_MS);
    expect(refusal(ask({ ...mastercard, charges }))).toBe('not_before mastercard-30-days');
    expect(refusal(ask({ ...mastercard, charges, amountMinor: 7n }))).toBeNull();
  });

  it('allows 7 declines in 24 hours with a Brazilian card', () => {
    const charges = charged(7, MINUTE_MS);
    expect(refusal(ask({ ...mastercard, charges }))).toBeNull();
    expect(refusal(ask({ ...mastercard, charges, country: 'BR' }))).toBe(
      'not_before mastercard-brazil-24-hours',
    );
  });

  it.each([
    ['24', 1],
    ['25', 24],
    ['26', 48],
    ['27', 96],
    ['28', 144],
    ['29', 192],
    ['30', 240],
  ])(
    'says with advice %s to wait for %i hours, whichever code of the decline decided',
    (code, hours) => {
      const decline = {
        ...declinedBy('mastercard', '51', { class: 'funds' }),
        known: [{ vocabulary: 'mastercard_mac', code }],
      };
      const charges = [someCharge({ atMs: NOW_MS, decline })];
      expect(ask({ ...mastercard, charges })).toMatchObject({ atMs: NOW_MS + hours * HOUR_MS });
    },
  );

  it('says with its advice how long to wait, and a later, shorter one does not shorten it', () => {
    const advised = (code: string, delayMs: number, agoMs: number) =>
      someCharge({
        atMs: NOW_MS - agoMs,
        decline: declinedBy('mastercard_mac', code, { class: 'funds', delayMs }),
      });
    const charges = [advised('30', 10 * DAY_MS, 2 * DAY_MS), advised('24', HOUR_MS, DAY_MS)];
    expect(ask({ ...mastercard, charges })).toEqual({
      kind: 'not_before',
      atMs: NOW_MS + 8 * DAY_MS,
      rule: 'mastercard-wait',
    });
  });
});

describe('a network without public limits, or an unknown one', () => {
  it.each([['amex'], ['discover'], [null]])('%s has the strictest known ones', (network) => {
    expect(ask({ network, charges: charged(10, MINUTE_MS) })).toEqual({
      kind: 'not_before',
      atMs: NOW_MS - 9 * MINUTE_MS + 25 * HOUR_MS,
      rule: 'card-24-hours',
    });
    const amounts = charged(20, DAY_MS).map((charge, index) => ({
      ...charge,
      amountMinor: BigInt(index),
    }));
    expect(refusal(ask({ network, charges: amounts }))).toBe('not_before card-30-days');
  });

  it('is not tried again after a code of any vocabulary that says the card is dead', () => {
    const dead = { class: 'hard', retryable: 'after_update' } as const;
    for (const vocabulary of ['amex', 'stripe', 'mastercard']) {
      const charges = [someCharge({ atMs: NOW_MS, decline: declinedBy(vocabulary, '200', dead) })];
      expect(refusal(ask({ network: 'amex', charges }))).toBe('never card-never');
    }
    // Visa's own categories say which codes are for ever: 62 is not.
    const charges = [someCharge({ atMs: 0, decline: declinedBy('visa', '62', dead) })];
    expect(refusal(ask({ charges }))).toBeNull();
  });

  it('is tried again once it was paid with after that, unless the network says for ever', () => {
    const dead = { class: 'hard', retryable: 'after_update' } as const;
    const then = (decline: Decline) =>
      refusal(
        ask({
          charges: [
            someCharge({ atMs: NOW_MS - 2, decline }),
            someCharge({ atMs: NOW_MS - 1, status: 'succeeded' }),
          ],
        }),
      );
    expect(then(declinedBy('stripe', 'restricted_card', dead))).toBeNull();
    expect(then(declinedBy('visa', '43', dead))).toBe('never visa-never');
  });

  it('Elo allows 15 tries of one amount in 30 days', () => {
    expect(refusal(ask({ network: 'elo', charges: charged(15, DAY_MS) }))).toBe(
      'not_before elo-30-days',
    );
  });
});

describe('bank debits', () => {
  const funds = { class: 'funds', retryable: 'yes' } as const;
  const after = (
    methodType: string,
    [vocabulary, code]: readonly [string, string],
    fields: Partial<AllowanceRequest> = {},
  ) => {
    const decline = declinedBy(vocabulary, code, funds);
    return refusal(
      ask({
        methodType,
        network: null,
        charges: [someCharge({ atMs: NOW_MS, decline })],
        ...fields,
      }),
    );
  };

  it.each([
    ['us_bank_account', 'ach', ['R01', 'R09'], ['R02', 'R03', 'R04', 'R07', 'R08', 'R10', 'R29']],
    ['sepa_debit', 'sepa', ['AM04'], ['AC04', 'AC06', 'MD01', 'MD06', 'MD07', 'MS02']],
    ['bacs_debit', 'bacs', ['0'], ['1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B']],
    ['au_becs_debit', 'becs', ['6'], ['1', '2', '3', '4', '5', '7', '8', '9']],
    ['nz_bank_account', 'becs_nz', ['AM04'], ['AC04']],
    ['acss_debit', 'pad', ['901'], ['902']],
    ['autogiro', 'autogiro', ['TK82-1'], ['TK82-2']],
  ])('%s may be presented again after too little money only', (method, vocabulary, good, bad) => {
    for (const code of good) expect(after(method, [vocabulary, code])).toBeNull();
    for (const code of bad)
      expect(after(method, [vocabulary, code])).toBe(`never ${vocabulary}-never`);
  });

  it('SEPA takes MS03 for too little money in five countries', () => {
    expect(after('sepa_debit', ['sepa', 'MS03'], { country: 'AT' })).toBeNull();
    expect(after('sepa_debit', ['sepa', 'MS03'], { country: 'FR' })).toBe('never sepa-never');
    expect(after('sepa_debit', ['sepa', 'MS03'], { country: null })).toBe('never sepa-never');
    // As a provider names it that passes on no code of the scheme; one that is passed on decides.
    const vague = declinedBy('stripe_bank_debit', 'generic_could_not_process');
    const closed = { ...vague, known: [{ vocabulary: 'sepa', code: 'AC04' }, ...vague.known] };
    const sepa = (decline: Decline, country: string) =>
      refusal(
        ask({
          methodType: 'sepa_debit',
          country,
          charges: [someCharge({ atMs: NOW_MS, decline })],
        }),
      );
    expect(sepa(vague, 'DE')).toBeNull();
    expect(sepa(vague, 'FR')).toBe('never sepa-never');
    expect(sepa(closed, 'DE')).toBe('never sepa-never');
  });

  it("takes a provider's code when it speaks of money or of a technical fault, and no other or unknown one", () => {
    const refusalAfter = (decline: ReturnType<typeof someDecline>) =>
      refusal(ask({ methodType: 'sepa_debit', charges: [someCharge({ atMs: NOW_MS, decline })] }));
    expect(refusalAfter(declinedBy('stripe', 'insufficient_funds', funds))).toBeNull();
    expect(
      refusalAfter(declinedBy('stripe', 'processing_error', { class: 'technical' })),
    ).toBeNull();
    expect(refusalAfter(declinedBy('stripe', 'generic'))).toBe('never sepa-never');
    expect(refusalAfter(someDecline({ by: null, class: 'unknown' }))).toBe('never sepa-never');
  });

  it('ACH allows two more entries of one amount, and none later than 180 days', () => {
    const methodType = 'us_bank_account';
    const decline = declinedBy('ach', 'R01', funds);
    const charges = charged(3, DAY_MS, { decline });
    expect(refusal(ask({ methodType, charges: charges.slice(1) }))).toBeNull();
    expect(refusal(ask({ methodType, charges }))).toBe('not_before ach-180-days');
    expect(refusal(ask({ methodType, charges, amountMinor: 7n }))).toBeNull();
    const firstFailedAtMs = NOW_MS - 180 * DAY_MS;
    expect(refusal(ask({ methodType, firstFailedAtMs }))).toBeNull();
    expect(refusal(ask({ methodType, firstFailedAtMs: firstFailedAtMs - 1 }))).toBe(
      'never ach-deadline',
    );
    // By the time that the limit would allow it, it is too late.
    expect(refusal(ask({ methodType, charges, firstFailedAtMs: NOW_MS - 2 * DAY_MS }))).toBe(
      'never ach-deadline',
    );
  });

  it.each([
    'sepa_debit',
    'bacs_debit',
    'au_becs_debit',
    'nz_bank_account',
    'acss_debit',
    'autogiro',
  ])('%s allows two more debits of a mandate in 42 days, whatever the amount', (methodType) => {
    const asked = { methodType, amountMinor: 7n };
    const decline = declinedBy('stripe', 'insufficient_funds', funds);
    expect(refusal(ask({ ...asked, charges: charged(2, DAY_MS, { decline }) }))).toBeNull();
    expect(refusal(ask({ ...asked, charges: charged(3, DAY_MS, { decline }) }))).toMatch(
      /^not_before .*-42-days$/,
    );
  });

  it('Bacs lets nothing be presented later than 28 days after the first time', () => {
    const methodType = 'bacs_debit';
    const firstFailedAtMs = NOW_MS - 28 * DAY_MS;
    expect(refusal(ask({ methodType, firstFailedAtMs }))).toBeNull();
    expect(refusal(ask({ methodType, firstFailedAtMs: firstFailedAtMs - 1 }))).toBe(
      'never bacs-deadline',
    );
  });
});

describe('whatever was charged', () => {
  const declines = fc.constantFrom(
    someDecline(),
    declinedBy('visa', '43', { class: 'fraud', retryable: 'after_update' }),
    declinedBy('mastercard_mac', '26', { class: 'funds', delayMs: 2 * DAY_MS }),
    declinedBy('sepa', 'AM04', { class: 'funds' }),
    declinedBy('stripe', 'insufficient_funds', { class: 'funds' }),
  );
  const charges = fc.array(
    fc
      .record({
        agoMs: fc.integer({ min: -HOUR_MS, max: 200 * DAY_MS }),
        // A narrow choice, so that limits are met.
        amountMinor: fc.constantFrom(1_900n, 1_900n, 2_900n),
        status: fc.constantFrom('failed', 'failed', 'failed', 'succeeded', 'pending', 'open'),
        decline: declines,
        close: fc.boolean(),
      })
      .map(({ agoMs, close, status, decline, amountMinor }) =>
        someCharge({
          atMs: NOW_MS - (close ? Math.floor(agoMs / 200) : agoMs),
          status,
          amountMinor,
          decline: status === 'failed' ? decline : null,
        }),
      ),
    { maxLength: 60 },
  );
  const asked = fc.record({
    network: fc.constantFrom('visa', 'mastercard', 'elo', 'amex', null),
    methodType: fc.constantFrom(
      'card',
      'card',
      'sepa_debit',
      'us_bank_account',
      'bacs_debit',
      null,
    ),
    country: fc.constantFrom('DE', 'BR', null),
    firstFailedAtMs: fc.constantFrom(null, NOW_MS - 20 * DAY_MS),
  });
  const earliestMs = (allowed: Allowance) =>
    ({
      now: () => NOW_MS,
      not_before: () => (allowed as { atMs: number }).atMs,
      never: () => Infinity,
    })[allowed.kind]();

  it('one more charge never allows an earlier one', () => {
    fc.assert(
      fc.property(asked, charges, charges, (who, some, more) => {
        const less = earliestMs(ask({ ...who, charges: some }));
        expect(earliestMs(ask({ ...who, charges: [...some, ...more] }))).toBeGreaterThanOrEqual(
          less,
        );
      }),
      { numRuns: 1_000 },
    );
  });

  it('waiting until the instant that was named is enough, unless something is charged meanwhile', () => {
    fc.assert(
      fc.property(asked, charges, (who, some) => {
        const allowed = ask({ ...who, charges: some });
        if (allowed.kind !== 'not_before') return;
        expect(ask({ ...who, charges: some, nowMs: allowed.atMs }).kind).toBe('now');
        expect(ask({ ...who, charges: some, nowMs: allowed.atMs - 1 }).kind).toBe('not_before');
      }),
      { numRuns: 1_000 },
    );
  });

  it('the order in which charges are given does not matter', () => {
    fc.assert(
      fc.property(asked, charges, (who, some) => {
        const forwards = ask({ ...who, charges: some });
        const backwards = ask({ ...who, charges: some.toReversed() });
        expect(earliestMs(backwards)).toBe(earliestMs(forwards));
      }),
    );
  });

  it('some rule limits how often, whatever the network, method and country', () => {
    fc.assert(
      fc.property(asked, (who) => {
        expect(
          ceilingsFor({ ...who, nowMs: NOW_MS }).some(({ effect }) => effect.kind === 'limit'),
        ).toBe(true);
      }),
    );
  });
});
