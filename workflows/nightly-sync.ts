/** One night of a time-zone group: wakes its accounts, page by page; each of them then lives its own sync. */
import {
  ApplicationFailure,
  continueAsNew,
  isCancellation,
  setCurrentDetails,
  workflowInfo,
} from '@temporalio/workflow';
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import { groupThousands, sentences } from '../domain/words';
import type { NightlyInput, NightlyResult } from './contract';
import { END } from './details';
import { stepFailure } from './failure';
import { checkNightlyInput } from './input';
import type { CheckedNightlyInput } from './input';
import { step } from './options';

/** What a Schedule says of the night it means: also of one that it catches up on, or that somebody backfills. */
const SCHEDULED_START = defineSearchAttributeKey(
  'TemporalScheduledStartTime',
  SearchAttributeType.DATETIME,
);

interface Night extends NightlyResult {
  readonly v: 1;
  /** Where the next page begins. */
  readonly after: string | null;
  /** Accounts after that; null before the first page. */
  readonly left: number | null;
}

/** Errors: ApplicationFailure `invalid_input`; those of a step once it has failed for the whole night. */
export async function nightlySync(given?: NightlyInput): Promise<NightlyResult> {
  const input = checkNightlyInput(given);
  let night = input.carried === undefined ? begin() : upgradeNight(input.carried);
  for (;;) {
    show(night, input);
    const { timeZone, except, maxConcurrent } = input;
    const { next, woken, passedOver, left } = await step(
      'wakeAccounts',
      { timeZone, except, after: night.after, to: night.from, maxConcurrent },
      night.after === null ? 'wake the first accounts' : `wake accounts after ${night.after}`,
    ).catch((thrown: unknown) => {
      if (isCancellation(thrown)) throw thrown;
      const { message, remedy, code } = stepFailure(thrown);
      throw ApplicationFailure.nonRetryable(sentences(message, remedy), code);
    });
    night = {
      ...night,
      woken: night.woken + woken,
      passedOver: night.passedOver + passedOver,
      after: next,
      left,
    };
    if (next === null) break;
    if (workflowInfo().continueAsNewSuggested) {
      return continueAsNew<typeof nightlySync>({ ...given, carried: night });
    }
  }
  show(night, input);
  const { woken, passedOver, from } = night;
  return { woken, passedOver, from };
}

function begin(): Night {
  const { typedSearchAttributes, startTime } = workflowInfo();
  const from = typedSearchAttributes.get(SCHEDULED_START) ?? startTime;
  return { v: 1, after: null, left: null, woken: 0, passedOver: 0, from: from.toISOString() };
}

function show({ woken, passedOver, left, from }: Night, input: CheckedNightlyInput): void {
  const { timeZone, except, maxConcurrent } = input;
  const others = except.length === 0 ? '' : ` but ${except.join(', ')}`;
  const counts = [woken, passedOver, left].map((count) =>
    count === null ? '' : groupThousands(count),
  );
  setCurrentDetails(
    [
      `### Nightly sync of ${timeZone ?? `every time zone${others}`}`,
      `Accounts are woken in order of their ids, at most ${String(maxConcurrent)} syncing at a time. Each reads what is new up to ${from}.`,
      `| woken | passed over | left |\n| --: | --: | --: |\n| ${counts.join(' | ')} |`,
      'Passed over are accounts that are paused, blocked or disconnected, and those at work.',
      END,
    ].join('\n\n'),
  );
}

function upgradeNight(carried: unknown): Night {
  const version = (carried as { v?: unknown } | null)?.v;
  if (version === 1) return carried as Night;
  throw new Error(`Carried state has version ${String(version)}; this worker knows 1.`);
}
