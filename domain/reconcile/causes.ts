/** Why a figure is not the provider's own: a closed list, in the order in which each is asked for. */
import type { PolicyChange } from '../metrics/policy-changes';

interface CauseTerms {
  /** Whether it explains the difference: what does not must be looked into. */
  readonly explains: boolean;
  /** After "N differences: ". */
  readonly says: string;
  /** What to do about it, as a sentence. */
  readonly next: (account: string) => string;
}

const sync = (account: string) => `Sync it: recoup sync ${account}`;

export const CAUSES = {
  deleted: {
    explains: true,
    says: 'deleted at the provider, as its feed has told',
    next: () => 'Nothing: the provider goes on counting what is gone.',
  },
  not_computed: {
    explains: true,
    says: 'read, and not computed yet',
    next: (account) => `Compute it: recoup metrics restate --account ${account}`,
  },
  altered: {
    explains: false,
    says: 'a row that does not say what was read, so that something else has written it',
    next: (account) => `Make the rows anew: recoup metrics restate --account ${account} --rows`,
  },
  policy: {
    explains: true,
    says: 'counted by another policy; by the provider’s it is the same',
    next: (account) => `See what counts: recoup metrics policy show --account ${account}`,
  },
  not_normalised: {
    explains: true,
    says: 'read, and kept raw only, because something that it needs is missing',
    next: (account) =>
      `Report the reason; once this edition reads it: recoup metrics restate --account ${account} --rows`,
  },
  created_since: {
    explains: true,
    says: 'created after what was read last',
    next: sync,
  },
  waiting: {
    explains: true,
    says: 'known to have changed, and waiting to be read again',
    next: sync,
  },
  changed_since: {
    explains: true,
    says: 'changed at the provider after what was read last',
    next: sync,
  },
  price_unknown: {
    explains: true,
    says: 'priced by what could not be read',
    next: sync,
  },
  untraced: {
    explains: true,
    says: 'a past that the provider does not tell whole',
    next: () => 'Nothing can: it left no trace in what the provider serves.',
  },
  older_edition: {
    explains: true,
    says: 'read by an older edition of Recoup',
    next: (account) => `Make the rows anew: recoup metrics restate --account ${account} --rows`,
  },
  parked: {
    explains: true,
    says: 'in a list that could not be read to its end',
    next: (account) => `See why, and retry: recoup runs list --account ${account}`,
  },
  skipped: {
    explains: true,
    says: 'in a list that somebody told syncs to leave out',
    next: (account) => `See which, and retry it: recoup runs list --account ${account}`,
  },
  not_covered: {
    explains: true,
    says: 'never read: outside of all windows that were',
    next: (account) => `Read its window: recoup backfill ${account} --from … --to …`,
  },
  gone: {
    explains: true,
    says: 'no longer at the provider, which has not told so',
    next: () => 'Nothing reads that it is gone: the feed tells, or nobody.',
  },
  unexplained: {
    explains: false,
    says: 'unexplained',
    next: (account) =>
      `Read them again: recoup backfill ${account} --refetch; if they stay different, report it.`,
  },
} as const satisfies Record<string, CauseTerms>;

export type CauseName = keyof typeof CAUSES;
export const CAUSE_NAMES = Object.keys(CAUSES) as readonly CauseName[];

export interface Cause {
  readonly name: CauseName;
  /** What shows it, as a sentence without its full stop; empty where the name says all. */
  readonly shown: string;
}

/** Where a list of the provider's stands, by its newest run. */
export interface ListState {
  readonly resource: string;
  readonly run: string;
  readonly state: 'parked' | 'skipped';
  readonly reason: string | null;
}

/** What is known of one difference; what does not concern it is left out. */
export interface Evidence {
  readonly buried?: boolean;
  /** Of what the provider alone has: whether its creation was read. */
  readonly creation?: 'covered' | 'later' | 'outside';
  /** The newest read of the object, or of one that names the customer. */
  readonly unread?:
    { readonly type: string; readonly id: string; readonly reason: string } | undefined;
  readonly list?: ListState | undefined;
  /** Ids that wait to be read again. */
  readonly waiting?: readonly string[];
  /** What the feed tells of since. */
  readonly changed?: { readonly id: string; readonly at: Date } | undefined;
  readonly gone?: boolean;
  readonly olderEdition?: boolean;
  /** Whether the row, or the ledger, says what it was made from. */
  readonly follows?: boolean;
  readonly dirty?: boolean;
  /** Fields in which the provider's policy is another, where by that one the figure is the provider's. */
  readonly policy?: readonly PolicyChange[];
  readonly missingPrices?: readonly string[];
  readonly untraced?: string | undefined;
}

/** What of the evidence shows the cause; null where nothing does. */
type Rule = (evidence: Evidence) => string | null;

const when = (holds: boolean | undefined, shown = ''): string | null => (holds ? shown : null);

const list =
  (state: ListState['state']): Rule =>
  ({ list: of }) =>
    of?.state === state
      ? `${of.resource} was ${state} in ${of.run}${of.reason === null ? '' : `: ${of.reason}`}`
      : null;

/** In the order of CAUSES: what is proven before what only may be. */
const RULES: Readonly<Record<CauseName, Rule>> = {
  deleted: ({ buried }) => when(buried),
  not_computed: ({ dirty }) => when(dirty),
  altered: ({ follows }) => when(follows === false),
  policy: ({ policy = [] }) =>
    when(
      policy.length > 0,
      policy.map(({ field, from, to }) => `${field}: ${from} there, ${to} here`).join('; '),
    ),
  not_normalised: ({ unread }) => (unread ? `${unread.type} ${unread.id}: ${unread.reason}` : null),
  created_since: ({ creation }) => when(creation === 'later'),
  waiting: ({ waiting = [] }) => when(waiting.length > 0, waiting.join(' ')),
  changed_since: ({ changed }) =>
    changed ? `the feed tells of ${changed.id} at ${changed.at.toISOString()}` : null,
  price_unknown: ({ missingPrices = [] }) =>
    when(missingPrices.length > 0, missingPrices.join(' ')),
  untraced: ({ untraced }) => untraced ?? null,
  older_edition: ({ olderEdition }) => when(olderEdition),
  parked: list('parked'),
  skipped: list('skipped'),
  not_covered: ({ creation }) => when(creation === 'outside'),
  gone: ({ gone }) => when(gone),
  unexplained: () => '',
};

/** The first that the evidence shows; `unexplained` when nothing does. */
export function causeOf(evidence: Evidence): Cause {
  for (const [name, rule] of Object.entries(RULES) as [CauseName, Rule][]) {
    const shown = rule(evidence);
    if (shown !== null) return { name, shown };
  }
  return { name: 'unexplained', shown: '' };
}
