/** Runs one case in memory: what the workflow does with activities and timers, done with plain calls and virtual time. */
import type { CaseEvent } from '../../domain/recovery/decide';
import {
  answer,
  failureOf,
  happen,
  hear,
  recorded,
  recordOf,
  takeUp,
  taskOf,
  told,
} from '../../domain/recovery/engine';
import type { CaseMemory } from '../../domain/recovery/memory';
import type { RecoveryPolicy } from '../../domain/recovery/policy';
import type { CaseDesired, CaseFacts, CaseRecord } from '../../domain/recovery/record';
import type { CaseStepName } from '../../domain/recovery/work';
import type { VirtualTime } from './virtual-time';

export interface StepAnswer {
  readonly event: CaseEvent;
  readonly attempt?: number | null;
}

/** What stands in the database, and the steps that act; each as the activity of its name. */
export interface CaseHost {
  readFacts(): CaseFacts;
  store(record: CaseRecord): void;
  want(desired: CaseDesired): void;
  step(name: CaseStepName, memory: CaseMemory): Promise<StepAnswer>;
}

/** As the workflow gives a step: who does not answer for so long is given up, though it may go on somewhere. */
const STEP_TIMEOUT_MS: Record<CaseStepName, number> = {
  plan: 60_000,
  check: 60_000,
  charge: 120_000,
  lookup: 60_000,
};

export class CaseRunner {
  private memory: CaseMemory;
  private ended = false;
  /** Something happened: whoever waits looks up. */
  private stir: () => void = () => undefined;

  constructor(
    private readonly host: CaseHost,
    private readonly time: VirtualTime,
    private readonly policy: RecoveryPolicy,
    /** What an earlier runner knew, for one that is set back to there. */
    memory?: CaseMemory,
  ) {
    this.memory = memory ?? takeUp(host.readFacts(), policy);
  }

  get known(): CaseMemory {
    return this.memory;
  }

  /** The runner is gone, at whatever it was; what it has begun may still be on its way. */
  kill(): void {
    this.ended = true;
    this.stir();
  }

  happen(event: CaseEvent): void {
    if (this.ended) return;
    this.become(happen(this.memory, event, this.moment()));
    this.stir();
  }

  hear(): void {
    if (this.ended) return;
    this.memory = hear(this.memory);
    this.stir();
  }

  async live(): Promise<void> {
    while (!this.ended) {
      const moment = this.moment();
      const task = taskOf(this.memory, moment);
      switch (task.do) {
        case 'end':
          this.store();
          this.ended = true;
          return;
        case 'tell':
          this.store();
          this.memory = told(this.memory);
          break;
        case 'apply':
          this.become(happen(this.memory, task.event, moment));
          break;
        case 'wait':
          this.store();
          await this.wait(task.untilMs);
          break;
        case 'step':
          await this.step(task.step);
      }
    }
  }

  private async step(name: CaseStepName): Promise<void> {
    this.store();
    const begunIn = this.memory.state;
    const given = await Promise.race([
      this.host.step(name, this.memory).catch((): StepAnswer => failed(name, 'The step failed.')),
      this.time
        .sleep(STEP_TIMEOUT_MS[name])
        .then((): StepAnswer => failed(name, 'The step did not answer.')),
    ]);
    if (this.ended) return;
    this.become(answer(this.memory, { step: name, begunIn, ...given }, this.moment()));
  }

  private async wait(untilMs: number | null): Promise<void> {
    const stirred = new Promise<void>((stir) => {
      this.stir = stir;
    });
    await (untilMs === null ? stirred : Promise.race([stirred, this.time.until(untilMs)]));
  }

  private store(): void {
    const record = recordOf(this.memory, this.moment());
    if (record !== null) this.host.store(record);
    this.memory = recorded(this.memory, record);
  }

  /** What is wanted is written where it changes, and by nobody who only remembers it. */
  private become(memory: CaseMemory): void {
    if (memory.desired !== this.memory.desired) this.host.want(memory.desired);
    this.memory = memory;
  }

  private moment() {
    return { nowMs: this.time.nowMs, policy: this.policy };
  }
}

const failed = (step: CaseStepName, because: string): StepAnswer => ({
  event: failureOf(step, { because, retryAfterMs: null }),
});
