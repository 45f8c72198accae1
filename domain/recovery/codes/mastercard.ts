/**
 * Mastercard's response codes. Source: processors' pages (TabaPay, Braintree) as of November 2026, since Mastercard's own list is not
 * public: fairly sure. 79, 82 and 83 say little without the merchant advice code that comes along (`mastercard-mac.ts`), which can
 * only make them stricter; alone 79 wants new details and 83 the customer's confirmation.
 */
import {
  AT_PAYDAY,
  DAY_MS,
  HOUR_MS,
  MINUTE_MS,
  afterAuth,
  afterUpdate,
  never,
  retry,
  type CodeTable,
} from './meaning';

export const MASTERCARD: CodeTable = {
  '01': retry('soft', 'call_bank', 3 * DAY_MS),
  '03': never('config', 'merchant_setup'),
  '04': afterUpdate('fraud', 'pickup_card'),
  '05': retry('soft', 'declined', 2 * DAY_MS),
  '06': retry('technical', 'processing_error', HOUR_MS),
  12: never('hard', 'invalid_request'),
  13: never('data', 'invalid_amount'),
  14: afterUpdate('hard', 'no_such_account'),
  15: afterUpdate('hard', 'no_such_account'),
  19: retry('technical', 'processing_error', 30 * MINUTE_MS),
  30: never('technical', 'invalid_request'),
  41: afterUpdate('fraud', 'lost_card'),
  43: afterUpdate('fraud', 'stolen_card'),
  51: AT_PAYDAY,
  54: afterUpdate('account_updater', 'expired_card'),
  55: afterUpdate('data', 'incorrect_pin'),
  57: afterUpdate('hard', 'not_permitted'),
  58: never('config', 'merchant_setup'),
  59: retry('fraud', 'suspected_fraud', 3 * DAY_MS),
  61: retry('funds', 'limit_exceeded', DAY_MS),
  62: afterUpdate('hard', 'restricted'),
  63: retry('fraud', 'suspected_fraud', 3 * DAY_MS),
  65: retry('funds', 'limit_exceeded', DAY_MS),
  70: afterAuth('soft', 'call_bank'),
  75: afterUpdate('hard', 'incorrect_pin'),
  76: never('config', 'merchant_setup'),
  78: afterUpdate('soft', 'no_such_account'),
  79: afterUpdate('account_updater', 'details_replaced'),
  82: retry('hard', 'declined', 3 * DAY_MS),
  83: afterAuth('fraud', 'suspected_fraud'),
  91: retry('technical', 'bank_unavailable', HOUR_MS),
  92: retry('technical', 'bank_unavailable', HOUR_MS),
  93: never('hard', 'unlawful'),
  94: never('technical', 'duplicate'),
  96: retry('technical', 'processing_error', HOUR_MS),
};
