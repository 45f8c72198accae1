/** Tells an account’s workflow that there is something to read, and starts the workflow where it does not run. */
import type { Client } from '@temporalio/client';
import { accountWorkflowId, wake, WORKFLOW_TYPES, type AccountInput } from '../workflows/contract';

export interface Wake {
  readonly what: 'sync' | 'changes';
  /** Exclusive end of a sync's window, as ISO instant; the provider's now when left out. */
  readonly to?: string;
  readonly reason?: string;
}

/** Returns once Temporal has the signal: the account heeds it whenever a worker is there. */
export async function wakeAccount(
  { client, taskQueue }: { readonly client: Client; readonly taskQueue: string },
  account: string,
  given: Wake,
): Promise<void> {
  const input: AccountInput = { account };
  await client.workflow.signalWithStart(WORKFLOW_TYPES.account, {
    workflowId: accountWorkflowId(account),
    taskQueue,
    args: [input],
    signal: wake,
    signalArgs: [given],
    staticSummary: `Syncs of account ${account}`,
  });
}
