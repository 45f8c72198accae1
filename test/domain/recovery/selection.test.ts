import { createHash } from 'node:crypto';
import fc from 'fast-check';
import type { Decline, DeclineCodes } from '../../../domain/recovery/decline';
import { exclusionOf, EXCLUSIONS, type InvoiceFacts } from '../../../domain/recovery/fitness';
import { holdoutPoint, isDrawn, WHOLE_BP } from '../../../domain/recovery/holdout';
import {
  assess,
  NOTHING_ASSESSED,
  verdictOf,
  type Candidate,
} from '../../../domain/recovery/selection';
import { DEFAULT_TERMS } from '../../../domain/recovery/terms';

const digestOf = (text: string): Uint8Array => createHash('sha256').update(text).digest();

const CODES: DeclineCodes = {
  cardBrand: 'visa',
  cardCountry: 'DE',
  methodType: 'card',
  networkAdviceCode: null,
  networkDeclineCode: '51',
  adviceCode: null,
  declineCode: 'insufficient_funds',
  failureCode: 'card_declined',
  outcomeType: 'issuer_declined',
};
const FUNDS: Decline = {
  reason: 'insufficient_funds',
  class: 'funds',
  retryable: 'yes',
  delayMs: null,
  by: { vocabulary: 'visa', code: '51' },
  known: [],
  unmapped: null,
};
const FIT: Candidate = {
  invoiceId: 'in_1',
  customerId: 'cus_1',
  status: 'open',
  collectionMethod: 'charge_automatically',
  currency: 'EUR',
  exponent: 2,
  remainingMinor: 2_500n,
  customerDeleted: false,
  isCanceled: false,
  firstFailedAt: new Date('2026-10-10T08:00:00Z'),
  isSettling: false,
  isDisputed: false,
  isRefunded: false,
  codes: CODES,
  campaignId: null,
  isHeldOut: false,
  draw: digestOf('out of every group, since its point is high: 9'),
};
const facts = (change: Partial<InvoiceFacts> = {}): InvoiceFacts => ({
  ...FIT,
  declineClass: 'funds',
  ...change,
});
const rules = (change: Partial<typeof DEFAULT_TERMS> = {}, decline: Partial<Decline> = {}) => ({
  terms: { ...DEFAULT_TERMS, holdoutBp: 0, ...change },
  readDecline: () => ({ ...FUNDS, ...decline }),
});

describe('the control group', () => {
  test('is drawn evenly: of 20,000 customers about as many as the share says', () => {
    const points = Array.from({ length: 20_000 }, (_, n) =>
      holdoutPoint(digestOf(`salt\ncus_${n}`)),
    );
    const drawn = points.filter((point) => point < 1_000).length;
    // Three standard deviations of 20,000 draws at one in ten.
    expect(Math.abs(drawn - 2_000)).toBeLessThan(130);
    expect(Math.min(...points)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...points)).toBeLessThan(WHOLE_BP);
  });

  test('keeps whoever was in it when the share grows, and is the same each time it is drawn', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 32, maxLength: 32 }),
        fc.integer({ min: 0, max: WHOLE_BP }),
        fc.integer({ min: 0, max: WHOLE_BP }),
        (digest, a, b) => {
          const [smaller, larger] = [Math.min(a, b), Math.max(a, b)];
          expect(isDrawn(digest, smaller)).toBe(isDrawn(Uint8Array.from(digest), smaller));
          if (isDrawn(digest, smaller)) expect(isDrawn(digest, larger)).toBe(true);
        },
      ),
    );
  });

  test('holds nobody at a share of nothing, and everybody at a share of all', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (digest) => {
        expect([isDrawn(digest, 0), isDrawn(digest, WHOLE_BP)]).toEqual([false, true]);
      }),
    );
  });

  test('keeps a customer who is in it for good, whatever share a later campaign has', () => {
    expect(verdictOf({ ...FIT, isHeldOut: true }, rules({ holdoutBp: 0 }))).toMatchObject({
      kind: 'fit',
      heldOut: true,
    });
  });
});

describe('an invoice', () => {
  test('that is open, failed and automatic is fit', () => {
    expect(exclusionOf(facts(), DEFAULT_TERMS)).toBeNull();
  });

  const terms = {
    ...DEFAULT_TERMS,
    from: '2026-10-01T00:00:00.000Z',
    to: '2026-11-01T00:00:00.000Z',
  };
  test.each([
    ['not_open', { status: 'paid' }, {}],
    ['nothing_due', { remainingMinor: 0n }, {}],
    ['paid_by_hand', { collectionMethod: 'send_invoice' }, {}],
    ['customer_deleted', { customerDeleted: true }, {}],
    ['subscription_canceled', { isCanceled: true }, {}],
    ['disputed', { isDisputed: true }, {}],
    ['refunded', { isRefunded: true }, {}],
    ['settling', { isSettling: true }, {}],
    ['never_failed', { firstFailedAt: null, declineClass: null }, {}],
    ['outside_dates', { firstFailedAt: new Date('2026-09-30T23:59:59Z') }, {}],
    ['outside_dates', { firstFailedAt: new Date('2026-11-01T00:00:00Z') }, {}],
    ['other_currency', {}, { currency: 'USD' }],
    ['too_small', {}, { minAmountMinor: '2501' }],
    ['too_large', {}, { maxAmountMinor: '2499' }],
    ['other_class', {}, { classes: ['soft'] }],
  ] as const)('is left alone as %s: %j %j', (why, invoice, change) => {
    expect(exclusionOf(facts(invoice), { ...terms, ...change })).toBe(why);
    expect(EXCLUSIONS[why]).toMatch(/^[A-Z].+\.$/);
  });

  test.each([
    [{ minAmountMinor: '2500', maxAmountMinor: '2500' }],
    [{ from: '2026-10-10T08:00:00.000Z' }],
    [{ classes: ['soft', 'funds'] as const, currency: 'EUR' }],
  ])('on the edge of the terms is fit: %j', (change) => {
    expect(exclusionOf(facts(), { ...terms, ...change })).toBeNull();
  });

  test('that is a case already is said to be, before anything else is asked', () => {
    const verdict = verdictOf({ ...FIT, campaignId: 'camp_1', status: 'paid' }, rules());
    expect(verdict).toEqual({ kind: 'taken', campaignId: 'camp_1' });
  });
});

test('an assessment counts every invoice once, and adds up over pages however they are cut', () => {
  const candidate = fc.record({
    status: fc.constantFrom('open', 'open', 'paid'),
    currency: fc.constantFrom('EUR', 'USD'),
    remainingMinor: fc.bigInt({ min: 1n, max: 10n ** 14n }),
    campaignId: fc.constantFrom(null, null, 'camp_1'),
    isHeldOut: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(candidate), fc.nat(), (changes, cut) => {
      const page = changes.map((change) => ({ ...FIT, ...change }));
      const at = page.length === 0 ? 0 : cut % page.length;
      const given = rules({}, { unmapped: 'visa=ZZ' });
      const whole = assess(NOTHING_ASSESSED, page, given);
      expect(
        assess(assess(NOTHING_ASSESSED, page.slice(0, at), given), page.slice(at), given),
      ).toEqual(whole);
      const excluded = Object.values(whole.excluded).reduce((sum, each) => sum + each, 0);
      expect(whole.fit + whole.taken + excluded).toBe(page.length);
      expect(whole.groups.reduce((sum, { cases }) => sum + cases, 0)).toBe(whole.fit);
      expect(whole.groups.reduce((sum, { heldOut }) => sum + heldOut, 0)).toBe(whole.heldOut);
      expect(whole.unmapped['visa=ZZ'] ?? 0).toBe(whole.fit);
      const fit = page.filter(({ status, campaignId }) => status === 'open' && campaignId === null);
      expect(whole.groups.reduce((sum, { amountMinor }) => sum + amountMinor, 0n)).toBe(
        fit.reduce((sum, { remainingMinor }) => sum + remainingMinor, 0n),
      );
    }),
  );
});
