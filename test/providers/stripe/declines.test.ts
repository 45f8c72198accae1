import { DAY_MS } from '../../../domain/recovery/codes/meaning';
import { REASONS } from '../../../domain/recovery/reasons';
import { stripe } from '../../../providers/stripe/stripe';
import { authorise, drawDecline } from '../../../simulator/world/issuers';
import { Random } from '../../../simulator/world/random';
import { codesOf } from '../../domain/recovery/codes-of';

const { readDecline } = stripe;
const VISA = { cardBrand: 'visa', methodType: 'card', outcomeType: 'issuer_declined' };

describe('declines of Stripe', () => {
  test('a card without money is tried again about payday', () => {
    const decline = readDecline(
      codesOf({
        ...VISA,
        networkDeclineCode: '51',
        adviceCode: 'try_again_later',
        declineCode: 'insufficient_funds',
        failureCode: 'card_declined',
      }),
    );
    expect(decline).toMatchObject({
      reason: 'insufficient_funds',
      class: 'funds',
      retryable: 'yes',
      delayMs: 3 * DAY_MS,
      payday: true,
      by: { vocabulary: 'visa', code: '51' },
      unmapped: null,
    });
  });

  test('what Radar blocked is not tried again, although it is called a generic decline', () => {
    const codes = { declineCode: 'generic_decline', failureCode: 'card_declined' };
    expect(readDecline(codesOf({ ...VISA, ...codes })).retryable).toBe('yes');
    const blocked = readDecline(codesOf({ ...VISA, ...codes, outcomeType: 'blocked' }));
    expect(blocked).toMatchObject({
      retryable: 'no',
      by: { vocabulary: 'stripe_outcome', code: 'blocked' },
    });
  });

  test.each(['highest_risk_level', 'rule', 'merchant_blacklist', 'fraudulent'])(
    'a customer is not told of %s',
    (declineCode) => {
      const decline = readDecline(codesOf({ ...VISA, outcomeType: 'blocked', declineCode }));
      expect(decline.retryable).toBe('no');
      expect(REASONS[decline.reason].customer).toBe(REASONS.declined.customer);
    },
  );

  test('advice not to try again stands above the decline code', () => {
    const decline = readDecline(
      codesOf({ ...VISA, adviceCode: 'do_not_try_again', declineCode: 'insufficient_funds' }),
    );
    expect(decline).toMatchObject({
      reason: 'insufficient_funds',
      retryable: 'no',
      by: { vocabulary: 'stripe_advice', code: 'do_not_try_again' },
    });
  });

  test('an expired card is called so, although the advice only speaks of its data', () => {
    const decline = readDecline(
      codesOf({ ...VISA, adviceCode: 'confirm_card_data', declineCode: 'expired_card' }),
    );
    expect(decline).toMatchObject({
      reason: 'expired_card',
      class: 'account_updater',
      retryable: 'after_update',
    });
  });

  test.each([
    ['us_bank_account', 'R01', 'ach'],
    ['sepa_debit', 'AM04', 'sepa'],
    ['bacs_debit', '0', 'bacs'],
    ['au_becs_debit', '6', 'becs'],
  ])('a debit by %s is read by its scheme', (methodType, networkDeclineCode, vocabulary) => {
    const decline = readDecline(
      codesOf({ methodType, networkDeclineCode, failureCode: 'insufficient_funds' }),
    );
    expect(decline).toMatchObject({
      class: 'funds',
      retryable: 'yes',
      by: { vocabulary, code: networkDeclineCode },
      unmapped: null,
    });
    expect(decline.known[1]).toEqual({
      vocabulary: 'stripe_bank_debit',
      code: 'insufficient_funds',
    });
  });

  test('an unknown code of a new edition is reported with its vocabulary', () => {
    expect(readDecline(codesOf({ ...VISA, declineCode: 'brand_new' }))).toMatchObject({
      class: 'soft',
      retryable: 'yes',
      unmapped: 'stripe=brand_new',
    });
  });

  test('every code that the simulated issuers answer with is known', () => {
    const unknown = new Set<string | null>();
    const met = new Set<string>();
    for (let attempt = 0; attempt < 6_000; attempt += 1) {
      const brand = ['visa', 'mastercard', 'amex'][attempt % 3] as string;
      const random = new Random(`card ${String(attempt)}`);
      const deadDecline = drawDecline(random, 'dead');
      const diesAt = attempt % 2 === 0 ? 0 : null;
      const issuer = { seed: String(attempt), troubleRate: 1, diesAt, deadDecline };
      const card = { brand, issuer } as Parameters<typeof authorise>[0];
      const answer = authorise(card, { at: 1_767_225_600, attempt });
      if (answer === null) continue;
      const { code, ...codes } = answer;
      met.add(`${brand} ${answer.declineCode}`);
      const read = readDecline(codesOf({ ...VISA, ...codes, cardBrand: brand, failureCode: code }));
      if (read.unmapped !== null) unknown.add(read.unmapped);
    }
    expect([...unknown]).toEqual([]);
    expect(met.size).toBeGreaterThan(40);
  });
});
