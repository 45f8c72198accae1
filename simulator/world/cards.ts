/** Draws cards and bank accounts, and how their issuers behave. */
import { DAY } from './calendar';
import type { NewAccount, NewCard } from './customers';
import { drawReturn } from './debits';
import { drawDecline } from './issuers';
import type { CardBrand, DebitScheme } from './model';
import type { Random } from './random';

/** Mostly careful payers, some who are often short of money, a few hopeless ones. */
const TROUBLE_RATES: [number, number][] = [
  [0.02, 55],
  [0.08, 30],
  [0.35, 11],
  [0.8, 4],
];
/** Share of cards that stop working within their three years or so. */
const DYING_SHARE = 0.35;

/** Draws a card with its issuer's behaviour; `at` is when it is attached. */
export function drawCard(
  choices: Random,
  { country, at }: { country: string; at: number },
): Omit<NewCard, 'at'> {
  const brand = choices.weighted<CardBrand>([
    ['visa', 58],
    ['mastercard', 36],
    ['amex', 6],
  ]);
  const diesAt = choices.chance(DYING_SHARE) ? at + choices.integer(20, 1000) * DAY : null;
  const deadDecline = drawDecline(choices, 'dead');
  const farOff = at + choices.integer(1100, 1700) * DAY;
  // An expired card dies with the month on it; other deaths have nothing to do with that.
  const expires = new Date(
    (diesAt !== null && deadDecline === 'expired_card' ? diesAt : farOff) * 1000,
  );
  return {
    brand,
    funding: choices.weighted([
      ['credit', 50],
      ['debit', 43],
      ['prepaid', 7],
    ]),
    country,
    last4: choices.text(4, '0123456789'),
    expMonth: expires.getUTCMonth() + 1,
    expYear: expires.getUTCFullYear(),
    issuer: {
      seed: choices.text(12, '0123456789abcdef'),
      troubleRate: choices.weighted(TROUBLE_RATES),
      diesAt:
        diesAt !== null && deadDecline === 'expired_card' ? startOfNextMonth(expires) : diesAt,
      deadDecline,
    },
  };
}

/** Draws a card that every issuer approves: what people enter who want to pay. */
export function drawWorkingCard(
  choices: Random,
  where: { country: string; at: number },
): Omit<NewCard, 'at'> {
  const card = drawCard(choices, where);
  return { ...card, issuer: { ...card.issuer, troubleRate: 0, diesAt: null } };
}

/** The direct-debit scheme of a country, if it has one here. */
export function schemeOf(country: string): DebitScheme | undefined {
  if (country === 'US') return 'us_bank_account';
  return ['DE', 'ES', 'FR', 'IT', 'NL'].includes(country) ? 'sepa_debit' : undefined;
}

/** Draws a bank account; `at` is when it is attached. */
export function drawAccount(
  choices: Random,
  { country, at, debit }: { country: string; at: number; debit: DebitScheme },
): Omit<NewAccount, 'at'> {
  return {
    debit,
    country,
    bankCode: choices.text(debit === 'sepa_debit' ? 8 : 9, '0123456789'),
    last4: choices.text(4, '0123456789'),
    issuer: {
      seed: choices.text(12, '0123456789abcdef'),
      troubleRate: choices.weighted(TROUBLE_RATES),
      diesAt: choices.chance(DYING_SHARE) ? at + choices.integer(20, 1000) * DAY : null,
      deadDecline: drawReturn(choices, debit, 'dead'),
    },
  };
}

function startOfNextMonth(date: Date): number {
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1) / 1000;
}
