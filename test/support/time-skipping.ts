/** A Temporal server of a test file's own, by whose clock weeks pass in seconds: it leaps whenever nothing is at work. */
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { SEARCH_ATTRIBUTES } from '../../workflows/contract';
import { inDev } from '../dev/in-dev';

/** `IndexedValueType` of Temporal's API, by the names that the SDK gives them. */
const TYPES = { TEXT: 1, KEYWORD: 2, INT: 3, DOUBLE: 4, BOOL: 5, DATETIME: 6, KEYWORD_LIST: 7 };

/** Time is the whole server's: one case at a time. */
export async function startTimeSkipping(): Promise<TestWorkflowEnvironment> {
  const path = inDev('test-servers', 'await dev.timeSkippingServer()') as string;
  const environment = await TestWorkflowEnvironment.createTimeSkipping({
    server: { executable: { type: 'existing-path', path } },
  });
  // What is not registered would stall a workflow, instead of being refused.
  await environment.connection.operatorService.addSearchAttributes({
    namespace: 'default',
    searchAttributes: Object.fromEntries(
      Object.values(SEARCH_ATTRIBUTES).map(({ name, type }) => [name, TYPES[type]]),
    ),
  });
  return environment;
}
