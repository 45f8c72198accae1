/**
 * Reason codes of SEPA Direct Debit. Source: Adyen's page on rescuing debits and Lemonway's list of reason codes as of November 2026:
 * fairly sure, AC13, AG01, MD01 and SL01 hardly. MS03 stands in for AM04 where banks may not tell (AT, BE, DE, LU, SK).
 */
import { DAY_MS, afterAuth, afterUpdate, lookUp, never, retry, type CodeTable } from './meaning';

export const SEPA: CodeTable = {
  AM04: retry('funds', 'insufficient_funds', 5 * DAY_MS),
  MS03: retry('soft', 'declined', 5 * DAY_MS),
  AC01: afterUpdate('hard', 'no_such_account'),
  AC04: afterUpdate('hard', 'account_closed'),
  AC06: afterUpdate('hard', 'restricted'),
  AC13: afterUpdate('hard', 'not_supported'),
  AG01: afterUpdate('hard', 'not_permitted'),
  MD01: afterAuth('hard', 'no_mandate'),
  MD06: never('hard', 'disputed'),
  MD07: never('hard', 'deceased'),
  MS02: never('hard', 'authorization_revoked'),
  SL01: never('hard', 'blocked_by_customer'),
  AM05: lookUp('technical', 'duplicate'),
};
