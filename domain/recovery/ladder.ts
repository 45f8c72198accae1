/**
 * When a failed payment is tried again, by plain rules for each class of decline: the floor and the cold start of a learned
 * policy that is to come behind the same signature. The same input always gives the same plan.
 *
 * What an earliest instant says (a network's ceiling, an advice, the quiet after a decline) always holds; what a
 * preference says (a payday, an even spread, waking hours) is given up where it would end after the campaign's window.
 */
import { HOUR_MS, withinHours, zoneOf } from './calendar';
import { allowance, deadlineOf, type Allowance } from './ceilings';
import type { Decline } from './decline';
import { CEILINGS } from './network-rules';
import type { Plan, Situation } from './plan';
import { isUnmapped, preference, WAKING } from './preference';
import { REASONS, type ReasonName } from './reasons';

/** Soon after a decline another try does worse and looks like an attack. */
const QUIET_MS = 12 * HOUR_MS;
/** Tries without knowing what the decline means. */
const MAX_UNMAPPED_TRIES = 2;
/** An unclear outcome is looked at again no sooner than this. */
const RECONCILE_MS = HOUR_MS / 12;

/** A number from 0 to less than 1, the same for the same text: FNV-1a, its bits mixed once more. */
function fractionOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}

const stop = (as: 'exhausted' | 'hard_stopped', rule: string, because: string): Plan => ({
  kind: 'stop',
  as,
  because,
  rules: [rule],
});

const awaitCustomer = (remedy: 'update' | 'authenticate', rule: string, because: string): Plan => ({
  kind: 'await_customer',
  remedy,
  because,
  rules: [rule],
});

/** Nothing is wrong with the payment, but with what it was tried with: it may be paid with something else. */
const OF_THE_CARD: ReadonlySet<ReasonName> = new Set([
  'account_closed',
  'details_replaced',
  'do_not_retry',
  'expired_card',
  'lost_card',
  'no_such_account',
  'not_activated',
  'not_permitted',
  'not_supported',
  'pickup_card',
  'restricted',
  'single_use_card',
  'stolen_card',
]);

const anotherMayDo = ({ reason }: Decline): boolean => OF_THE_CARD.has(reason);

/** What follows from a decline after which these payment details are of no use as they are; null when they may be. */
function verdictOf(decline: Decline, nowMs: number): Plan | null {
  const why = REASONS[decline.reason].merchant;
  switch (decline.retryable) {
    case 'no':
      return anotherMayDo(decline)
        ? awaitCustomer(
            'update',
            'not-retryable',
            `${why} It must not be tried again; another one may do.`,
          )
        : stop('hard_stopped', 'not-retryable', `${why} It must not be tried again.`);
    case 'after_update':
      return awaitCustomer('update', 'needs-update', `${why} Only new payment details can help.`);
    case 'after_auth':
      return awaitCustomer('authenticate', 'needs-customer', `${why} Only the customer can help.`);
    case 'reconcile':
      return {
        kind: 'monitor',
        untilMs: nowMs + Math.max(RECONCILE_MS, decline.delayMs ?? 0),
        because: why,
        rules: ['reconcile'],
      };
    case 'yes':
      if (decline.class === 'authentication')
        return awaitCustomer(
          'authenticate',
          'needs-customer',
          `${why} Only the customer can help.`,
        );
      return decline.class === 'fraud'
        ? stop('hard_stopped', 'fraud', `${why} Another try would look like more of it.`)
        : null;
  }
}

/** Why nothing is tried any more, or not now; null when an attempt is to be planned. */
function withoutAttempt(given: Situation, allowed: Allowance): Plan | null {
  const { latest, limits, attempts, nowMs, providerRetryAtMs } = given;
  const verdict = latest && verdictOf(latest.decline, nowMs);
  if (verdict) return verdict;
  if (allowed.kind === 'never') {
    const says = saysOf(allowed.rule);
    if (allowed.decline === null) return stop('exhausted', allowed.rule, says);
    return allowed.decline.retryable === 'no' && !anotherMayDo(allowed.decline)
      ? stop('hard_stopped', allowed.rule, says)
      : awaitCustomer('update', allowed.rule, `${says} Another one may do.`);
  }
  if (nowMs >= limits.windowEndsAtMs)
    return stop('exhausted', 'window', 'The time that the campaign gives this payment is over.');
  if (attempts.length >= limits.maxAttempts)
    return stop(
      'exhausted',
      'max-attempts',
      limits.maxAttempts === 1
        ? 'The campaign allows one try.'
        : `The campaign allows ${limits.maxAttempts} tries.`,
    );
  const guesses = attempts.filter(({ decline }) => decline !== null && isUnmapped(decline)).length;
  if (latest && isUnmapped(latest.decline) && guesses >= MAX_UNMAPPED_TRIES)
    return stop(
      'exhausted',
      'unmapped',
      `What the decline means is not known, so it was tried ${MAX_UNMAPPED_TRIES} times only.`,
    );
  if (providerRetryAtMs !== null && providerRetryAtMs > nowMs)
    return {
      kind: 'monitor',
      untilMs: Math.min(providerRetryAtMs, limits.windowEndsAtMs),
      because: 'The provider is going to try this payment itself.',
      rules: ['provider-retry'],
    };
  return null;
}

const saysOf = (rule: string): string => CEILINGS.find(({ id }) => id === rule)?.says ?? '';

/** An instant before which nothing is tried, and the rule that says so. */
interface Bound {
  readonly atMs: number;
  readonly rule: string;
  readonly because: string;
}

/** The latest of all instants before which nothing is tried; `nowMs` when none is in the future. */
function earliestOf({ latest, charges, nowMs }: Situation, allowed: Allowance): Bound {
  const quietSinceMs = charges.reduce(
    (lastMs, { atMs, status, decline }) =>
      status === 'failed' && decline?.class !== 'technical' ? Math.max(lastMs, atMs) : lastMs,
    -Infinity,
  );
  const bounds: Bound[] = [
    { atMs: nowMs, rule: '', because: '' },
    ...(allowed.kind === 'not_before' ? [{ ...allowed, because: saysOf(allowed.rule) }] : []),
    {
      atMs: quietSinceMs + QUIET_MS,
      rule: 'quiet-after-decline',
      because: 'After a decline these payment details are left alone for 12 hours.',
    },
    {
      atMs: latest ? latest.atMs + (latest.decline.delayMs ?? 0) : nowMs,
      rule: 'advised-delay',
      because: 'The decline says not to try earlier.',
    },
  ];
  return bounds.reduce((last, bound) => (bound.atMs > last.atMs ? bound : last));
}

export function planAttempt(given: Situation): Plan {
  const { payment, charges, limits, customer, attempts, seed, nowMs } = given;
  const asked = { ...payment, charges, nowMs };
  const allowed = allowance(asked);
  const settled = withoutAttempt(given, allowed);
  if (settled) return settled;

  const earliest = earliestOf(given, allowed);
  const deadline = deadlineOf(asked);
  const endMs = Math.min(limits.windowEndsAtMs, deadline?.atMs ?? Infinity);
  if (earliest.atMs > endMs)
    return stop(
      'exhausted',
      earliest.rule,
      `${earliest.because} That is after the time that is left for this payment.`,
    );

  const zone = zoneOf(customer);
  const best = preference(given, { zone, earliestMs: earliest.atMs });
  const awakeMs = best.anyHour ? best.atMs : withinHours(zone, best.atMs, WAKING);
  const fromMs = awakeMs <= endMs ? awakeMs : earliest.atMs;
  const spreadMs = Math.min(best.spreadMs, endMs - fromMs);
  const held = earliest.rule !== '' && best.atMs === earliest.atMs;
  const why = given.latest ? [REASONS[given.latest.decline.reason].merchant] : [];
  return {
    kind: 'attempt',
    atMs: Math.floor(fromMs + fractionOf(`${seed}/${attempts.length}`) * spreadMs),
    because: [...why, ...(held ? [earliest.because] : []), best.because].join(' '),
    rules: [
      ...best.rules,
      ...(held ? [earliest.rule] : []),
      ...(awakeMs === best.atMs ? [] : ['waking-hours']),
    ],
  };
}
