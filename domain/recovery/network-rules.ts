/**
 * How often the networks let a payment be tried again, as data. What a provider limits by itself (its own retries, blocks
 * after many failures) is that provider's to say.
 *
 * Processors differ in what they call 24 hours or 30 days: a rolling window, a calendar day, a tumbling month. None of them
 * is longer than the rolling window of the same length, but for the hour that a day gains when clocks are put back; so
 * the rolling window with an hour added is the strictest of all readings, in every time zone.
 */
import { MASTERCARD_MAC } from './codes/mastercard-mac';
import { VISA as VISA_CODES, visaCategory } from './codes/visa';
import type { DeclineClass, Retryable } from './decline';

/** Stored with every decision. To be changed with every change to `CEILINGS`. */
export const RULE_EDITION = '2026-11-21';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** The longest that a calendar day or month can be longer than it says. */
const CLOCK_CHANGE_MS = HOUR_MS;

/** Whose rules a credential is under. `card`: any card of a network without public limits, or of an unknown one. */
export type Scheme =
  | 'visa'
  | 'mastercard'
  | 'elo'
  | 'card'
  | 'ach'
  | 'sepa'
  | 'bacs'
  | 'becs'
  | 'becs_nz'
  | 'pad'
  | 'autogiro';

/** Methods that are not cards, as providers name them. */
export const SCHEME_OF_METHOD: Readonly<Record<string, Scheme>> = {
  us_bank_account: 'ach',
  ach_debit: 'ach',
  sepa_debit: 'sepa',
  bacs_debit: 'bacs',
  au_becs_debit: 'becs',
  nz_bank_account: 'becs_nz',
  acss_debit: 'pad',
  autogiro: 'autogiro',
};

const CARDS: readonly Scheme[] = ['visa', 'mastercard', 'elo', 'card'];

/** A code after which a bank debit may be presented again. */
export interface Representable {
  readonly code: string;
  /** Only there does the code mean so; everywhere where not given. */
  readonly countries?: readonly string[];
}

type Effect =
  /** At most so many tries that did not succeed, the first included, in any stretch of `windowMs`. */
  | {
      readonly kind: 'limit';
      readonly limit: number;
      readonly windowMs: number;
      readonly perAmount: boolean;
    }
  /** One such code, and the credential is not tried again, ever. */
  | { readonly kind: 'never_after'; readonly vocabulary: string; readonly codes: readonly string[] }
  /** Not tried again after a decline of such classes, until it is paid with; unless a code of this vocabulary decided. */
  | {
      readonly kind: 'never_after_class';
      readonly classes: readonly DeclineClass[];
      readonly retryable: readonly Retryable[];
      readonly exceptVocabulary: string;
    }
  /** The same after every code but these. Without one of this vocabulary or of these, the decline must speak of money or of a technical fault. */
  | {
      readonly kind: 'never_unless';
      readonly vocabulary: string;
      readonly codes: readonly Representable[];
    }
  /** After such a code, not sooner than so many milliseconds after the decline. */
  | {
      readonly kind: 'wait';
      readonly vocabulary: string;
      readonly delaysMs: Readonly<Record<string, number>>;
    }
  /** Nothing later than this after the payment first failed. */
  | { readonly kind: 'deadline'; readonly withinMs: number };

export interface Ceiling {
  readonly id: string;
  readonly schemes: readonly Scheme[];
  /** Only for credentials issued there; everywhere where not given. */
  readonly country?: string;
  /** Where it is written, and in which edition it was read. */
  readonly document: string;
  readonly edition: string;
  /** First day, UTC, of its being in force, as far as known. */
  readonly effectiveFrom: string;
  /** First day of its not being in force any more. */
  readonly effectiveUntil?: string;
  /** The rule in a plain sentence. */
  readonly says: string;
  readonly effect: Effect;
}

const limit = (most: number, windowMs: number, options: { perAmount: boolean }): Effect => ({
  kind: 'limit',
  limit: most,
  windowMs: windowMs + CLOCK_CHANGE_MS,
  ...options,
});

const VISA = { document: 'Visa Core Rules, table 7-2, ID# 0030640', edition: '2026-04-18' };
const MASTERCARD = {
  document: 'Mastercard Transaction Processing Excellence, as processors publish it',
  edition: '2025-01',
};
const BRAZIL = { document: 'Retry programmes of Cielo and Braspag', edition: '2023-02' };
const STRICTEST = { document: 'No public limit: the strictest known one', edition: RULE_EDITION };
const NACHA = { document: 'Nacha Operating Rules, 2.12.4', edition: '2026' };

/** Of Visa's categories: the issuer will never approve. */
const NEVER_APPROVED = 1;
/** Mastercard's advice codes that name a wait. */
const WAITS = ['24', '25', '26', '27', '28', '29', '30'];

const CARD_CEILINGS: readonly Ceiling[] = [
  {
    id: 'visa-never',
    schemes: CARDS,
    ...VISA,
    effectiveFrom: '2021-04-17',
    says: 'Visa forbids another try after a code of its category 1.',
    effect: {
      kind: 'never_after',
      vocabulary: 'visa',
      codes: Object.keys(VISA_CODES).filter(
        (code) =>
          visaCategory(code, { country: null, atMs: Date.parse(VISA.edition) }) === NEVER_APPROVED,
      ),
    },
  },
  {
    id: 'visa-30-days-until-2025',
    schemes: ['visa'],
    ...VISA,
    effectiveFrom: '2021-04-17',
    effectiveUntil: '2025-05-25',
    says: 'Visa allows 15 tries of one amount with one card in 30 days.',
    effect: limit(15, 30 * DAY_MS, { perAmount: true }),
  },
  {
    id: 'visa-30-days',
    schemes: ['visa'],
    ...VISA,
    effectiveFrom: '2025-05-25',
    says: 'Visa allows 20 tries of one amount with one card in 30 days.',
    effect: limit(20, 30 * DAY_MS, { perAmount: true }),
  },
  {
    id: 'mastercard-never',
    schemes: CARDS,
    ...MASTERCARD,
    effectiveFrom: '2023-02-01',
    says: 'Mastercard forbids another try after the advice 03 or 21.',
    effect: { kind: 'never_after', vocabulary: 'mastercard_mac', codes: ['03', '21'] },
  },
  {
    id: 'mastercard-wait',
    schemes: CARDS,
    ...MASTERCARD,
    effectiveFrom: '2023-02-01',
    says: 'Mastercard advised how long to wait.',
    effect: {
      kind: 'wait',
      vocabulary: 'mastercard_mac',
      delaysMs: Object.fromEntries(
        WAITS.map((code) => [code, MASTERCARD_MAC[code]?.delayMs ?? 0] as const),
      ),
    },
  },
  {
    id: 'mastercard-24-hours',
    schemes: ['mastercard'],
    ...MASTERCARD,
    effectiveFrom: '2023-02-01',
    says: 'Mastercard allows 10 declined tries with one card in 24 hours.',
    effect: limit(10, DAY_MS, { perAmount: false }),
  },
  {
    id: 'mastercard-30-days',
    schemes: ['mastercard'],
    ...MASTERCARD,
    effectiveFrom: '2023-02-01',
    says: 'Mastercard allows 35 declined tries of one amount with one card in 30 days.',
    effect: limit(35, 30 * DAY_MS, { perAmount: true }),
  },
  {
    id: 'mastercard-brazil-24-hours',
    schemes: ['mastercard'],
    country: 'BR',
    ...BRAZIL,
    effectiveFrom: '2023-02-01',
    says: 'Mastercard allows 7 declined tries with one Brazilian card in 24 hours.',
    effect: limit(7, DAY_MS, { perAmount: false }),
  },
  {
    id: 'elo-30-days',
    schemes: ['elo'],
    ...BRAZIL,
    effectiveFrom: '2023-02-01',
    says: 'Elo allows 15 tries of one amount with one card in 30 days.',
    effect: limit(15, 30 * DAY_MS, { perAmount: true }),
  },
  {
    id: 'card-24-hours',
    schemes: ['elo', 'card'],
    ...STRICTEST,
    effectiveFrom: '2021-04-17',
    says: 'This network publishes no limit: 10 tries with one card in 24 hours, as Mastercard allows.',
    effect: limit(10, DAY_MS, { perAmount: false }),
  },
  {
    id: 'card-30-days',
    schemes: ['card'],
    ...STRICTEST,
    effectiveFrom: '2021-04-17',
    says: 'This network publishes no limit: 20 tries with one card in 30 days, as Visa allows.',
    effect: limit(20, 30 * DAY_MS, { perAmount: false }),
  },
  {
    // Which of Visa's categories or of Mastercard's advices it would have been nobody told.
    id: 'card-never',
    schemes: CARDS,
    ...STRICTEST,
    effectiveFrom: '2021-04-17',
    says: 'This card was refused for good, and nothing was paid with it since.',
    effect: {
      kind: 'never_after_class',
      classes: ['hard', 'fraud'],
      retryable: ['no', 'after_update'],
      exceptVocabulary: 'visa',
    },
  },
];

interface BankDebit {
  readonly scheme: Scheme;
  readonly name: string;
  readonly document: string;
  readonly edition: string;
  readonly effectiveFrom: string;
  readonly codes: readonly Representable[];
  readonly limitDays: number;
  readonly perAmount: boolean;
  /** No later than so many days after the debit first failed; the strictest reading of a month is 28. */
  readonly deadlineDays?: number;
}

/** Where banks give MS03 (no reason given) in place of AM04, and providers a vague code of their own for it. */
const SAYS_NOT_WHY = ['AT', 'BE', 'DE', 'LU', 'SK'];

/** What no scheme says, the strictest known service says: two more tries within 42 days. */
const RESCUE = { limitDays: 42, perAmount: false };
const GOCARDLESS = { document: 'GoCardless Success+ developer guide', edition: '2026' };

const BANK_DEBITS: readonly BankDebit[] = [
  {
    scheme: 'ach',
    name: 'ACH',
    ...NACHA,
    effectiveFrom: '2015-09-18',
    codes: [{ code: 'R01' }, { code: 'R09' }],
    limitDays: 180,
    perAmount: true,
    deadlineDays: 180,
  },
  {
    scheme: 'sepa',
    name: 'SEPA',
    document: 'Adyen Auto Rescue for SEPA Direct Debit',
    edition: '2026',
    effectiveFrom: '2009-11-02',
    codes: [
      { code: 'AM04' },
      ...['MS03', 'refer_to_customer', 'generic_could_not_process'].map((code) => ({
        code,
        countries: SAYS_NOT_WHY,
      })),
    ],
    ...RESCUE,
  },
  {
    scheme: 'bacs',
    name: 'Bacs',
    document: 'ARUDD reason codes, as acquirers publish them',
    edition: '2026',
    effectiveFrom: '2009-11-02',
    codes: [{ code: '0' }, { code: 'refer_to_customer' }],
    ...RESCUE,
    deadlineDays: 28,
  },
  {
    scheme: 'becs',
    name: 'BECS',
    ...GOCARDLESS,
    effectiveFrom: '2019-01-01',
    codes: [{ code: '6' }, { code: 'refer_to_customer' }],
    ...RESCUE,
  },
  {
    scheme: 'becs_nz',
    name: 'BECS NZ',
    ...GOCARDLESS,
    effectiveFrom: '2019-01-01',
    codes: [{ code: 'AM04' }],
    ...RESCUE,
  },
  {
    scheme: 'pad',
    name: 'PAD',
    ...GOCARDLESS,
    effectiveFrom: '2019-01-01',
    codes: [{ code: '901' }],
    ...RESCUE,
  },
  {
    scheme: 'autogiro',
    name: 'Autogiro',
    ...GOCARDLESS,
    effectiveFrom: '2019-01-01',
    codes: [{ code: 'TK82-1' }],
    ...RESCUE,
  },
];

/** The first debit and two more. */
const DEBIT_TRIES = 3;

function ceilingsOf(debit: BankDebit): Ceiling[] {
  const { scheme, name, document, edition, effectiveFrom, codes, limitDays, deadlineDays } = debit;
  const row = (id: string, says: string, effect: Effect): Ceiling => ({
    id: `${scheme}-${id}`,
    schemes: [scheme],
    document,
    edition,
    effectiveFrom,
    says,
    effect,
  });
  return [
    row('never', `${name} allows another debit only after too little money.`, {
      kind: 'never_unless',
      vocabulary: scheme,
      codes,
    }),
    row(
      `${limitDays}-days`,
      `${name}: at most ${DEBIT_TRIES} debits in ${limitDays} days, the first included.`,
      limit(DEBIT_TRIES, limitDays * DAY_MS, { perAmount: debit.perAmount }),
    ),
    ...(deadlineDays === undefined
      ? []
      : [
          row('deadline', `${name}: no later than ${deadlineDays} days after the first debit.`, {
            kind: 'deadline',
            withinMs: deadlineDays * DAY_MS,
          }),
        ]),
  ];
}

export const CEILINGS: readonly Ceiling[] = [
  ...CARD_CEILINGS,
  ...BANK_DEBITS.flatMap((debit) => ceilingsOf(debit)),
];
