/** What ops see of a recovery case, in words: what happens next, when, and why; what was decided last; what they can do. */
import { nextActionAtMs } from '../domain/recovery/engine';
import type { CaseMemory } from '../domain/recovery/memory';
import type { RecoveryPolicy } from '../domain/recovery/policy';
import type { CaseState } from '../domain/recovery/states';
import { countOf, groupThousands } from '../domain/words';
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
  monitoring: 'the provider retries by itself; the invoice is looked at {at}.',
  planning: 'what comes next is decided {at}.',
  scheduled:
    'attempt {attempt} is made {at}, if the invoice is still open then. `attemptNow` makes it at once, `pause` or `cancel` stops it.',
  precheck:
    'the invoice is read again {at}, and attempt {attempt} is made if nothing speaks against it.',
  charging: 'attempt {attempt} is being made.',
  unknown:
    'attempt {attempt} is looked up {at}. No other one is made before it is proven what became of it.',
  pending_settlement: 'attempt {attempt} is being settled; it is looked at {at}.',
  awaiting_customer:
    'the customer pays by the link, or gives a new payment method; the invoice is looked at {at}.',
  paused: '`resume` goes on, `cancel` ends it.',
  needs_human: 'mend the cause above, then `resume`; or `cancel`.',
  recovered_by_us: 'nothing.',
  recovered_elsewhere: 'nothing.',
  partially_recovered: 'nothing.',
  exhausted: 'nothing.',
  hard_stopped: 'nothing.',
  canceled: 'nothing.',
  excluded: 'nothing.',
  reversed: 'nothing.',
};
const NEXT_UNPROVEN = `find out in the provider's dashboard what became of attempt {attempt}, then say so: update \`resolve\` with \`${JSON.stringify(EXAMPLES.resolve)}\`. Its outcome is \`succeeded\`, \`declined\` or \`absent\`. \`resume\` looks it up once more.`;

const NEXT_ACCOUNT_PAUSED =
  'it goes on once its account is resumed: with the next sync then, or when it looks {at}. `resume` looks at once, `pause` and `cancel` work as ever.';

export function renderCase({ memory, policy, nowMs, notes }: ShownCase): string {
  const { account, invoice, provider, state, because, decision, open, remembered } = memory;
  const parts = [
    `### Invoice ${invoice} of ${provider} account ${account}: ${state}`,
    because,
    `**Next:** ${nextOf(memory, { policy, nowMs })}`,
    ...remembered.map(
      ({ type }) => `**Afterwards:** ${type.replaceAll('_', ' ')}, once the outcome is known.`,
    ),
    ...notes,
  ];
  if (decision !== null && decision.because !== '') {
    parts.push(`**Last decision:** ${decision.because}${rulesOf(decision.facts)}`);
  }
  const made = countOf(memory.attempts, 'attempt');
  const unsure = open === null ? '' : `, and number ${String(open)} without an outcome yet`;
  parts.push(
    `${made} so far${unsure}. ${groupThousands(memory.amountMinor)} ${memory.currency} (in its smallest unit), campaign \`${memory.campaign}\`, until ${instant(memory.windowEndsAtMs)}.`,
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

/** Of what a decision was made by, the names that people know rules and models by. */
const NAMED = ['edition', 'model', 'rules'];

function rulesOf(facts: Readonly<Record<string, unknown>> | null): string {
  const named = NAMED.flatMap((name) => {
    const value = facts?.[name];
    return value === undefined ? [] : [`${name} ${[value].flat().join(', ')}`];
  });
  return named.length === 0 ? '' : ` (${named.join('; ')})`;
}

/** `2026-11-03 09:00 UTC`. */
const instant = (atMs: number): string =>
  `${new Date(atMs).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
