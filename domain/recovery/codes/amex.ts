/**
 * American Express' action codes. Source: acquirers' public lists (Lyra, SeerBit) as of November 2026, which differ in places: hardly
 * sure. 189 is a closed merchant to some and a closed card to others: never again.
 */
import {
  AT_PAYDAY,
  DAY_MS,
  HOUR_MS,
  afterAuth,
  afterUpdate,
  never,
  retry,
  type CodeTable,
} from './meaning';

export const AMEX: CodeTable = {
  100: retry('soft', 'declined', 2 * DAY_MS),
  101: afterUpdate('account_updater', 'expired_card'),
  106: afterUpdate('hard', 'incorrect_pin'),
  107: retry('soft', 'call_bank', 3 * DAY_MS),
  109: never('config', 'merchant_setup'),
  110: never('data', 'invalid_amount'),
  111: afterUpdate('hard', 'no_such_account'),
  115: never('config', 'merchant_setup'),
  116: AT_PAYDAY,
  117: afterUpdate('data', 'incorrect_pin'),
  119: afterUpdate('hard', 'not_permitted'),
  121: retry('funds', 'limit_exceeded', DAY_MS),
  122: afterUpdate('data', 'incorrect_cvc'),
  130: afterAuth('authentication', 'authentication_required'),
  181: never('technical', 'invalid_request'),
  183: never('data', 'not_supported'),
  187: afterUpdate('account_updater', 'details_replaced'),
  189: never('config', 'merchant_setup'),
  193: never('hard', 'authorization_revoked'),
  200: afterUpdate('fraud', 'pickup_card'),
  909: retry('technical', 'processing_error', HOUR_MS),
  911: retry('technical', 'bank_unavailable', HOUR_MS),
  912: retry('technical', 'bank_unavailable', HOUR_MS),
};
