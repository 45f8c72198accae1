import fc from 'fast-check';
import { readDecline, type ProviderVocabularies } from '../../../domain/recovery/classify';
import { VOCABULARIES } from '../../../domain/recovery/codes';
import {
  afterAuth,
  afterUpdate,
  AT_PAYDAY,
  DAY_MS,
  HOUR_MS,
  lookUp,
  never,
  retry,
  type CodeTable,
} from '../../../domain/recovery/codes/meaning';
import {
  DECLINE_CLASSES,
  RETRYABLES,
  type Decline,
  type DeclineCodes,
} from '../../../domain/recovery/decline';
import { REASONS, type Reason } from '../../../domain/recovery/reasons';
import { codesOf } from './codes-of';

const ADVICE: CodeTable = {
  stop: never('hard', 'do_not_retry'),
  later: retry('soft', 'try_later', DAY_MS),
};
const CODES: CodeTable = {
  funds: AT_PAYDAY,
  vague: retry('soft', 'declined', 2 * DAY_MS),
  soon: retry('technical', 'processing_error', HOUR_MS),
  timeless: retry('soft', 'declined', null),
  expired: afterUpdate('account_updater', 'expired_card'),
  confirm: afterAuth('authentication', 'authentication_required'),
  twice: lookUp('technical', 'duplicate'),
  stolen: afterUpdate('fraud', 'stolen_card'),
};
const OUTCOMES: CodeTable = { blocked: never('fraud', 'blocked_by_rules') };
const OWN = { outcomeType: OUTCOMES, adviceCode: ADVICE, declineCode: CODES, failureCode: CODES };

/** A provider with a handful of codes. */
const PROVIDER: ProviderVocabularies = {
  schemes: { bank: 'ach' },
  lookup: (field) => [{ name: field, codes: OWN[field] }],
  silent: { outcomeType: ['issuer_declined'] },
};

/** From the most specific to the least. */
const FIELDS = [
  'networkAdviceCode',
  'networkDeclineCode',
  'outcomeType',
  'adviceCode',
  'declineCode',
  'failureCode',
] as const;

const read = (given: Partial<DeclineCodes>): Decline => readDecline(codesOf(given), PROVIDER);

describe('the codes of one decline', () => {
  test('network advice tells when, before the network’s own code does', () => {
    const codes = { cardBrand: 'mastercard', networkDeclineCode: '51', declineCode: 'funds' };
    expect(read({ ...codes, networkAdviceCode: '24' })).toEqual({
      reason: 'insufficient_funds',
      class: 'funds',
      retryable: 'yes',
      delayMs: HOUR_MS,
      by: { vocabulary: 'mastercard_mac', code: '24' },
      known: [
        { vocabulary: 'mastercard_mac', code: '24' },
        { vocabulary: 'mastercard', code: '51' },
        { vocabulary: 'declineCode', code: 'funds' },
      ],
      unmapped: null,
    });
    expect(read(codes)).toMatchObject({ delayMs: 3 * DAY_MS, payday: true });
  });

  test.each(['03', '21'])('Mastercard’s advice %s ends it, whatever the others say', (advice) => {
    const codes = { cardBrand: 'mastercard', networkDeclineCode: '51', declineCode: 'soon' };
    expect(read({ ...codes, networkAdviceCode: advice })).toMatchObject({
      retryable: 'no',
      class: 'hard',
      by: { vocabulary: 'mastercard_mac', code: advice },
    });
  });

  test.each([
    ['24', HOUR_MS],
    ['25', DAY_MS],
    ['26', 2 * DAY_MS],
    ['27', 4 * DAY_MS],
    ['28', 6 * DAY_MS],
    ['29', 8 * DAY_MS],
    ['30', 10 * DAY_MS],
  ])('Mastercard’s advice %s is the wait that it names', (advice, delayMs) => {
    const codes = { cardBrand: 'mastercard', networkDeclineCode: '51', networkAdviceCode: advice };
    expect(read(codes)).toMatchObject({ retryable: 'yes', delayMs });
  });

  test('each network’s codes are read in its own vocabulary', () => {
    const by = (cardBrand: string) => read({ cardBrand, networkDeclineCode: '82' }).reason;
    expect([by('visa'), by('mastercard')]).toEqual(['incorrect_cvc', 'declined']);
  });

  test('the codes of a debit are read in the vocabulary of its scheme', () => {
    expect(read({ methodType: 'bank', networkDeclineCode: 'R02' }).by).toEqual({
      vocabulary: 'ach',
      code: 'R02',
    });
  });

  test('a general code makes it stricter, and then decides', () => {
    const codes = { cardBrand: 'visa', networkDeclineCode: '51', adviceCode: 'stop' };
    expect(read(codes)).toMatchObject({
      reason: 'insufficient_funds',
      class: 'hard',
      retryable: 'no',
      delayMs: null,
      by: { vocabulary: 'adviceCode', code: 'stop' },
      known: [
        { vocabulary: 'visa', code: '51' },
        { vocabulary: 'adviceCode', code: 'stop' },
      ],
    });
  });

  test('a general code does not loosen it', () => {
    const codes = { cardBrand: 'visa', networkDeclineCode: '14', declineCode: 'soon' };
    expect(read(codes)).toMatchObject({
      retryable: 'after_update',
      by: { vocabulary: 'visa', code: '14' },
    });
  });

  test('a vague code leaves why and what kind to the next one, and keeps its wait', () => {
    const codes = { cardBrand: 'mastercard', networkAdviceCode: '02', networkDeclineCode: '51' };
    expect(read(codes)).toMatchObject({
      reason: 'insufficient_funds',
      class: 'funds',
      delayMs: 3 * DAY_MS,
      payday: true,
      by: { vocabulary: 'mastercard_mac', code: '02' },
    });
  });

  test('a code that names no time leaves it to the next one', () => {
    expect(read({ declineCode: 'timeless', failureCode: 'soon' }).delayMs).toBe(HOUR_MS);
  });

  test('what may have happened is looked up, even where new details would be wanted', () => {
    const codes = { cardBrand: 'visa', networkDeclineCode: '54', declineCode: 'twice' };
    expect(read(codes)).toMatchObject({ retryable: 'reconcile', reason: 'expired_card' });
  });

  test('a block by the provider itself is final', () => {
    expect(read({ outcomeType: 'blocked', declineCode: 'vague' })).toMatchObject({
      retryable: 'no',
      class: 'fraud',
      reason: 'blocked_by_rules',
    });
  });
});

describe('a code that nobody knows', () => {
  test('is soft, waited for, and reported', () => {
    expect(read({ declineCode: 'brand_new' })).toEqual({
      reason: 'declined',
      class: 'soft',
      retryable: 'yes',
      delayMs: 2 * DAY_MS,
      by: null,
      known: [],
      unmapped: 'declineCode=brand_new',
    });
  });

  test('is reported beside known ones, the most specific first, and hastens nothing', () => {
    const codes = { cardBrand: 'mastercard', networkAdviceCode: '99', declineCode: 'soon' };
    expect(read({ ...codes, failureCode: 'odd' })).toMatchObject({
      class: 'technical',
      retryable: 'yes',
      delayMs: 2 * DAY_MS,
      by: { vocabulary: 'declineCode', code: 'soon' },
      unmapped: 'mastercard_mac=99',
    });
  });

  test('is every code of a network that no table is of', () => {
    const codes = { cardBrand: 'discover', networkDeclineCode: '51', declineCode: 'funds' };
    expect(read(codes)).toMatchObject({ class: 'funds', unmapped: 'discover=51' });
  });

  test('no code at all is as dark as an unknown one', () => {
    expect(read({ outcomeType: 'issuer_declined' })).toMatchObject({
      class: 'soft',
      retryable: 'yes',
      by: null,
      unmapped: 'code=none',
    });
  });

  test.each(['constructor', '__proto__', 'toString', ''])(
    '%j is none that a table holds',
    (code) => {
      expect(read({ declineCode: code }).unmapped).toBe(`declineCode=${code}`);
    },
  );
});

describe('whatever the codes are', () => {
  const codeOf = (...tables: CodeTable[]) =>
    fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom(...tables.flatMap((table) => Object.keys(table))) },
      { weight: 1, arbitrary: fc.string({ maxLength: 4 }) },
    );
  const {
    visa,
    mastercard,
    mastercard_mac: mac,
    amex,
    ach,
  } = VOCABULARIES as Record<'visa' | 'mastercard' | 'mastercard_mac' | 'amex' | 'ach', CodeTable>;
  const arbitrary = {
    networkAdviceCode: codeOf(mac),
    networkDeclineCode: codeOf(visa, mastercard, amex, ach),
    outcomeType: fc.constantFrom('blocked', 'issuer_declined', 'odd'),
    adviceCode: codeOf(ADVICE),
    declineCode: codeOf(CODES),
    failureCode: codeOf(CODES),
  };
  const payer = fc.record({
    cardBrand: fc.constantFrom('visa', 'mastercard', 'mastercard', 'amex', 'discover', null),
    methodType: fc.constantFrom('card', 'bank', null),
  });
  const given = fc.tuple(payer, fc.record(arbitrary), fc.subarray([...FIELDS], { minLength: 1 }));
  const strictness = ({ retryable }: Decline): number => RETRYABLES.indexOf(retryable);
  const only = (codes: Partial<DeclineCodes>, fields: readonly string[]): Partial<DeclineCodes> =>
    Object.fromEntries(Object.entries(codes).filter(([field]) => fields.includes(field)));

  test('one more code never loosens what may be done, in whichever field it comes', () => {
    fc.assert(
      fc.property(given, fc.constantFrom(...FIELDS), ([who, codes, fields], added) => {
        const before = read({
          ...who,
          ...only(
            codes,
            fields.filter((field) => field !== added),
          ),
        });
        fc.pre(before.unmapped !== 'code=none');
        const after = read({ ...who, ...only(codes, [...fields, added]) });
        expect(strictness(after)).toBeGreaterThanOrEqual(strictness(before));
        // An unknown code bounds the tries, and goes on doing so.
        if (before.unmapped !== null) expect(after.unmapped).not.toBeNull();
      }),
      { numRuns: 5_000 },
    );
  });

  test('a less specific code neither hastens it nor changes who decides, unless it is stricter', () => {
    fc.assert(
      fc.property(given, fc.nat({ max: FIELDS.length - 1 }), ([who, codes, fields], at) => {
        const [upper, lower] = [FIELDS.slice(0, at), FIELDS.slice(0, at + 1)];
        const before = read({
          ...who,
          ...only(
            codes,
            fields.filter((each) => upper.includes(each)),
          ),
        });
        const after = read({
          ...who,
          ...only(
            codes,
            fields.filter((each) => lower.includes(each)),
          ),
        });
        fc.pre(before.by !== null && strictness(after) === strictness(before));
        expect(after.by).toEqual(before.by);
        expect(after.delayMs ?? 0).toBeGreaterThanOrEqual(before.delayMs ?? 0);
      }),
      { numRuns: 5_000 },
    );
  });

  test('there is a class, a reason and an answer, and a delay only forward in time', () => {
    fc.assert(
      fc.property(given, ([who, codes, fields]) => {
        const decline = read({ ...who, ...only(codes, fields) });
        expect(DECLINE_CLASSES).toContain(decline.class);
        expect(Object.keys(REASONS)).toContain(decline.reason);
        expect(decline.delayMs ?? 0).toBeGreaterThanOrEqual(0);
        expect(decline.by === null).toBe(decline.known.length === 0);
      }),
    );
  });
});

describe('the words of reasons', () => {
  const entries = Object.entries<Reason>(REASONS);

  test.each([
    'suspected_fraud',
    'lost_card',
    'stolen_card',
    'pickup_card',
    'blocked_by_rules',
    'restricted',
  ] as const)('a customer is told of %s what is told of any decline', (reason) => {
    expect(REASONS[reason].customer).toBe(REASONS.declined.customer);
  });

  test('are whole sentences, and tell no customer of fraud, theft or lists', () => {
    for (const [, { merchant, customer }] of entries) {
      for (const words of [merchant, customer]) expect(words).toMatch(/^[A-Z].*\.$/);
      expect(customer).not.toMatch(/fraud|stolen|theft|lost|black|risk|suspect/i);
    }
  });

  test('tell each merchant something else', () => {
    expect(new Set(entries.map(([, { merchant }]) => merchant)).size).toBe(entries.length);
  });
});
