/** An account that does something else first: what a careless edit does to running workflows. */
import { sleep } from '@temporalio/workflow';
import { account as original } from '../../workflows/account';
import type { AccountInput } from '../../workflows/contract';

export async function account(input: AccountInput) {
  await sleep('1 second');
  return original(input);
}
