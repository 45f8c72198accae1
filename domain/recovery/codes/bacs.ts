/**
 * ARUDD reason codes of Bacs, the direct debit of the United Kingdom. Source: Acquired's page on declined debits as of November 2026:
 * fairly sure. 0 (refer to payer) alone may be presented again.
 */
import { DAY_MS, afterAuth, afterUpdate, never, retry, type CodeTable } from './meaning';

export const BACS: CodeTable = {
  0: retry('funds', 'insufficient_funds', 3 * DAY_MS),
  1: afterAuth('hard', 'authorization_revoked'),
  2: never('hard', 'deceased'),
  3: afterUpdate('account_updater', 'details_replaced'),
  4: never('hard', 'disputed'),
  5: afterUpdate('hard', 'no_such_account'),
  6: afterAuth('hard', 'no_mandate'),
  7: never('data', 'invalid_amount'),
  8: never('data', 'invalid_request'),
  9: never('data', 'invalid_request'),
  A: never('config', 'merchant_setup'),
  B: afterUpdate('hard', 'account_closed'),
};
