/** The CLI's side of Temporal: reach an account's workflow, start a backfill, ask whether anybody works. */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  Client,
  Connection,
  ServiceError,
  WorkflowExecutionAlreadyStartedError,
  WorkflowFailedError,
  WorkflowNotFoundError,
  WithStartWorkflowOperation,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
  type WorkflowHandle,
} from '@temporalio/client';
import { ApplicationFailure, type UpdateDefinition } from '@temporalio/common';
import type { Config } from '../config/config';
import {
  accountWorkflowId,
  backfillStatus,
  campaignWorkflowId,
  messageWorkflowId,
  metricsWorkflowId,
  recoveryWorkflowId,
  tick,
  WORKFLOW_TYPES,
  type AccountInput,
  type BackfillInput,
  type BackfillRun,
  type BackfillStatus,
  type DeliverMessageInput,
  type PaymentRetryInput,
  type RestateInput,
  type RestateResult,
  type RetryCampaignInput,
  type RunResult,
  type UpdateAnswer,
} from '../workflows/contract';
import { failed, wrongUse } from './errors';
import type { Ui } from './links';

const CONNECT_TIMEOUT_MS = 5_000;
/** An update is answered by a worker within a workflow task or two. */
const UPDATE_TIMEOUT_MS = 30_000;
const QUERY_TIMEOUT_MS = 10_000;
/** Between two looks at whether a restatement has ended. */
const RESTATE_LOOK_MS = 500;
const POLLER_TASK_QUEUE_TYPE = { workflow: 1, activity: 2 } as const;

/** What every update of an account or a backfill may be given. */
export interface Reason {
  readonly reason?: string;
}
export type Update<Args extends Reason = Reason> = UpdateDefinition<UpdateAnswer, [Args]>;

export interface Updated {
  readonly answer: UpdateAnswer;
  /** The very run that was asked. */
  readonly workflow: { readonly workflowId: string; readonly runId?: string };
}

export interface CampaignKey {
  readonly accountId: string;
  readonly campaignId: string;
}

export interface StartedBackfill {
  readonly workflowId: string;
  /** Of the first run in the chain. */
  readonly runId: string;
  /** Null when no worker answers. */
  status(): Promise<BackfillStatus | null>;
  /** Null while it goes on. Errors: exit code 1 when it failed or was terminated. */
  ended(): Promise<RunResult | null>;
}

export class Temporal {
  private constructor(
    private readonly config: Config,
    private readonly connection: Connection,
    readonly client: Client,
  ) {}

  static async connect(config: Config): Promise<Temporal> {
    const address = config.TEMPORAL_ADDRESS;
    try {
      const connection = await Connection.connect({
        address,
        connectTimeout: CONNECT_TIMEOUT_MS,
      });
      const client = new Client({ connection, namespace: config.TEMPORAL_NAMESPACE });
      return new Temporal(config, connection, client);
    } catch (cause) {
      throw failed(
        `Temporal cannot be reached at ${address}`,
        'Start the local stack with `npm start`, or check TEMPORAL_ADDRESS.',
        cause,
      );
    }
  }

  close(): Promise<void> {
    return this.connection.close();
  }

  /** Sends an update to the account's workflow, which is started first where it does not run. */
  updateAccount<Args extends Reason>(
    account: string,
    update: Update<Args>,
    args: Args,
  ): Promise<Updated> {
    const input: AccountInput = { account };
    const start = { type: WORKFLOW_TYPES.account, workflowId: accountWorkflowId(account), input };
    return this.updateWithStart(start, update, args);
  }

  /** The same of a campaign. */
  updateCampaign(campaign: CampaignKey, update: Update, args: Reason): Promise<Updated> {
    return this.updateWithStart(campaignStart(campaign), update, args);
  }

  /** The same of a case. */
  updateCase<Args extends Reason>(
    { accountId, invoiceId }: { readonly accountId: string; readonly invoiceId: string },
    update: Update<Args>,
    args: Args,
  ): Promise<Updated> {
    const input: PaymentRetryInput = { account: accountId, invoice: invoiceId };
    const workflowId = recoveryWorkflowId({ accountId, invoiceId });
    return this.updateWithStart(
      { type: WORKFLOW_TYPES.paymentRetry, workflowId, input },
      update,
      args,
    );
  }

  /** Tells a case what its simulated clock says; starts its workflow where none runs. */
  async tickCase(
    { accountId, invoiceId }: { readonly accountId: string; readonly invoiceId: string },
    nowMs: number,
  ): Promise<void> {
    const input: PaymentRetryInput = { account: accountId, invoice: invoiceId };
    await this.ask(() =>
      this.client.workflow.signalWithStart(WORKFLOW_TYPES.paymentRetry, {
        workflowId: recoveryWorkflowId({ accountId, invoiceId }),
        taskQueue: this.config.RECOUP_SYNC_TASK_QUEUE,
        args: [input],
        signal: tick,
        signalArgs: [{ nowMs }],
      }),
    );
  }

  /** Errors: exit code 1 without a worker. */
  async startCampaign(campaign: CampaignKey): Promise<{ readonly workflowId: string }> {
    const { type, workflowId, input } = campaignStart(campaign);
    await this.ask(() =>
      this.client.workflow.start(type, {
        workflowId,
        taskQueue: this.config.RECOUP_SYNC_TASK_QUEUE,
        args: [input],
      }),
    );
    return { workflowId };
  }

  /** Has a message told once more. Errors: exit code 2 while it is being told. */
  async deliver(key: {
    readonly accountId: string;
    readonly message: string;
  }): Promise<{ readonly workflowId: string }> {
    const input: DeliverMessageInput = { account: key.accountId, message: key.message };
    const workflowId = messageWorkflowId(key);
    await this.ask(() =>
      this.client.workflow.start(WORKFLOW_TYPES.deliverMessage, {
        workflowId,
        taskQueue: this.config.RECOUP_SYNC_TASK_QUEUE,
        args: [input],
      }),
    );
    return { workflowId };
  }

  /** Everything derived of an account, derived again. Errors: exit code 2 while that is being done. */
  async restate(input: RestateInput): Promise<{
    readonly workflowId: string;
    readonly runId: string;
    /** Waits for its end. Errors: exit code 1 when it failed. */
    result(): Promise<RestateResult>;
  }> {
    await this.requireWorker();
    const workflowId = metricsWorkflowId(input.account);
    const handle = await this.ask(() =>
      this.client.workflow.start<(input: RestateInput) => Promise<RestateResult>>(
        WORKFLOW_TYPES.restateMetrics,
        { workflowId, taskQueue: this.config.RECOUP_SYNC_TASK_QUEUE, args: [input] },
      ),
    );
    return {
      workflowId,
      runId: handle.firstExecutionRunId,
      result: async () => {
        for (;;) {
          const { status } = await this.ask(() => handle.describe());
          if (status.name !== 'RUNNING') return this.ask(() => handle.result());
          await sleep(RESTATE_LOOK_MS);
        }
      },
    };
  }

  private async updateWithStart<Args extends Reason>(
    start: { readonly type: string; readonly workflowId: string; readonly input: unknown },
    update: Update<Args>,
    args: Args,
  ): Promise<Updated> {
    await this.requireWorker();
    const startWorkflowOperation = new WithStartWorkflowOperation(start.type, {
      workflowId: start.workflowId,
      taskQueue: this.config.RECOUP_SYNC_TASK_QUEUE,
      args: [start.input],
      workflowIdConflictPolicy: 'USE_EXISTING',
    });
    return this.ask(async () => {
      const handle = await this.client.workflow.startUpdateWithStart(update, {
        args: [args],
        startWorkflowOperation,
        waitForStage: 'ACCEPTED',
      });
      const { workflowId, workflowRunId: runId } = handle;
      const workflow = { workflowId, ...(runId !== undefined && { runId }) };
      return { answer: await handle.result(), workflow };
    });
  }

  /**
   * Sends an update to the workflow that walks a backfill: the one that opened its run, or the one that has taken it up again.
   * Errors: exit code 1 when neither runs.
   */
  async updateBackfill<Args extends Reason>(
    { backfill, retry }: { backfill: BackfillRun; retry: string },
    update: Update<Args>,
    args: Args,
  ): Promise<UpdateAnswer> {
    await this.requireWorker();
    const { workflowId, firstExecutionRunId } = backfill;
    const { workflow } = this.client;
    const opener = workflow.getHandle(workflowId, undefined, { firstExecutionRunId });
    const send = (to: WorkflowHandle) => to.executeUpdate(update, { args: [args] });
    return this.ask(async () => {
      try {
        return await send(opener);
      } catch (thrown) {
        if (!(thrown instanceof WorkflowNotFoundError)) throw thrown;
        return await send(workflow.getHandle(retry));
      }
    });
  }

  /** Errors: exit code 2 when a backfill with that id runs, or has run and may do so `once`. */
  async startBackfill(
    input: BackfillInput,
    { workflowId, once }: { workflowId: string; once: boolean },
  ): Promise<StartedBackfill> {
    await this.requireWorker();
    const handle = await this.ask(() =>
      this.client.workflow.start<(input: BackfillInput) => Promise<RunResult>>(
        WORKFLOW_TYPES.backfill,
        {
          workflowId,
          taskQueue: this.config.RECOUP_SYNC_TASK_QUEUE,
          workflowIdReusePolicy: once ? 'REJECT_DUPLICATE' : 'ALLOW_DUPLICATE',
          args: [input],
        },
      ),
    );
    const latest = this.client.workflow.getHandle(workflowId);
    return {
      workflowId,
      runId: handle.firstExecutionRunId,
      status: async () => {
        try {
          return await this.client.withDeadline(Date.now() + QUERY_TIMEOUT_MS, () =>
            latest.query(backfillStatus),
          );
        } catch (thrown) {
          // A query is answered by a worker: while none is there, whoever watches goes on watching.
          if (thrown instanceof ServiceError && !(thrown instanceof WorkflowNotFoundError)) {
            return null;
          }
          throw thrown;
        }
      },
      ended: async () => {
        const { status } = await this.ask(() => latest.describe());
        if (status.name === 'RUNNING' || status.name === 'CONTINUED_AS_NEW') return null;
        return this.ask(() => handle.result());
      },
    };
  }

  /** Workers that lately asked for work of each kind. */
  async pollers(): Promise<{ workflow: number; activity: number }> {
    const [workflow, activity] = await Promise.all([
      this.pollersOf(POLLER_TASK_QUEUE_TYPE.workflow),
      this.pollersOf(POLLER_TASK_QUEUE_TYPE.activity),
    ]);
    return { workflow, activity };
  }

  /** Names of the search attributes that the namespace knows. */
  async searchAttributes(): Promise<Set<string>> {
    const { customAttributes } = await this.connection.operatorService.listSearchAttributes({
      namespace: this.config.TEMPORAL_NAMESPACE,
    });
    return new Set(Object.keys(customAttributes));
  }

  private async pollersOf(taskQueueType: number): Promise<number> {
    const { pollers } = await this.client.workflowService.describeTaskQueue({
      namespace: this.config.TEMPORAL_NAMESPACE,
      taskQueue: { name: this.config.RECOUP_SYNC_TASK_QUEUE },
      taskQueueType,
    });
    return pollers.length;
  }

  /** Without a worker an update would wait in silence. Errors: exit code 1 without one. */
  async requireWorker(): Promise<void> {
    const { workflow } = await this.ask(() => this.pollers());
    if (workflow > 0) return;
    throw failed(
      `No worker polls the task queue ${this.config.RECOUP_SYNC_TASK_QUEUE}`,
      'Start one with `npm start`, and look with `recoup doctor`.',
    );
  }

  /** Calls within a deadline, and puts what fails into words. */
  async ask<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await this.client.withDeadline(Date.now() + UPDATE_TIMEOUT_MS, call);
    } catch (thrown) {
      if (thrown instanceof WorkflowExecutionAlreadyStartedError) {
        throw wrongUse(
          `${thrown.workflowId} was started already`,
          'Wait a second, then try again; look with `recoup runs list`.',
          thrown,
        );
      }
      if (thrown instanceof WorkflowUpdateFailedError || thrown instanceof WorkflowFailedError) {
        const { cause } = thrown;
        const wrong = cause instanceof ApplicationFailure && cause.type === 'invalid_input';
        const message = cause?.message ?? thrown.message;
        throw wrong
          ? wrongUse(message, '', thrown)
          : failed(message, 'Look at the workflow in the Temporal UI: `recoup links`.', thrown);
      }
      if (thrown instanceof WorkflowUpdateRPCTimeoutOrCancelledError) {
        throw failed(
          `No worker answered within ${UPDATE_TIMEOUT_MS / 1000} s`,
          'Check the worker’s log, and look with `recoup doctor`.',
          thrown,
        );
      }
      if (thrown instanceof WorkflowNotFoundError) {
        throw failed(`${thrown.workflowId} does not run`, 'Look with `recoup links`.', thrown);
      }
      if (thrown instanceof ServiceError) {
        const why = thrown.cause instanceof Error ? thrown.cause.message : thrown.message;
        throw failed(`Temporal refused: ${why}`, 'Look with `recoup doctor`.', thrown);
      }
      throw thrown;
    }
  }
}

const campaignStart = (key: CampaignKey) => {
  const input: RetryCampaignInput = { campaign: key.campaignId };
  return { type: WORKFLOW_TYPES.retryCampaign, workflowId: campaignWorkflowId(key), input };
};

/** As an update's argument; empty where nobody gave a reason. */
export const because = (reason: string | undefined): Reason =>
  reason === undefined ? {} : { reason };

export const uiOf = (config: Config): Ui => ({
  baseUrl: config.RECOUP_TEMPORAL_UI_URL.replace(/\/+$/, ''),
  namespace: config.TEMPORAL_NAMESPACE,
});
