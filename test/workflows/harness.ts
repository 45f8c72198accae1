/** The real workflows on the run's Temporal server, with steps from fakes.ts. */
import { randomUUID } from 'node:crypto';
import {
  Client,
  Connection,
  WithStartWorkflowOperation,
  WorkflowNotFoundError,
  type ScheduleHandle,
  type WorkflowHandle,
  type WorkflowHandleWithFirstExecutionRunId,
} from '@temporalio/client';
import { Context } from '@temporalio/activity';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { workflowBundle } from '../../workers/bundle';
import type { account } from '../../workflows/account';
import type { backfill } from '../../workflows/backfill';
import type { deliverMessage } from '../../workflows/deliver-message';
import type { nightlySync } from '../../workflows/nightly-sync';
import type { paymentRetry } from '../../workflows/payment-retry';
import type { restateMetrics } from '../../workflows/restate-metrics';
import type { retryCampaign } from '../../workflows/retry-campaign';
import {
  accountWorkflowId,
  backfillWorkflowId,
  campaignWorkflowId,
  messageWorkflowId,
  metricsWorkflowId,
  nightlyScheduleId,
  nightlyWorkflowId,
  recoveryWorkflowId,
  reopen,
  walkTaskQueue,
  WORKFLOW_TYPES,
  type AccountInput,
  type BackfillInput,
  type DeliverMessageInput,
  type NightlyInput,
  type PaymentRetryInput,
  type RestateInput,
  type RetryCampaignInput,
} from '../../workflows/contract';
import { temporalAddress } from '../support/stack';
import { CaseFakes } from './case-fakes';
import { Fakes } from './fakes';

export const logger = new DefaultLogger('ERROR');
Runtime.install({ logger });

/** Short enough for a test, never asserted. */
export const POLICY = { backoffFirstMs: 50, backoffMaxMs: 200, gatherMs: 300 };

/** Every case runs twice: as in production, and with the whole history replayed on each task, which shows what is not deterministic. */
export const CACHES = [
  { cache: 'kept in memory', maxCachedWorkflows: 50 },
  { cache: 'replayed on every task', maxCachedWorkflows: 0 },
];

export class Harness {
  private readonly started: WorkflowHandle[] = [];

  private constructor(
    readonly client: Client,
    private readonly connections: readonly { close(): Promise<void> }[],
    private readonly workers: readonly Worker[],
    private readonly running: Promise<unknown>,
    readonly taskQueue: string,
    private readonly steps: Steps,
  ) {}

  /** On the run's server unless another one is given. */
  static async start({
    maxCachedWorkflows,
    address = temporalAddress(),
  }: {
    maxCachedWorkflows: number;
    address?: string;
  }): Promise<Harness> {
    const connection = await NativeConnection.connect({ address });
    const clientConnection = await Connection.connect({ address });
    const taskQueue = `test-${randomUUID()}`;
    const steps = new Steps();
    const activities = steps.activities();
    const worker = await Worker.create({
      connection,
      taskQueue,
      workflowBundle: await workflowBundle(logger),
      activities,
      maxCachedWorkflows,
      shutdownForceTime: '10 seconds',
      // A defect of a workflow fails it here, instead of being tried again for ever.
      workflowFailureErrorTypes: { '*': ['Error'] },
    });
    const walker = await Worker.create({
      connection,
      taskQueue: walkTaskQueue(taskQueue),
      activities,
      shutdownForceTime: '10 seconds',
    });
    const workers = [worker, walker];
    return new Harness(
      new Client({ connection: clientConnection }),
      [connection, clientConnection],
      workers,
      Promise.all(workers.map((one) => one.run())),
      taskQueue,
      steps,
    );
  }

  async stop(): Promise<void> {
    for (const worker of this.workers) worker.shutdown();
    await this.running;
    for (const connection of this.connections) await connection.close();
  }

  /** Fresh steps for a case. */
  fakes(): Fakes {
    this.steps.current.fakes = new Fakes();
    return this.steps.current.fakes;
  }

  /** Fresh steps of a recovery case. */
  cases(): CaseFakes {
    this.steps.current.cases = new CaseFakes();
    return this.steps.current.cases;
  }

  /** Nothing of one case may reach into the next. */
  async end(): Promise<void> {
    this.steps.end();
    for (const handle of this.started.splice(0)) {
      await handle.terminate().catch((error: unknown) => {
        if (!(error instanceof WorkflowNotFoundError)) throw error;
      });
    }
  }

  async startAccount(input: Partial<AccountInput> = {}): Promise<WorkflowHandle<typeof account>> {
    const name = input.account ?? `acct_${randomUUID()}`;
    const handle = await this.client.workflow.start<typeof account>('account', {
      taskQueue: this.taskQueue,
      workflowId: accountWorkflowId(name),
      args: [{ policy: POLICY, ...input, account: name }],
    });
    return this.ended(handle);
  }

  /** The handle without its run id: the account continues as new. */
  private ended<H extends { workflowId: string }>(handle: H): H {
    this.started.push(this.client.workflow.getHandle(handle.workflowId));
    return handle;
  }

  accountStart(name: string): WithStartWorkflowOperation<typeof account> {
    const workflowId = accountWorkflowId(name);
    this.ended({ workflowId });
    return new WithStartWorkflowOperation<typeof account>('account', {
      taskQueue: this.taskQueue,
      workflowId,
      workflowIdConflictPolicy: 'USE_EXISTING',
      args: [{ account: name, policy: POLICY }],
    });
  }

  async startBackfill(
    input: unknown,
  ): Promise<WorkflowHandleWithFirstExecutionRunId<typeof backfill>> {
    const handle = await this.client.workflow.start<typeof backfill>('backfill', {
      taskQueue: this.taskQueue,
      workflowId: backfillWorkflowId({ accountId: 'acct_1', suffix: randomUUID() }),
      args: [input as BackfillInput],
    });
    return this.ended(handle);
  }

  async startCase(
    input: Partial<PaymentRetryInput> = {},
  ): Promise<WorkflowHandle<typeof paymentRetry>> {
    const { account = `acct_${randomUUID()}`, invoice = 'in_1' } = input;
    const handle = await this.client.workflow.start<typeof paymentRetry>('paymentRetry', {
      taskQueue: this.taskQueue,
      workflowId: recoveryWorkflowId({ accountId: account, invoiceId: invoice }),
      args: [{ ...input, account, invoice }],
    });
    return this.ended(handle);
  }

  /** As the command line does it: the workflow of a case that has ended is started to be asked. */
  async reopenCase(
    input: Partial<PaymentRetryInput> = {},
  ): Promise<WorkflowHandle<typeof paymentRetry>> {
    const { account = `acct_${randomUUID()}`, invoice = 'in_1' } = input;
    const start = new WithStartWorkflowOperation<typeof paymentRetry>('paymentRetry', {
      taskQueue: this.taskQueue,
      workflowId: recoveryWorkflowId({ accountId: account, invoiceId: invoice }),
      args: [{ ...input, account, invoice }],
      workflowIdConflictPolicy: 'USE_EXISTING',
    });
    await this.client.workflow.executeUpdateWithStart(reopen, {
      args: [{ reason: 'ticket 4711' }],
      startWorkflowOperation: start,
    });
    return this.ended(await start.workflowHandle());
  }

  async startNight(input?: NightlyInput): Promise<WorkflowHandle<typeof nightlySync>> {
    const handle = await this.client.workflow.start<typeof nightlySync>('nightlySync', {
      taskQueue: this.taskQueue,
      workflowId: nightlyWorkflowId(randomUUID()),
      args: [input],
    });
    return this.ended(handle);
  }

  async startDelivery(
    input: DeliverMessageInput = { account: 'acct_1', message: 'msg_1' },
  ): Promise<WorkflowHandle<typeof deliverMessage>> {
    const handle = await this.client.workflow.start<typeof deliverMessage>('deliverMessage', {
      taskQueue: this.taskQueue,
      workflowId: messageWorkflowId({ accountId: 'acct_1', message: randomUUID() }),
      args: [input],
    });
    return this.ended(handle);
  }

  async startRestatement(
    input: RestateInput = { account: 'acct_1' },
  ): Promise<WorkflowHandle<typeof restateMetrics>> {
    const handle = await this.client.workflow.start<typeof restateMetrics>('restateMetrics', {
      taskQueue: this.taskQueue,
      workflowId: metricsWorkflowId(randomUUID()),
      args: [input],
    });
    return this.ended(handle);
  }

  async startCampaign(
    input: RetryCampaignInput = { campaign: 'camp_1' },
  ): Promise<WorkflowHandle<typeof retryCampaign>> {
    const handle = await this.client.workflow.start<typeof retryCampaign>('retryCampaign', {
      taskQueue: this.taskQueue,
      workflowId: campaignWorkflowId({ accountId: 'acct_1', campaignId: randomUUID() }),
      args: [input],
    });
    return this.ended(handle);
  }

  /** A paused Schedule that starts the one night of `at` by its backfill, as an operator would. */
  async scheduleNight(options: { at: Date }): Promise<ScheduleHandle> {
    const group = randomUUID();
    const workflowId = nightlyWorkflowId(group);
    const { at } = options;
    const handle = await this.client.schedule.create({
      scheduleId: nightlyScheduleId(group),
      spec: { calendars: [{ hour: at.getUTCHours() }], timezone: 'UTC' },
      action: {
        type: 'startWorkflow',
        workflowType: WORKFLOW_TYPES.nightlySync,
        workflowId,
        taskQueue: this.taskQueue,
        args: [{}],
      },
      state: { paused: true },
    });
    const start = new Date(at.getTime() - 1000);
    await handle.backfill({ start, end: at, overlap: 'ALLOW_ALL' });
    return handle;
  }
}

type Activities = Fakes['activities'] & CaseFakes['activities'];

interface Case {
  fakes: Fakes;
  cases: CaseFakes;
}

const freshCase = (): Case => ({ fakes: new Fakes(), cases: new CaseFakes() });

/** Whose steps a run of a workflow calls: those of the case that it was first seen in, however late it calls. */
class Steps {
  current = freshCase();
  private readonly byRun = new Map<string, Case>();

  end(): void {
    this.current.fakes.desired = 'cancel';
    this.current = freshCase();
  }

  activities() {
    const { fakes, cases } = this.current;
    const names = Object.keys({ ...fakes.activities, ...cases.activities }) as (keyof Activities)[];
    return Object.fromEntries(
      names.map((name) => [name, (input: never) => this.ofCaller()[name](input)]),
    );
  }

  private ofCaller(): Activities {
    const { workflowExecution } = Context.current().info;
    const runId = workflowExecution?.runId ?? 'none';
    const known = this.byRun.get(runId) ?? this.current;
    this.byRun.set(runId, known);
    return { ...known.fakes.activities, ...known.cases.activities };
  }
}

/** The Markdown that the UI shows. */
export const detailsOf = async (handle: WorkflowHandle): Promise<string> =>
  (await handle.query<{ currentDetails?: string }>('__temporal_workflow_metadata'))
    .currentDetails ?? '';

/** Waits for something to become true; the test's own limit ends a wait in vain. */
export async function eventually(check: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await check())) await new Promise((resolve) => setTimeout(resolve, 30));
}
