/**
 * Return codes of the US Automated Clearing House. Source: Nacha Operating Rules by second-hand texts as of November 2026: fairly sure,
 * R05, R11, R16, R20 and R51 hardly. R01 and R09 alone may be presented again.
 */
import { DAY_MS, afterAuth, afterUpdate, never, retry, type CodeTable } from './meaning';

export const ACH: CodeTable = {
  R01: retry('funds', 'insufficient_funds', 3 * DAY_MS),
  R09: retry('funds', 'insufficient_funds', 3 * DAY_MS),
  R02: afterUpdate('hard', 'account_closed'),
  R03: afterUpdate('hard', 'no_such_account'),
  R04: afterUpdate('hard', 'no_such_account'),
  R05: never('hard', 'disputed'),
  R07: afterAuth('hard', 'authorization_revoked'),
  R08: afterAuth('hard', 'payment_stopped'),
  R10: never('hard', 'disputed'),
  R11: afterUpdate('data', 'details_mismatch'),
  R16: afterUpdate('hard', 'restricted'),
  R20: afterUpdate('hard', 'not_supported'),
  R29: never('hard', 'disputed'),
  R51: never('hard', 'invalid_request'),
};
