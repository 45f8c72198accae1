/** What is said of an attempt, by the answer to its request, a lookup or a person; and what follows for what the ledger has. */
import type { Attempt, AttemptState } from './attempt';
import type { Decline, DeclineCodes } from './decline';
import type { PaymentAnswer, PaymentFinding, PaymentOutcome } from './payment';

export type ReadDecline = (codes: DeclineCodes) => Decline;

export interface Said {
  readonly state: Exclude<AttemptState, 'intended'>;
  /** `fence`: whoever was to send it says that it was not. */
  readonly by: 'answer' | 'lookup' | 'person' | 'fence';
  readonly chargeId: string | null;
  readonly requestId: string | null;
  readonly paidMinor: bigint | null;
  readonly decline: Decline | null;
  /** For people. */
  readonly note: string | null;
}

const NOTHING = { chargeId: null, requestId: null, paidMinor: null, decline: null, note: null };

const saidByOutcome = (
  outcome: PaymentOutcome,
  readDecline: ReadDecline,
): Omit<Said, 'by' | 'requestId'> => ({
  ...NOTHING,
  state: outcome.kind,
  chargeId: outcome.chargeId,
  ...(outcome.kind === 'succeeded' && { paidMinor: outcome.amountMinor }),
  ...(outcome.kind === 'declined' && { decline: readDecline(outcome.codes) }),
});

export function saidByAnswer(answer: PaymentAnswer, readDecline: ReadDecline): Said {
  const who = { by: 'answer', requestId: answer.requestId } as const;
  switch (answer.kind) {
    case 'not_sent':
    case 'refused':
      return { ...NOTHING, ...who, state: 'absent', note: answer.error.message };
    case 'unknown':
      return { ...NOTHING, ...who, state: 'unknown', note: answer.error.message };
    default:
      return { ...saidByOutcome(answer, readDecline), ...who };
  }
}

/**
 * Null when the finding proves nothing. `lookedAt` is the ledger's clock before the look. What was taken once is proof enough
 * that it happened, though a look does not show it.
 */
export function saidByFinding(
  finding: PaymentFinding,
  { attempt, lookedAt, readDecline }: FindingContext,
): Said | null {
  switch (finding.kind) {
    case 'unclear':
      return null;
    case 'absent':
      return attempt.state !== 'pending' && lookedAt >= attempt.absentAfter
        ? { ...NOTHING, state: 'absent', by: 'lookup' }
        : null;
    default:
      return {
        ...saidByOutcome(finding, readDecline),
        by: 'lookup',
        requestId: finding.requestId,
      };
  }
}

export interface FindingContext {
  readonly attempt: Attempt;
  readonly lookedAt: Date;
  readonly readDecline: ReadDecline;
}

/** Its sender was woken when its time to be sent was over. */
export const saidBySender = (): Said => ({
  ...NOTHING,
  state: 'absent',
  by: 'fence',
  note: 'It was not sent: its time was over before it could be.',
});

export const saidByPerson = (
  { amountMinor }: Attempt,
  state: 'succeeded' | 'declined' | 'absent',
  reason: string,
): Said => ({
  ...NOTHING,
  state,
  by: 'person',
  note: reason,
  ...(state === 'succeeded' && { paidMinor: amountMinor }),
});

type Verdict =
  /** It is so from now on. */
  | 'apply'
  /** Nothing new. */
  | 'agrees'
  /** Money that moved is believed, whatever was concluded before; a person is told. */
  | 'corrects'
  /** Both cannot be true: what the ledger has stays, and a person is told. */
  | 'contradicts';

const VERDICTS: Record<AttemptState, Record<Said['state'], Verdict>> = {
  intended: {
    unknown: 'apply',
    pending: 'apply',
    succeeded: 'apply',
    declined: 'apply',
    absent: 'apply',
    returned: 'apply',
  },
  unknown: {
    unknown: 'agrees',
    pending: 'apply',
    succeeded: 'apply',
    declined: 'apply',
    absent: 'apply',
    returned: 'apply',
  },
  pending: {
    unknown: 'agrees',
    pending: 'agrees',
    succeeded: 'apply',
    declined: 'apply',
    absent: 'contradicts',
    returned: 'apply',
  },
  succeeded: {
    unknown: 'agrees',
    pending: 'agrees',
    succeeded: 'agrees',
    declined: 'contradicts',
    absent: 'contradicts',
    returned: 'apply',
  },
  declined: {
    unknown: 'agrees',
    pending: 'contradicts',
    succeeded: 'corrects',
    declined: 'agrees',
    absent: 'contradicts',
    returned: 'contradicts',
  },
  absent: {
    unknown: 'agrees',
    pending: 'contradicts',
    succeeded: 'corrects',
    declined: 'corrects',
    absent: 'agrees',
    returned: 'corrects',
  },
  returned: {
    unknown: 'agrees',
    pending: 'agrees',
    succeeded: 'contradicts',
    declined: 'agrees',
    absent: 'contradicts',
    returned: 'agrees',
  },
};

export type Settlement =
  | { readonly write: false; readonly conflict: string | null }
  | {
      readonly write: true;
      readonly conflict: string | null;
      /** A payment that was taken and then failed has come back. */
      readonly state: Said['state'];
      /** Of what is so now: why nobody knew before is in the story of the case. What a person has said is kept for ever. */
      readonly note: string | null;
    };

const SAYS = {
  answer: 'a late answer',
  lookup: 'a lookup',
  person: 'a person',
  fence: 'its sender',
} as const;

export function settle(attempt: Attempt, said: Said): Settlement {
  const { number, state, chargeId } = attempt;
  const verdict = VERDICTS[state][said.state];
  const sameCharge = chargeId === null || said.chargeId === null || chargeId === said.chargeId;
  const who = SAYS[said.by];
  const conflict = `Attempt ${number} is ${state} in the ledger, and ${who} says ${said.state}${
    said.chargeId === null ? '' : ` (${said.chargeId})`
  }.`;
  if (verdict === 'contradicts' || (verdict === 'agrees' && !sameCharge))
    return { write: false, conflict };
  if (verdict === 'agrees') return { write: false, conflict: null };
  return {
    write: true,
    conflict: verdict === 'corrects' ? conflict : null,
    state: state === 'pending' && said.state === 'declined' ? 'returned' : said.state,
    note: said.note ?? (attempt.settledBy === 'person' ? attempt.note : null),
  };
}
