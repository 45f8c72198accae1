/**
 * Return codes of BECS, the direct debit of Australia. Source: GoCardless' page on Success+ as of November 2026: hardly sure. GoCardless
 * presents 6 (refer to customer) again and nothing else, so neither do we, 9 (technically invalid) included.
 */
import { DAY_MS, afterUpdate, never, retry, type CodeTable } from './meaning';

export const BECS: CodeTable = {
  1: afterUpdate('hard', 'no_such_account'),
  2: never('hard', 'payment_stopped'),
  3: afterUpdate('hard', 'account_closed'),
  4: never('hard', 'deceased'),
  5: afterUpdate('hard', 'no_such_account'),
  6: retry('funds', 'insufficient_funds', 3 * DAY_MS),
  7: never('hard', 'invalid_request'),
  8: never('config', 'merchant_setup'),
  9: never('technical', 'invalid_request'),
};
