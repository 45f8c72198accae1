/** Addresses in the Temporal UI. */
import {
  accountWorkflowId,
  backfillWorkflowId,
  SEARCH_ATTRIBUTES,
  WORKFLOW_TYPES,
} from '../workflows/contract';

export interface Ui {
  /** Without a slash at its end. */
  readonly baseUrl: string;
  readonly namespace: string;
}

export interface Link {
  readonly title: string;
  readonly url: string;
}

const page = (ui: Ui, path: string, query: Record<string, string> = {}): string => {
  const search = new URLSearchParams(query).toString().replaceAll('+', '%20');
  const base = `${ui.baseUrl}/namespaces/${encodeURIComponent(ui.namespace)}/${path}`;
  return search === '' ? base : `${base}?${search}`;
};

/** A workflow; without `runId` the UI shows its latest run. */
export function workflowLink(ui: Ui, workflow: { workflowId: string; runId?: string }): string {
  const id = encodeURIComponent(workflow.workflowId);
  return workflow.runId === undefined
    ? page(ui, `workflows/${id}`)
    : page(ui, `workflows/${id}/${workflow.runId}/history`);
}

/** The workflows that a list filter selects. */
export const listLink = (ui: Ui, query: string): string => page(ui, 'workflows', { query });

export interface StartForm {
  readonly type: string;
  readonly taskQueue: string;
  readonly workflowId: string;
}

/**
 * The start form with everything but the input filled in. Given a type without an id of its own, the UI would fill in the input
 * of the latest workflow of that type: somebody else's account and window.
 */
export const startFormLink = (ui: Ui, { type, taskQueue, workflowId }: StartForm): string =>
  page(ui, 'workflows/start-workflow', { workflowType: type, taskQueue, workflowId });

/** To the second: the same line typed twice by a slip of the finger makes one id, of which the second is refused. */
export const suffixOf = (now: Date): string => now.toISOString().slice(0, 19).replaceAll(':', '-');

interface OpsLinksOptions {
  readonly taskQueue: string;
  /** Only what belongs to this account; all accounts when left out. */
  readonly account?: string | undefined;
  /** Makes the suggested workflow id a fresh one. */
  readonly now: Date;
}

/** A Schedule, with its next and its newest runs. */
export const scheduleLink = (ui: Ui, scheduleId: string): string =>
  page(ui, `schedules/${encodeURIComponent(scheduleId)}`);

/** Where operators look around: everything at once, what needs a person, what runs, and where to start something. */
export function opsLinks(ui: Ui, { taskQueue, account, now }: OpsLinksOptions): Link[] {
  const { account: accountKey, attention, state } = SEARCH_ATTRIBUTES;
  const mine = account === undefined ? '' : ` AND ${accountKey.name} = "${account}"`;
  const list = (title: string, query: string): Link => ({ title, url: listLink(ui, query + mine) });
  // An account begins a new run with each sync, and the earlier ones keep the state that they ended in.
  const running = (title: string, query: string): Link =>
    list(title, `ExecutionStatus = "Running" AND ${query}`);
  const suffix = suffixOf(now);
  const workflowId =
    account === undefined
      ? `${WORKFLOW_TYPES.backfill}/${suffix}`
      : backfillWorkflowId({ accountId: account, suffix });
  const form = { type: WORKFLOW_TYPES.backfill, taskQueue, workflowId };
  return [
    { title: 'Start a backfill', url: startFormLink(ui, form) },
    account === undefined
      ? running('Accounts', `WorkflowType = "${WORKFLOW_TYPES.account}"`)
      : {
          title: 'The account',
          url: workflowLink(ui, { workflowId: accountWorkflowId(account) }),
        },
    // Blanks around this sign make the UI's filter bar lose the value of a Bool.
    running('Needs attention', `${attention.name}=true`),
    running('Backfills now', `WorkflowType = "${WORKFLOW_TYPES.backfill}"`),
    running('Syncing now', `${state.name} = "syncing"`),
    running('Blocked', `${state.name} = "blocked"`),
    running('Paused', `${state.name} = "paused"`),
    list('All backfills', `WorkflowType = "${WORKFLOW_TYPES.backfill}"`),
    list('All syncs', `WorkflowType = "${WORKFLOW_TYPES.account}"`),
    { title: 'Schedules', url: page(ui, 'schedules') },
  ];
}
