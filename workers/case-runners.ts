/** Reaches the workflows of cases, for steps that start, tell and steer them. */
import {
  WithStartWorkflowOperation,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  type Client,
} from '@temporalio/client';
import type { CaseRunners } from '../activities/case-runners';
import type { CaseKey } from '../activities/contract';
import {
  cancel,
  caseNews,
  pause,
  recoveryWorkflowId,
  resume,
  WORKFLOW_TYPES,
  type PaymentRetryInput,
} from '../workflows/contract';

const UPDATES = { pause, resume, cancel };
/** Without a worker an update would wait in silence: the step is tried again instead. */
const UPDATE_TIMEOUT_MS = 30_000;

export function createCaseRunners({
  client,
  taskQueue,
}: {
  readonly client: Client;
  readonly taskQueue: string;
}): CaseRunners {
  const { workflow } = client;
  const startOf = ({ account, invoice }: CaseKey) => {
    const args: [PaymentRetryInput] = [{ account, invoice }];
    return {
      workflowId: recoveryWorkflowId({ accountId: account, invoiceId: invoice }),
      taskQueue,
      args,
      staticSummary: `Recovery of invoice ${invoice}`,
    };
  };
  return {
    start: async (key) => {
      await workflow.start(WORKFLOW_TYPES.paymentRetry, {
        ...startOf(key),
        workflowIdConflictPolicy: 'USE_EXISTING',
      });
    },
    tell: async (key, what) => {
      await workflow.signalWithStart(WORKFLOW_TYPES.paymentRetry, {
        ...startOf(key),
        signal: caseNews,
        signalArgs: [{ what }],
      });
    },
    steer: async (key, { what, reason }) => {
      const startWorkflowOperation = new WithStartWorkflowOperation(WORKFLOW_TYPES.paymentRetry, {
        ...startOf(key),
        workflowIdConflictPolicy: 'USE_EXISTING',
      });
      try {
        await client.withDeadline(Date.now() + UPDATE_TIMEOUT_MS, () =>
          workflow.executeUpdateWithStart(UPDATES[what], {
            args: [{ reason }],
            startWorkflowOperation,
          }),
        );
      } catch (thrown) {
        // Ended meanwhile: its row says so.
        const ended =
          thrown instanceof WorkflowNotFoundError || thrown instanceof WorkflowUpdateFailedError;
        if (!ended) throw thrown;
      }
    },
  };
}
