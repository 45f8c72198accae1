/** What ops see of a recovery case, in words: what happens next, when, and why; what was decided last; what they can do. */
import { basisOf } from '../domain/recovery/basis';
import { nextActionAtMs } from '../domain/recovery/engine';
import type { CaseMemory } from '../domain/recovery/memory';
import type { RecoveryPolicy } from '../domain/recovery/policy';
import type { CaseState } from '../domain/recovery/states';
import { countOf, formatMinor, groupThousands } from '../domain/words';
import { EXAMPLES } from './contract';
import { END } from './details';

export interface ShownCase {
  readonly memory: CaseMemory;
  readonly policy: RecoveryPolicy;
  readonly nowMs: number;
  /** Whole sentences. */
  readonly notes: readonly string[];
}

/** `{attempt}`: the number of the one at hand, or of the next. `{at}`: when, or `now`. */
const NEXT: Record<CaseState, string> = {
  discovered: 'it is opened by its campaign.',
  eligibility: 'it is opened by its campaign.',
  holdout: 'nothing: it is watched, and never charged.',
  monitoring: 'the provider retries by itself; the invoice is read again {at}.',
  planning: 'what comes next is decided {at}.',
  scheduled:
    'attempt {attempt} is made {at}, if the invoice is still open then. `attemptNow` makes it at once, `pause` or `cancel` stops it.',
  precheck:
    'the invoice is read again {at}, and attempt {attempt} is made if nothing speaks against it.',
  charging: 'attempt {attempt} is being made.',
  unknown:
    'attempt {attempt} is looked up {at}. No other one is made before it is proven what became of it.',
  pending_settlement:
    'attempt {attempt} is being settled; whether it has come through is asked {at}.',
  awaiting_customer:
    'the customer pays by the link, or gives a new payment method; the invoice is read again {at}.',
  paused: '`resume` goes on, `cancel` ends it.',
  needs_human: 'mend the cause above, then `resume`; or `cancel`.',
  recovered_by_us: 'nothing, it has ended.',
  recovered_elsewhere: 'nothing, it has ended.',
  partially_recovered: 'nothing, it has ended.',
  exhausted: 'nothing, it has ended. `recoup recoveries reopen` tries it again.',
  hard_stopped: 'nothing, it has ended.',
  canceled: 'nothing, it has ended.',
  excluded: 'nothing, it has ended.',
  reversed: 'nothing, it has ended.',
};
const NEXT_UNPROVEN = `find out in the provider's dashboard what became of attempt {attempt}, then say so: update \`resolve\` with \`${JSON.stringify(EXAMPLES.resolve)}\`. Its outcome is \`succeeded\`, \`declined\` or \`absent\`. \`resume\` looks it up once more.`;

const NEXT_ACCOUNT_PAUSED =
  'it goes on once its account is resumed: with the next sync then, or when it looks for itself {at}. `resume` looks at once, `cancel` ends it.';

export function renderCase({ memory, policy, nowMs, notes }: ShownCase): string {
  const { account, invoice, provider, state, because, decision, open, remembered } = memory;
  const parts = [
    `### Invoice ${invoice} of ${provider} account ${account}: ${state.replaceAll('_', ' ')}`,
    because,
    `**Next:** ${nextOf(memory, { policy, nowMs })}`,
    ...remembered.map(
      ({ type }) => `**Afterwards:** ${type.replaceAll('_', ' ')}, once the outcome is known.`,
    ),
    ...notes,
  ];
  if (decision !== null && decision.because !== '') {
    parts.push(`**Last decision:** ${decision.because}${basis(decision.facts)}`);
  }
  const made = countOf(memory.attempts, 'attempt');
  const unsure = open === null ? '' : `, and number ${String(open)} without an outcome yet`;
  parts.push(
    `${made} so far${unsure}. ${amountOf(memory)}, campaign \`${memory.campaign}\`, until ${instant(memory.windowEndsAtMs)}.`,
    `See \`recoup recoveries explain ${invoice}\`.`,
    END,
  );
  return parts.join('\n\n');
}

function nextOf(
  memory: CaseMemory,
  moment: { readonly policy: RecoveryPolicy; readonly nowMs: number },
): string {
  const { state, open, attempts, desired } = memory;
  const atMs = nextActionAtMs(memory, moment);
  const text =
    state === 'needs_human' && open !== null
      ? NEXT_UNPROVEN
      : state === 'paused' && desired === 'run'
        ? NEXT_ACCOUNT_PAUSED
        : NEXT[state];
  return text
    .replaceAll('{attempt}', String(open ?? attempts + 1))
    .replaceAll('{at}', atMs === null || atMs <= moment.nowMs ? 'now' : `at ${instant(atMs)}`);
}

const basis = (facts: Readonly<Record<string, unknown>> | null): string => {
  const text = basisOf(facts);
  return text === '' ? '' : ` (${text})`;
};

const amountOf = ({ amountMinor, exponent, currency }: CaseMemory): string =>
  exponent === undefined
    ? `${groupThousands(amountMinor)} ${currency} (in its smallest unit)`
    : `${formatMinor(BigInt(amountMinor), exponent)} ${currency.toUpperCase()}`;

/** `2026-11-03 09:00 UTC`. */
const instant = (atMs: number): string =>
  `${new Date(atMs).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
