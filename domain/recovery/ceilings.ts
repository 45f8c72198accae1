/**
 * What the networks' rules come to for one credential. A campaign may only be stricter. The limits are per acceptor, so all
 * charges of one account with one credential share them, whoever made them: us, the provider's own retries, a checkout.
 */
import type { Charge } from './charge';
import type { Decline } from './decline';
import {
  CEILINGS,
  SCHEME_OF_METHOD,
  type Ceiling,
  type Representable,
  type Scheme,
} from './network-rules';

export { RULE_EDITION } from './network-rules';

export interface AllowanceRequest {
  /**
   * Every known charge of this credential at this account, in any order; sorted ones are fastest. One that is pending or
   * open counts as declined, a succeeded one not at all. A code that forbids further tries does so however old it is.
   */
  readonly charges: readonly Charge[];
  readonly amountMinor: bigint;
  readonly currency: string;
  /** Lower case; null where the provider does not tell: then the strictest limits hold. */
  readonly network: string | null;
  /** Where the credential was issued: ISO 3166 alpha-2. */
  readonly country: string | null;
  /** `card`, `sepa_debit`, … */
  readonly methodType: string | null;
  /** Epoch milliseconds of the first failure of what is to be paid; null when not known: then no deadline is held. */
  readonly firstFailedAtMs: number | null;
  readonly nowMs: number;
}

export type Allowance =
  /** `rules`: the ids of those that were asked. */
  | { readonly kind: 'now'; readonly rules: readonly string[] }
  /** Not before this; by then other charges may have been made, so ask again. */
  | { readonly kind: 'not_before'; readonly atMs: number; readonly rule: string }
  /** Not with this credential. `decline` is what forbids it; null when it is too late. */
  | { readonly kind: 'never'; readonly rule: string; readonly decline: Decline | null };

const CARD_NETWORKS: Readonly<Record<string, Scheme>> = {
  visa: 'visa',
  mastercard: 'mastercard',
  elo: 'elo',
};

function schemeOf({ network, methodType }: Pick<AllowanceRequest, 'network' | 'methodType'>) {
  const debit = methodType === null ? undefined : SCHEME_OF_METHOD[methodType];
  return debit ?? (network === null ? undefined : CARD_NETWORKS[network]) ?? 'card';
}

/** A rule with its days as instants, by scheme, so that asking a million times parses no date. */
const BY_SCHEME = new Map<Scheme, { rule: Ceiling; fromMs: number; untilMs: number }[]>();
for (const rule of CEILINGS) {
  const fromMs = Date.parse(rule.effectiveFrom);
  const untilMs = rule.effectiveUntil === undefined ? Infinity : Date.parse(rule.effectiveUntil);
  for (const scheme of rule.schemes) {
    const known = BY_SCHEME.get(scheme) ?? [];
    known.push({ rule, fromMs, untilMs });
    BY_SCHEME.set(scheme, known);
  }
}

type WhoAndWhen = Pick<AllowanceRequest, 'network' | 'methodType' | 'country' | 'nowMs'>;

/** The rules in force for such a credential at that moment. */
export function ceilingsFor(asked: WhoAndWhen): Ceiling[] {
  const found: Ceiling[] = [];
  for (const { rule, fromMs, untilMs } of BY_SCHEME.get(schemeOf(asked)) ?? []) {
    if (asked.nowMs < fromMs || asked.nowMs >= untilMs) continue;
    if (rule.country === undefined || rule.country === asked.country) found.push(rule);
  }
  return found;
}

/** The last moment at which this payment may be tried at all; null when no rule sets one. */
export function deadlineOf(
  asked: WhoAndWhen & Pick<AllowanceRequest, 'firstFailedAtMs'>,
): { readonly atMs: number; readonly rule: string } | null {
  if (asked.firstFailedAtMs === null) return null;
  for (const { id, effect } of ceilingsFor(asked)) {
    if (effect.kind === 'deadline')
      return { atMs: asked.firstFailedAtMs + effect.withinMs, rule: id };
  }
  return null;
}

/** Whether a bank debit may be presented again after this decline. The scheme's own code decides where it is known. */
function representable(
  { known, class: what, retryable }: Decline,
  allowed: { vocabulary: string; codes: readonly Representable[]; country: string | null },
): boolean {
  const ofScheme = known.filter(({ vocabulary }) => vocabulary === allowed.vocabulary);
  const deciding = ofScheme.length > 0 ? ofScheme : known;
  const listed = deciding.some((ref) =>
    allowed.codes.some(
      ({ code, countries }) =>
        code === ref.code && (countries === undefined || countries.includes(allowed.country ?? '')),
    ),
  );
  const isHarmless = retryable === 'yes' && (what === 'funds' || what === 'technical');
  return listed || (ofScheme.length === 0 && isHarmless);
}

/** Whether after this decline the credential may never be tried again. */
function forbids(
  { effect }: Ceiling,
  decline: Decline,
  { country, paidSince }: { country: string | null; paidSince: boolean },
): boolean {
  switch (effect.kind) {
    case 'never_after':
      for (const { vocabulary, code } of decline.known) {
        if (vocabulary === effect.vocabulary && effect.codes.includes(code)) return true;
      }
      return false;
    case 'never_after_class':
      return (
        !paidSince &&
        decline.by?.vocabulary !== effect.exceptVocabulary &&
        effect.classes.includes(decline.class) &&
        effect.retryable.includes(decline.retryable)
      );
    case 'never_unless':
      return !representable(decline, {
        vocabulary: effect.vocabulary,
        codes: effect.codes,
        country,
      });
    default:
      return false;
  }
}

/** The first decline after which the credential may not be tried again, and the rule that says so. */
function forbidden(rules: readonly Ceiling[], { charges, country }: AllowanceRequest) {
  const paidAtMs = charges.findLast(({ status }) => status === 'succeeded')?.atMs ?? -Infinity;
  for (const { decline, atMs } of charges) {
    if (decline === null) continue;
    for (const rule of rules) {
      if (forbids(rule, decline, { country, paidSince: paidAtMs > atMs }))
        return { rule: rule.id, decline };
    }
  }
  return null;
}

/** The instant until which these charges forbid another under this rule; -Infinity when they do not. */
function heldUntilMs({ effect }: Ceiling, charges: readonly Charge[], asked: AllowanceRequest) {
  if (effect.kind === 'limit') {
    let counted = 0;
    for (let index = charges.length - 1; index >= 0; index -= 1) {
      const charge = charges[index] as Charge;
      const freeMs = charge.atMs + effect.windowMs;
      if (freeMs <= asked.nowMs) break;
      if (charge.status === 'succeeded') continue;
      if (
        effect.perAmount &&
        (charge.amountMinor !== asked.amountMinor || charge.currency !== asked.currency)
      )
        continue;
      counted += 1;
      if (counted === effect.limit) return freeMs;
    }
  }
  if (effect.kind === 'wait') {
    let untilMs = -Infinity;
    for (const { atMs, decline } of charges) {
      for (const { vocabulary, code } of decline?.known ?? []) {
        const delayMs = vocabulary === effect.vocabulary ? effect.delaysMs[code] : undefined;
        if (delayMs !== undefined) untilMs = Math.max(untilMs, atMs + delayMs);
      }
    }
    return untilMs;
  }
  return -Infinity;
}

function inOrder(charges: readonly Charge[]): readonly Charge[] {
  for (let index = 1; index < charges.length; index += 1) {
    if ((charges[index - 1] as Charge).atMs > (charges[index] as Charge).atMs)
      return charges.toSorted((a, b) => a.atMs - b.atMs);
  }
  return charges;
}

/**
 * Whether another charge may be made now, by all rules in force. One more charge that did not succeed never allows an
 * earlier one. Takes a few passes over the charges.
 */
export function allowance(asked: AllowanceRequest): Allowance {
  const rules = ceilingsFor(asked);
  const charges = inOrder(asked.charges);
  const never = forbidden(rules, { ...asked, charges });
  if (never) return { kind: 'never', ...never };
  let held: { atMs: number; rule: string } | null = null;
  for (const rule of rules) {
    const atMs = heldUntilMs(rule, charges, asked);
    if (atMs > (held?.atMs ?? asked.nowMs)) held = { atMs, rule: rule.id };
  }
  const deadline = deadlineOf(asked);
  if (deadline && (held?.atMs ?? asked.nowMs) > deadline.atMs)
    return { kind: 'never', rule: deadline.rule, decline: null };
  return held ? { kind: 'not_before', ...held } : { kind: 'now', rules: rules.map(({ id }) => id) };
}
