/** Addresses in the Temporal UI. */
import { SEARCH_ATTRIBUTES, WORKFLOW_TYPES } from '../workflows/contract';

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

/** The start form with type and task queue filled in; the input is typed there. */
export const startFormLink = (ui: Ui, workflow: { type: string; taskQueue: string }): string =>
  page(ui, 'workflows/start-workflow', {
    workflowType: workflow.type,
    taskQueue: workflow.taskQueue,
  });

/** Where operators look around: everything at once, what needs a person, what runs, and where to start something. */
export function opsLinks(ui: Ui, options: { taskQueue: string; account?: string }): Link[] {
  const { account: accountKey, attention, state } = SEARCH_ATTRIBUTES;
  const mine =
    options.account === undefined ? '' : ` AND ${accountKey.name} = "${options.account}"`;
  const list = (title: string, query: string): Link => ({ title, url: listLink(ui, query + mine) });
  // An account begins a new run with each sync, and the earlier ones keep the state that they ended in.
  const now = (title: string, query: string): Link =>
    list(title, `ExecutionStatus = "Running" AND ${query}`);
  return [
    now('Accounts', `WorkflowType = "${WORKFLOW_TYPES.account}"`),
    now('Needs attention', `${attention.name} = true`),
    now('Syncing now', `${state.name} = "syncing"`),
    now('Blocked', `${state.name} = "blocked"`),
    now('Paused', `${state.name} = "paused"`),
    list('Syncs, one by one', `WorkflowType = "${WORKFLOW_TYPES.account}"`),
    list('Backfills', `WorkflowType = "${WORKFLOW_TYPES.backfill}"`),
    {
      title: 'Start a backfill',
      url: startFormLink(ui, { type: WORKFLOW_TYPES.backfill, taskQueue: options.taskQueue }),
    },
    { title: 'Schedules', url: page(ui, 'schedules') },
  ];
}
