/**
 * A campaign: opens a case for each invoice that it is about, lets them live their own lives, and ends with the last of them.
 * What it knows is rows; this only moves it on, and shows it.
 */
import {
  ApplicationFailure,
  CancellationScope,
  condition,
  continueAsNew,
  setCurrentDetails,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { CampaignFacts, StepFailure } from '../activities/contract';
import { countOf, sentences } from '../domain/words';
import { campaignDetails } from './campaign-details';
import { pause, resume, stop, type RetryCampaignInput, type UpdateAnswer } from './contract';
import { indexAs } from './details';
import { stepFailure } from './failure';
import { checkCampaignInput, checkUpdate } from './input';
import { step } from './options';

type Desired = CampaignFacts['desired'];

/** It looks at its cases after a tenth of its age: often while it is young, and seldom while they wait for weeks. */
const LOOKS_PER_AGE = 10;
const SHORTEST_LOOK_MS = 2_000;
const LONGEST_LOOK_MS = 3_600_000;
/** After a step that failed for good: its cause is for a person to mend. */
const REST_MS = 300_000;

const STEERED_BY = { run: 'resume', pause: 'pause', stop: 'cancel' } as const;

interface Carried {
  readonly v: 1;
  readonly begunAtMs: number;
  /** Where the next page of invoices begins. */
  readonly after: string | null;
  /** What its cases were last told to do, some of them at least. */
  readonly told: Desired;
}

/** Errors: ApplicationFailure `invalid_input`. */
export async function retryCampaign(given: RetryCampaignInput): Promise<CampaignFacts> {
  const { campaign, carried } = checkCampaignInput(given);
  const life = new Campaign(campaign, await firstLook(campaign), carried);
  life.listen();
  CancellationScope.current().cancelRequested.catch(() =>
    life.want('stop', 'The workflow was cancelled.'),
  );
  const ended = await CancellationScope.nonCancellable(() => life.live());
  return ended ?? continueAsNew<typeof retryCampaign>({ ...given, carried: life.carry() });
}

const read = (campaign: string): Promise<CampaignFacts> =>
  step('readCampaign', { campaign }, 'look at its cases');

async function firstLook(campaign: string): Promise<CampaignFacts> {
  try {
    return await read(campaign);
  } catch (thrown) {
    const { code, message, remedy } = stepFailure(thrown);
    throw ApplicationFailure.nonRetryable(sentences(message, remedy), code);
  }
}

class Campaign {
  private desired: Desired;
  private because: string;
  private state: CampaignFacts['state'];
  private selected: boolean;
  private progress: Carried;
  /** What failed last, in words; null once something has worked again. */
  private trouble: string | null = null;
  /** One after the other: of two writes under way the older might land last. */
  private written: Promise<void> = Promise.resolve();

  constructor(
    private readonly campaign: string,
    private facts: CampaignFacts,
    carried: unknown,
  ) {
    const { desired, because, state, selected } = facts;
    this.desired = desired;
    this.because = because;
    this.state = state;
    this.selected = selected;
    this.progress =
      carried === undefined
        ? { v: 1, begunAtMs: Date.now(), after: null, told: 'run' }
        : upgradeCarried(carried);
  }

  carry(): Carried {
    return this.progress;
  }

  listen(): void {
    setHandler(pause, (args) => this.want('pause', args?.reason ?? 'Paused by a person.'), {
      validator: checkUpdate,
      description: 'No attempt is begun any more; what is in flight is finished. {"reason":"…"}',
    });
    setHandler(resume, (args) => this.want('run', args?.reason ?? 'Resumed by a person.'), {
      validator: checkUpdate,
      description: 'Go on; a case that a person has paused by itself stays so. {"reason":"…"}',
    });
    setHandler(stop, (args) => this.want('stop', args?.reason ?? 'Stopped by a person.'), {
      validator: checkUpdate,
      description: 'End its cases after what is in flight, and open no more. {"reason":"…"}',
    });
  }

  /** Writes what is wanted, which the ledger reads before every attempt; the cases are told after the answer. */
  async want(desired: Desired, because: string): Promise<UpdateAnswer> {
    const { state } = this;
    if (state === 'done' || state === 'stopped') {
      return { state, because: 'The campaign has ended already.' };
    }
    if (this.desired === 'stop')
      return { state, because: 'The campaign is being stopped already.' };
    if (desired === this.desired) {
      return {
        state,
        because: desired === 'run' ? 'Nothing is paused.' : 'It was paused already.',
      };
    }
    this.desired = desired;
    this.because = because;
    this.state = desired === 'pause' ? 'paused' : this.selected ? 'running' : 'selecting';
    this.show();
    const answer = { state: this.state, because };
    await this.write();
    return answer;
  }

  private write(): Promise<void> {
    const { campaign, desired, state, because } = this;
    this.written = this.written.then(() =>
      CancellationScope.nonCancellable(() =>
        step('setCampaign', { campaign, desired, state, because }, `it is ${state}`),
      ),
    );
    return this.written;
  }

  /** Null: continue as new. */
  async live(): Promise<CampaignFacts | null> {
    this.show();
    while (this.state !== 'done' && this.state !== 'stopped') {
      await this.written;
      if (workflowInfo().continueAsNewSuggested) return null;
      try {
        await this.goOn();
        this.trouble = null;
      } catch (thrown) {
        await this.rest(stepFailure(thrown));
      }
    }
    await this.written;
    return this.facts;
  }

  private async goOn(): Promise<void> {
    const { desired, progress } = this;
    if (progress.told !== desired) await this.tellCases(desired);
    else if (desired === 'pause') await condition(() => this.desired !== 'pause');
    else if (desired === 'run' && !this.selected) await this.select();
    else await this.look(desired);
  }

  /** Errors are states: its cases live on, and it tries again. */
  private async rest({ message, remedy }: StepFailure): Promise<void> {
    const { desired } = this;
    this.trouble = sentences(message, remedy);
    this.show();
    const summary = 'until it tries again';
    await condition(() => this.desired !== desired, REST_MS, { summary });
  }

  private async select(): Promise<void> {
    const { campaign } = this;
    const { after } = this.progress;
    const summary = after === null ? 'open the first cases' : `open cases after ${after}`;
    const { next } = await step('selectCases', { campaign, after }, summary);
    this.progress = { ...this.progress, after: next };
    if (next === null) {
      this.selected = true;
      if (this.desired === 'run') {
        this.state = 'running';
        this.because = 'Every invoice was looked at.';
        await this.write();
      }
    }
    await this.refresh();
  }

  /** Until all are told, or something else is wanted of them. */
  private async tellCases(desired: Desired): Promise<void> {
    // From the first page on: should something else be wanted meanwhile, all of them are told that.
    this.progress = { ...this.progress, told: desired };
    let next = await this.tellPage(desired, null);
    while (next !== null && this.desired === desired) next = await this.tellPage(desired, next);
    await this.refresh();
  }

  private async tellPage(desired: Desired, after: string | null): Promise<string | null> {
    const { campaign, because: reason } = this;
    const what = STEERED_BY[desired];
    const summary = `${what} its cases${after === null ? '' : ` after ${after}`}`;
    return (await step('steerCases', { campaign, after, what, reason }, summary)).next;
  }

  private async look(desired: Desired): Promise<void> {
    // The control group has no workflows: whose window is over is seen here.
    if (this.facts.heldOut > 0) {
      await step('routeChanges', { account: this.facts.account }, 'look at the control group');
    }
    await this.refresh();
    const { open, cases } = this.facts;
    if (open === 0 && desired === this.desired) {
      this.state = desired === 'stop' ? 'stopped' : 'done';
      this.because = sentences(
        this.state === 'stopped' ? this.because : `All ${countOf(cases, 'case')} have ended`,
      );
      await this.write();
      this.show();
      return;
    }
    const ageMs = Date.now() - this.progress.begunAtMs;
    const delayMs = Math.min(LONGEST_LOOK_MS, Math.max(SHORTEST_LOOK_MS, ageMs / LOOKS_PER_AGE));
    await condition(() => this.desired !== desired, Math.round(delayMs), {
      summary: 'until it looks at its cases again',
    });
  }

  private async refresh(): Promise<void> {
    this.facts = await read(this.campaign);
    this.show();
  }

  private show(): void {
    const { facts, state, because, desired, trouble } = this;
    const { account, provider } = facts;
    setCurrentDetails(campaignDetails({ ...facts, state, because, desired, trouble }));
    const nextActionAt = facts.next[0] === undefined ? null : new Date(facts.next[0].at);
    indexAs({
      account,
      provider,
      state,
      attention: facts.attention > 0 || trouble !== null,
      nextActionAt,
    });
  }
}

function upgradeCarried(carried: unknown): Carried {
  const version = (carried as { v?: unknown } | null)?.v;
  if (version === 1) return carried as Carried;
  throw new Error(`Carried state has version ${String(version)}; this worker knows 1.`);
}
