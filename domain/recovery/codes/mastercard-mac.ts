/**
 * Mastercard's merchant advice codes. Source: processors' pages as of November 2026, since Mastercard's own list is not public: fairly
 * sure, 42 hardly. After 03 and 21 a fee is due for any further try of the same card and amount within 30 days. 24 to 30 come with 51
 * and name the wait, which has been paid for whether it is used or not. 40, 41 and 43 describe the card and no reason.
 */
import { DAY_MS, HOUR_MS, afterUpdate, never, retry, type CodeTable } from './meaning';

export const MASTERCARD_MAC: CodeTable = {
  '01': afterUpdate('account_updater', 'details_replaced'),
  '02': retry('soft', 'try_later', 3 * DAY_MS),
  '03': never('hard', 'do_not_retry'),
  '04': afterUpdate('data', 'not_permitted'),
  '05': never('data', 'invalid_amount'),
  21: never('hard', 'payment_stopped'),
  22: never('config', 'merchant_setup'),
  24: retry('funds', 'insufficient_funds', HOUR_MS),
  25: retry('funds', 'insufficient_funds', DAY_MS),
  26: retry('funds', 'insufficient_funds', 2 * DAY_MS),
  27: retry('funds', 'insufficient_funds', 4 * DAY_MS),
  28: retry('funds', 'insufficient_funds', 6 * DAY_MS),
  29: retry('funds', 'insufficient_funds', 8 * DAY_MS),
  30: retry('funds', 'insufficient_funds', 10 * DAY_MS),
  40: afterUpdate('hard', 'single_use_card'),
  41: afterUpdate('hard', 'single_use_card'),
  42: never('hard', 'unlawful'),
  43: retry('soft', 'try_later', 3 * DAY_MS),
};
