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
  const accounts = `WorkflowType = "${WORKFLOW_TYPES.account}"`;
  return [
    { title: 'Accounts', url: listLink(ui, accounts + mine) },
    { title: 'Needs attention', url: listLink(ui, `${attention.name} = true${mine}`) },
    { title: 'Syncing now', url: listLink(ui, `${state.name} = "syncing"${mine}`) },
    { title: 'Blocked', url: listLink(ui, `${state.name} = "blocked"${mine}`) },
    { title: 'Paused', url: listLink(ui, `${state.name} = "paused"${mine}`) },
    { title: 'Backfills', url: listLink(ui, `WorkflowType = "${WORKFLOW_TYPES.backfill}"${mine}`) },
    {
      title: 'Start a backfill',
      url: startFormLink(ui, { type: WORKFLOW_TYPES.backfill, taskQueue: options.taskQueue }),
    },
    { title: 'Schedules', url: page(ui, 'schedules') },
  ];
}
