/** Every code that was collected, held against the tables: read as there, or more strictly and then by name. */
import { readDecline, type Vocabulary } from '../../../domain/recovery/classify';
import { VOCABULARIES } from '../../../domain/recovery/codes';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../../domain/recovery/codes/meaning';
import { visaCategory, VISA } from '../../../domain/recovery/codes/visa';
import { RETRYABLES, type Decline, type Retryable } from '../../../domain/recovery/decline';
import { ADYEN } from '../../../providers/adyen/declines';
import { BRAINTREE, BRAINTREE_TYPE } from '../../../providers/braintree/declines';
import { PAYPAL_PROCESSOR, PAYPAL_WALLET } from '../../../providers/paypal/declines';
import { STRIPE, STRIPE_ADVICE, STRIPE_BANK_DEBIT } from '../../../providers/stripe/declines';
import { stripe } from '../../../providers/stripe/stripe';
import { describeUnless } from '../../support/skip';
import { readFacts, whyNoFact } from '../../support/specs';
import { codesOf } from './codes-of';

const FILE = 'decline-codes.csv';
const TABLES = {
  ...VOCABULARIES,
  stripe: STRIPE,
  stripe_advice: STRIPE_ADVICE,
  stripe_bank_debit: STRIPE_BANK_DEBIT,
  paypal_processor: PAYPAL_PROCESSOR,
  paypal_wallet: PAYPAL_WALLET,
  braintree: BRAINTREE,
  braintree_type: BRAINTREE_TYPE,
  adyen: ADYEN,
};

/** Where the tables are deliberately stricter than the collected rows. */
const STRICTER: Readonly<Record<string, { retryable: Retryable; because: string }>> = {
  'paypal_processor 1000': {
    retryable: 'reconcile',
    because: 'a part may be held: captured or voided before anything else',
  },
  'braintree 2035': { retryable: 'reconcile', because: 'as PayPal 1000' },
  'braintree 3000': {
    retryable: 'reconcile',
    because: 'its own note says that the outcome is unknown until looked up',
  },
  'mastercard 70': {
    retryable: 'after_auth',
    because: 'some lists call it a PIN that is required: unsure',
  },
  'paypal_wallet TRANSACTION_REFUSED': {
    retryable: 'after_update',
    because: 'it may be a refusal for risk: unsure',
  },
  'becs 9': { retryable: 'no', because: 'GoCardless presents 6 again and nothing else' },
};

/** Classes of collected rows that are none of a decline: what describes the card, or approves a part. */
const OTHER_CLASSES: Readonly<Record<string, string>> = {
  'mastercard_mac 40': 'hard',
  'mastercard_mac 41': 'hard',
  'mastercard_mac 42': 'hard',
  'mastercard_mac 43': 'soft',
  'paypal_processor 1000': 'unknown',
  'braintree 2035': 'unknown',
};

/** Rows of low confidence that are tried again all the same, and what else says so. */
const LOW_YET_RETRIED: Readonly<Record<string, string>> = {
  'amex 100': 'acquirers list it as a denial without a reason',
  'amex 107': 'acquirers list it as a referral to the issuer',
  'amex 116': 'lists of codes agree on it',
  'amex 121': 'lists of codes agree on it',
  'amex 911': 'ISO 8583 of 1993, whose action codes these are',
  'amex 912': 'acquirers agree on it',
  'becs 6': 'GoCardless presents it again',
  'stripe_bank_debit insufficient_funds': 'ACH R01 and R09, SEPA AM04, Bacs 0, BECS 6',
  'stripe_bank_debit generic_could_not_process':
    'Stripe calls it retryable for Bacs; SEPA MS03 comes as it',
  'stripe_bank_debit refer_to_customer': 'Bacs 0, BECS 6, SEPA MS03',
  'hyperswitch_gsm processor_downtime': 'the name of the category',
  'hyperswitch_gsm soft_decline': 'the name of the category',
};

/** Not codes: names of the fields in which Stripe gives the networks' codes. */
const FIELDS = 'stripe_field';

describeUnless(whyNoFact(FILE), 'the collected decline codes', () => {
  const rows = readFacts(FILE).map((row) => ({
    name: `${row['provider']} ${row['code']}`,
    vocabulary: String(row['provider']),
    code: String(row['code']),
    class: String(row['class']),
    retryable: String(row['retryable']),
    delay: String(row['recommended_delay']),
    confidence: String(row['confidence']),
  }));
  const coded = rows.filter(({ vocabulary }) => vocabulary !== FIELDS);
  type Row = (typeof rows)[number];
  /** A range is held by both of its ends. */
  const read = ({ vocabulary, code }: Row): Decline[] =>
    (/^\d+-\d+$/.test(code) ? code.split('-') : [code]).map((each) => readIn(vocabulary, each));

  test('are 461, of which two name fields of Stripe that are read in the network’s own vocabulary', () => {
    expect(rows).toHaveLength(461);
    expect(rows.filter((row) => !coded.includes(row)).map(({ code }) => code)).toEqual([
      'network_decline_code',
      'network_advice_code',
    ]);
    const decline = stripe.readDecline(
      codesOf({ cardBrand: 'mastercard', networkDeclineCode: '51', networkAdviceCode: '24' }),
    );
    expect(decline.known).toEqual([
      { vocabulary: 'mastercard_mac', code: '24' },
      { vocabulary: 'mastercard', code: '51' },
    ]);
  });

  test('are all known to their vocabulary', () => {
    const unknown = coded.filter((row) => read(row).some(({ unmapped }) => unmapped !== null));
    expect(unknown.map(({ name }) => name)).toEqual([]);
  });

  test('are tried again as collected, but for the named ones, which are stricter', () => {
    const differing = coded.flatMap((row) =>
      read(row).flatMap(({ retryable }) => (retryable === row.retryable ? [] : [row])),
    );
    expect(differing.map(({ name }) => name).sort()).toEqual(Object.keys(STRICTER).sort());
    for (const row of differing) {
      const [decline] = read(row);
      expect([row.name, decline?.retryable]).toEqual([row.name, STRICTER[row.name]?.retryable]);
      // `handle` is no answer of ours, and any of ours but `yes` is stricter.
      expect(strictness(decline?.retryable)).toBeGreaterThan(
        Math.max(0, strictness(row.retryable)),
      );
    }
  });

  test('have the class as collected, but for those that name none of ours', () => {
    const differing = coded.filter((row) => read(row).some((each) => each.class !== row.class));
    expect(Object.fromEntries(differing.map((row) => [row.name, read(row)[0]?.class]))).toEqual(
      OTHER_CLASSES,
    );
    expect(new Set(differing.map((row) => row.class))).toEqual(new Set(['meta', 'partial']));
  });

  test('wait as collected, paydays included, or are not tried again', () => {
    const wrong = coded.filter((row) =>
      read(row).some(
        ({ retryable, delayMs, payday = false }) =>
          (retryable === 'yes' || row.retryable === 'reconcile') &&
          (delayMs !== msOf(row.delay) || payday !== row.delay.startsWith('next payday')),
      ),
    );
    expect(wrong.map(({ name }) => name)).toEqual([]);
  });

  test('of low confidence are tried again only where something else says so', () => {
    const retried = coded.filter(
      (row) => row.confidence === 'low' && read(row).some(({ retryable }) => retryable === 'yes'),
    );
    expect(retried.map(({ name }) => name).sort()).toEqual(Object.keys(LOW_YET_RETRIED).sort());
  });

  test('of category 1 at Visa are never tried again with the same card', () => {
    const first = coded.filter(
      ({ vocabulary, code }) => vocabulary === 'visa' && category(code) === 1,
    );
    expect(first.map(({ code }) => code)).toEqual('04 07 12 14 15 41 43 46 57 R0 R1 R3'.split(' '));
    const loose = first.filter((row) =>
      read(row).some(({ retryable }) => strictness(retryable) < strictness('after_update')),
    );
    expect(loose).toEqual([]);
  });
});

describe('the categories of Visa', () => {
  test('hold every code of the table', () => {
    expect(Object.keys(VISA).filter((code) => category(code) === null)).toEqual([]);
  });

  test.each([
    ['5C and 9G are in category 2 from 11 April 2025', '5C', '2025-04-10', '2025-04-11', null, 2],
    ['9G likewise', '9G', '2025-04-10', '2025-04-11', null, 2],
    ['83 from 25 July 2026, the earlier of two dates', '83', '2026-07-24', '2026-07-25', null, 2],
    ['46 was in category 1 before it meant a token', '46', '2026-04-24', '2026-04-25', 1, 1],
    ['57 keeps category 1 while issuers sent 05', '57', '2026-10-24', '2026-10-25', 1, 1],
  ])('%s', (_name, code, before, since, earlier, later) => {
    const at = (day: string) => visaCategory(code, { country: 'DE', atMs: Date.parse(day) });
    expect([at(before), at(since)]).toEqual([earlier, later]);
  });

  test.each([
    ['DE', 3],
    ['ZA', 3],
    ['US', 4],
    ['JP', 4],
    [null, 3],
    ['XX', 3],
  ])('1A and 70 of a card from %s are of category %s', (country, expected) => {
    expect([category('1A', country), category('70', country)]).toEqual([expected, expected]);
  });

  test('a code that is in no edition has none', () => {
    expect([category('constructor'), category('')]).toEqual([null, null]);
  });
});

function readIn(vocabulary: string, code: string): Decline {
  const table: Vocabulary = { name: vocabulary, codes: TABLES[vocabulary as keyof typeof TABLES] };
  return readDecline(codesOf({ declineCode: code }), {
    schemes: {},
    lookup: () => [table],
    silent: {},
  });
}

function category(code: string, country: string | null = null) {
  return visaCategory(code, { country, atMs: Date.parse('2026-11-01') });
}

function strictness(retryable: string | undefined): number {
  return (RETRYABLES as readonly (string | undefined)[]).indexOf(retryable);
}

/** `P2D`, `PT30M`, `next payday or P3D`; null for nothing. */
function msOf(delay: string): number | null {
  const [, date, time, unit] = /P(?:(\d+)D|T(\d+)([HM]))$/.exec(delay) ?? [];
  if (date !== undefined) return Number(date) * DAY_MS;
  return time === undefined ? null : Number(time) * (unit === 'H' ? HOUR_MS : MINUTE_MS);
}
