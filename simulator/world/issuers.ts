/** How card issuers answer, and the table of their declines. */
import { DAY, HOUR } from './calendar';
import type { Card, CardBrand, Decline } from './model';
import { Random } from './random';

interface DeclineRow {
  /** Share among the declines of cards that are alive (`trouble`) or dead. */
  weight: number;
  kind: 'trouble' | 'dead';
  /** Hard ones are never tried again by the provider without a new card. */
  hard: boolean;
  code: string;
  adviceCode: Decline['adviceCode'];
  network: Partial<Record<CardBrand, string>>;
  /** Mastercard merchant advice codes, one of which comes along. */
  mastercardAdvice: readonly string[];
  message: string;
}

/**
 * Decline codes with the mix of a subscription business, keyed by Stripe's decline code; names and network codes from
 * Stripe's list of declines and the networks' response tables.
 */
const DECLINES = {
  insufficient_funds: row(
    'trouble',
    46,
    false,
    'card_declined',
    'try_again_later',
    '51',
    ['24', '25', '26', '27', '28', '29', '30'],
    'Your card has insufficient funds.',
  ),
  generic_decline: row(
    'trouble',
    17,
    false,
    'card_declined',
    'try_again_later',
    '05',
    ['02'],
    'Your card was declined.',
  ),
  do_not_honor: row(
    'trouble',
    15,
    false,
    'card_declined',
    'try_again_later',
    '05',
    ['02', '03'],
    'Your card was declined.',
  ),
  transaction_not_allowed: row(
    'trouble',
    4,
    true,
    'card_declined',
    'do_not_try_again',
    '57',
    ['03'],
    'Your card does not support this type of purchase.',
  ),
  card_velocity_exceeded: row(
    'trouble',
    4,
    false,
    'card_declined',
    'try_again_later',
    '65',
    ['24', '25'],
    'Your card was declined for making repeated attempts too frequently or exceeding its amount limit.',
  ),
  authentication_required: row(
    'trouble',
    4,
    true,
    'authentication_required',
    null,
    '1A',
    [],
    'Your card was declined. This transaction requires authentication.',
  ),
  try_again_later: row(
    'trouble',
    4,
    false,
    'card_declined',
    'try_again_later',
    '91',
    ['02'],
    'Your card was declined. You can try again later.',
  ),
  processing_error: row(
    'trouble',
    3,
    false,
    'processing_error',
    'try_again_later',
    '96',
    ['02'],
    'An error occurred while processing your card. Try again in a little bit.',
  ),
  issuer_not_available: row(
    'trouble',
    3,
    false,
    'card_declined',
    'try_again_later',
    '91',
    ['02'],
    'Your card was declined.',
  ),
  expired_card: row(
    'dead',
    50,
    false,
    'expired_card',
    'confirm_card_data',
    '54',
    ['01'],
    'Your card has expired.',
  ),
  invalid_account: row(
    'dead',
    18,
    true,
    'card_declined',
    'do_not_try_again',
    '14',
    ['03'],
    'Your card was declined.',
  ),
  lost_card: row(
    'dead',
    12,
    true,
    'card_declined',
    'do_not_try_again',
    '41',
    ['03'],
    'Your card was declined.',
  ),
  stolen_card: row(
    'dead',
    8,
    true,
    'card_declined',
    'do_not_try_again',
    '43',
    ['03'],
    'Your card was declined.',
  ),
  pickup_card: row(
    'dead',
    6,
    true,
    'card_declined',
    'do_not_try_again',
    '04',
    ['03'],
    'Your card was declined.',
  ),
  revocation_of_authorization: row(
    'dead',
    6,
    true,
    'card_declined',
    'do_not_try_again',
    'R1',
    ['21'],
    'Your card was declined.',
  ),
} as const satisfies Record<string, DeclineRow>;

type DeclineCode = keyof typeof DECLINES;

function row(
  kind: DeclineRow['kind'],
  weight: number,
  hard: boolean,
  code: string,
  adviceCode: Decline['adviceCode'],
  visa: string,
  mastercardAdvice: readonly string[],
  message: string,
): DeclineRow {
  // Visa alone has the R and 1A codes; Mastercard says 62 and 65 instead, and American Express has codes of its own.
  const mastercard = { R1: '62', '1A': '65' }[visa] ?? visa;
  const amex = { '51': '116', '54': '101', '14': '111', '91': '912', '96': '909' }[visa] ?? '100';
  return {
    kind,
    weight,
    hard,
    code,
    adviceCode,
    network: { visa, mastercard, amex },
    mastercardAdvice,
    message,
  };
}

/** Draws a decline code of the mix. */
export function drawDecline(random: Random, kind: DeclineRow['kind']): DeclineCode {
  const codes = (Object.keys(DECLINES) as DeclineCode[]).filter(
    (code) => DECLINES[code].kind === kind,
  );
  return random.weighted(codes.map((code) => [code, DECLINES[code].weight] as const));
}

export function isHard(decline: Decline): boolean {
  return DECLINES[decline.declineCode as DeclineCode].hard;
}

/** A card is in trouble, or is not, for so long. */
const SPELL = 5 * DAY;
/** Share of attempts that get through while a card is in trouble. */
const LUCK_IN_TROUBLE = 0.12;
/** Share that gets through on the two days after wages come in, when money was what was missing. */
const LUCK_ON_PAYDAY = 0.65;

/**
 * Asks the issuer: null is an approval. A pure function of the card, the time and the number of the attempt, so that a
 * replayed world answers the same, and an attempt at a better time can be judged.
 */
export function authorise(
  card: Pick<Card, 'brand' | 'issuer'>,
  { at, attempt }: { at: number; attempt: number },
): Decline | null {
  const { seed, troubleRate, diesAt, deadDecline } = card.issuer;
  const draw = (label: string): Random => new Random(`${seed}/${label}`);
  if (diesAt !== null && at >= diesAt)
    return decline(card, deadDecline as DeclineCode, draw('dead'));

  const spell = Math.floor(at / SPELL);
  if (!draw(`spell ${String(spell)}`).chance(troubleRate)) return null;
  // Neighbouring spells of trouble mostly share their cause.
  const code = drawDecline(draw(`cause ${String(Math.floor(spell / 6))}`), 'trouble');
  const payday = [1, 2, 15, 16].includes(new Date(at * 1000).getUTCDate());
  const luck = code === 'insufficient_funds' && payday ? LUCK_ON_PAYDAY : LUCK_IN_TROUBLE;
  const now = draw(`attempt ${String(Math.floor(at / HOUR))} ${String(attempt)}`);
  return now.chance(luck) ? null : decline(card, code, now);
}

function decline(card: Pick<Card, 'brand'>, declineCode: DeclineCode, random: Random): Decline {
  const { code, adviceCode, network, mastercardAdvice, message } = DECLINES[declineCode];
  const advised = card.brand === 'mastercard' && mastercardAdvice.length > 0;
  return {
    code,
    declineCode,
    networkDeclineCode: network[card.brand] ?? null,
    networkAdviceCode: advised ? random.pick(mastercardAdvice) : null,
    adviceCode,
    outcomeType: 'issuer_declined',
    message,
  };
}
