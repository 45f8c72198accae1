/** Everything that is derived of an account, derived again from what is stored, without a request to its billing service. */
import type { RestateInput, RestateResult } from './contract';
import { checkRestateInput } from './input';
import { step } from './options';

/**
 * Only what comes out otherwise is written: reversals and new rows in the ledger, and a new load. Errors: ApplicationFailure
 * `invalid_input`; ActivityFailure.
 */
export async function restateMetrics(given: RestateInput): Promise<RestateResult> {
  const { account, rows: force } = checkRestateInput(given);
  const rows = await step('renormalise', { account, force }, 'make rows anew from stored objects');
  const metrics = await step('computeMetrics', { account, everybody: true }, 'compute metrics');
  const warehouse = await step('loadWarehouse', { account }, 'load the warehouse');
  return { rows, metrics, warehouse };
}
