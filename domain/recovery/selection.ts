/** What becomes of an invoice that a campaign looks at: the same for a campaign that begins and for one that is only tried. */
import type { Decline, DeclineCodes } from './decline';
import { exclusionOf, type Exclusion, type InvoiceFacts } from './fitness';
import { isDrawn } from './holdout';
import type { CampaignTerms } from './terms';

/** An unpaid invoice as it is stored. */
export interface Candidate extends Omit<InvoiceFacts, 'declineClass'> {
  readonly invoiceId: string;
  readonly customerId: string | null;
  readonly exponent: number;
  /** Of its newest failed payment; null when none has failed. */
  readonly codes: DeclineCodes | null;
  /** The campaign whose case it is already. */
  readonly campaignId: string | null;
  /** Whether its customer is in the control group for good. */
  readonly isHeldOut: boolean;
  /** Draws its customer, see `holdout.ts`. */
  readonly draw: Uint8Array;
}

export type Verdict =
  | { readonly kind: 'fit'; readonly heldOut: boolean; readonly decline: Decline | null }
  /** It is a case of a campaign already. */
  | { readonly kind: 'taken'; readonly campaignId: string }
  | { readonly kind: 'excluded'; readonly why: Exclusion };

export interface SelectionRules {
  readonly terms: CampaignTerms;
  readonly readDecline: (codes: DeclineCodes) => Decline;
}

export function verdictOf(candidate: Candidate, { terms, readDecline }: SelectionRules): Verdict {
  const { codes, campaignId, isHeldOut, draw } = candidate;
  if (campaignId !== null) return { kind: 'taken', campaignId };
  const decline = codes === null ? null : readDecline(codes);
  const why = exclusionOf({ ...candidate, declineClass: decline?.class ?? null }, terms);
  if (why !== null) return { kind: 'excluded', why };
  return { kind: 'fit', heldOut: isHeldOut || isDrawn(draw, terms.holdoutBp), decline };
}

export interface AmountBy {
  readonly cases: number;
  readonly amountMinor: bigint;
}

/** What a campaign would do, counted. */
export interface Assessment {
  readonly invoices: number;
  readonly fit: number;
  readonly heldOut: number;
  readonly taken: number;
  /** Of those that fit, held out or not. */
  readonly groups: readonly (AmountBy & {
    readonly currency: string;
    readonly exponent: number;
    readonly declineClass: string;
    readonly heldOut: number;
  })[];
  readonly excluded: Readonly<Partial<Record<Exclusion, number>>>;
  /** Codes that no vocabulary holds, with how often each was met among those that fit. */
  readonly unmapped: Readonly<Record<string, number>>;
}

export const NOTHING_ASSESSED: Assessment = {
  invoices: 0,
  fit: 0,
  heldOut: 0,
  taken: 0,
  groups: [],
  excluded: {},
  unmapped: {},
};

/** Adds a page of invoices to what was counted before. */
export function assess(
  before: Assessment,
  page: readonly Candidate[],
  rules: SelectionRules,
): Assessment {
  const groups = new Map(before.groups.map((group) => [keyOf(group), group]));
  const excluded = { ...before.excluded };
  const unmapped = { ...before.unmapped };
  let { fit, heldOut, taken } = before;
  for (const candidate of page) {
    const verdict = verdictOf(candidate, rules);
    if (verdict.kind === 'taken') taken += 1;
    else if (verdict.kind === 'excluded') excluded[verdict.why] = (excluded[verdict.why] ?? 0) + 1;
    else {
      const { decline } = verdict;
      const isHeldOut = verdict.heldOut ? 1 : 0;
      fit += 1;
      heldOut += isHeldOut;
      const { currency, exponent, remainingMinor } = candidate;
      const group = { currency, exponent, declineClass: decline?.class ?? 'unknown' };
      const known = groups.get(keyOf(group)) ?? { ...group, cases: 0, amountMinor: 0n, heldOut: 0 };
      groups.set(keyOf(group), {
        ...known,
        cases: known.cases + 1,
        amountMinor: known.amountMinor + remainingMinor,
        heldOut: known.heldOut + isHeldOut,
      });
      const code = decline?.unmapped ?? null;
      if (code !== null) unmapped[code] = (unmapped[code] ?? 0) + 1;
    }
  }
  return {
    invoices: before.invoices + page.length,
    fit,
    heldOut,
    taken,
    groups: [...groups.values()].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1)),
    excluded,
    unmapped,
  };
}

const keyOf = ({ currency, declineClass }: { currency: string; declineClass: string }): string =>
  `${currency} ${declineClass}`;
