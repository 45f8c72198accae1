/**
 * Stripe's codes of declined payments, and how its fields are read. Source: its pages on declines, on retries and on each debit
 * method, November 2026: sure of cards, hardly of bank debits, whose names differ from page to page.
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
} from '../../domain/recovery/codes/meaning';
import {
  readDecline,
  type ProviderVocabularies,
  type Vocabulary,
} from '../../domain/recovery/classify';
import type { Decline, DeclineCodes } from '../../domain/recovery/decline';

/** `decline_code`, the reason of a charge's outcome, and the errors of a card payment. */
export const STRIPE: CodeTable = {
  authentication_required: afterAuth('authentication', 'authentication_required'),
  authentication_not_handled: afterAuth('authentication', 'authentication_required'),
  mobile_device_authentication_required: afterAuth('authentication', 'authentication_required'),
  approve_with_id: retry('soft', 'try_later', HOUR_MS),
  call_issuer: retry('soft', 'call_bank', 3 * DAY_MS),
  card_not_supported: afterUpdate('hard', 'not_supported'),
  card_velocity_exceeded: retry('funds', 'limit_exceeded', DAY_MS),
  currency_not_supported: afterUpdate('hard', 'not_supported'),
  do_not_honor: retry('soft', 'declined', 2 * DAY_MS),
  do_not_try_again: never('hard', 'do_not_retry'),
  duplicate_transaction: never('technical', 'duplicate'),
  expired_card: afterUpdate('account_updater', 'expired_card'),
  fraudulent: never('fraud', 'suspected_fraud'),
  generic_decline: retry('soft', 'declined', 2 * DAY_MS),
  incorrect_address: afterUpdate('data', 'details_mismatch'),
  incorrect_cvc: afterUpdate('data', 'incorrect_cvc'),
  incorrect_number: afterUpdate('hard', 'no_such_account'),
  incorrect_pin: afterUpdate('data', 'incorrect_pin'),
  incorrect_zip: afterUpdate('data', 'details_mismatch'),
  insufficient_funds: AT_PAYDAY,
  invalid_account: afterUpdate('hard', 'no_such_account'),
  invalid_amount: never('data', 'invalid_amount'),
  invalid_cvc: afterUpdate('data', 'incorrect_cvc'),
  invalid_expiry_month: afterUpdate('data', 'details_mismatch'),
  invalid_expiry_year: afterUpdate('data', 'details_mismatch'),
  invalid_number: afterUpdate('hard', 'no_such_account'),
  invalid_pin: afterUpdate('data', 'incorrect_pin'),
  issuer_not_available: retry('technical', 'bank_unavailable', HOUR_MS),
  lost_card: afterUpdate('fraud', 'lost_card'),
  merchant_blacklist: never('fraud', 'blocked_by_rules'),
  new_account_information_available: afterUpdate('account_updater', 'details_replaced'),
  no_action_taken: retry('soft', 'declined', DAY_MS),
  not_permitted: afterUpdate('hard', 'not_permitted'),
  offline_pin_required: afterUpdate('data', 'incorrect_pin'),
  online_or_offline_pin_required: afterUpdate('data', 'incorrect_pin'),
  pickup_card: afterUpdate('fraud', 'pickup_card'),
  pin_try_exceeded: afterUpdate('hard', 'incorrect_pin'),
  processing_error: retry('technical', 'processing_error', 30 * MINUTE_MS),
  reenter_transaction: retry('technical', 'processing_error', 30 * MINUTE_MS),
  restricted_card: afterUpdate('hard', 'restricted'),
  revocation_of_all_authorizations: never('hard', 'authorization_revoked'),
  revocation_of_authorization: never('hard', 'authorization_revoked'),
  security_violation: retry('soft', 'suspected_fraud', 3 * DAY_MS),
  service_not_allowed: afterUpdate('hard', 'not_permitted'),
  stolen_card: afterUpdate('fraud', 'stolen_card'),
  stop_payment_order: never('hard', 'payment_stopped'),
  testmode_decline: never('config', 'merchant_setup'),
  transaction_not_allowed: afterUpdate('hard', 'not_permitted'),
  try_again_later: retry('soft', 'try_later', DAY_MS),
  withdrawal_count_limit_exceeded: retry('funds', 'limit_exceeded', DAY_MS),
  highest_risk_level: never('fraud', 'blocked_by_rules'),
  elevated_risk_level: never('fraud', 'blocked_by_rules'),
  rule: never('fraud', 'blocked_by_rules'),
  blocklist: never('fraud', 'blocked_by_rules'),
  requested_block_on_incorrect_cvc: never('fraud', 'blocked_by_rules'),
  requested_block_on_incorrect_zip: never('fraud', 'blocked_by_rules'),
  low_probability_of_authorization: never('hard', 'do_not_retry'),
  previously_declined_do_not_retry: never('hard', 'too_many_attempts'),
  payment_intent_authentication_failure: afterAuth('authentication', 'authentication_required'),
};

/** `advice_code`. */
export const STRIPE_ADVICE: CodeTable = {
  do_not_try_again: never('hard', 'do_not_retry'),
  try_again_later: retry('soft', 'try_later', DAY_MS),
  confirm_card_data: afterUpdate('data', 'check_details'),
};

/** `failure_code` and `decline_code` of bank debits. Which are presented again is for the schemes to say. */
export const STRIPE_BANK_DEBIT: CodeTable = {
  insufficient_funds: retry('funds', 'insufficient_funds', 3 * DAY_MS),
  account_closed: afterUpdate('hard', 'account_closed'),
  bank_account_restricted: afterUpdate('hard', 'restricted'),
  debit_not_authorized: afterAuth('hard', 'no_mandate'),
  incorrect_account_holder_name: afterUpdate('data', 'details_mismatch'),
  invalid_account_number: afterUpdate('hard', 'no_such_account'),
  no_account: afterUpdate('hard', 'no_such_account'),
  payment_stopped: afterAuth('hard', 'payment_stopped'),
  generic_could_not_process: retry('soft', 'declined', 3 * DAY_MS),
  refer_to_customer: retry('soft', 'call_bank', 3 * DAY_MS),
  account_frozen: afterUpdate('hard', 'restricted'),
  invalid_currency: never('config', 'not_supported'),
  authorization_revoked: never('hard', 'authorization_revoked'),
  bank_account_closed: afterUpdate('hard', 'account_closed'),
  bank_account_frozen: afterUpdate('hard', 'restricted'),
  bank_account_invalid_details: afterUpdate('hard', 'no_such_account'),
  bank_account_unusable: never('hard', 'restricted'),
  bank_ownership_changed: afterUpdate('account_updater', 'details_replaced'),
  branch_does_not_exist: afterUpdate('hard', 'no_such_account'),
  charge_exceeds_source_limit: never('data', 'limit_exceeded'),
  charge_exceeds_transaction_limit: never('data', 'limit_exceeded'),
  debit_authorization_not_match: afterUpdate('hard', 'no_mandate'),
  debit_disputed: never('hard', 'disputed'),
  recipient_deceased: never('hard', 'deceased'),
};

/** `outcome.type`, where it is Radar that stopped the payment: it would do so again. */
export const STRIPE_OUTCOME: CodeTable = { blocked: never('fraud', 'blocked_by_rules') };

const CARD: Vocabulary = { name: 'stripe', codes: STRIPE };
const BANK_DEBIT: Vocabulary = { name: 'stripe_bank_debit', codes: STRIPE_BANK_DEBIT };
const ADVICE: Vocabulary = { name: 'stripe_advice', codes: STRIPE_ADVICE };
const OUTCOME: Vocabulary = { name: 'stripe_outcome', codes: STRIPE_OUTCOME };

/** Methods that are debits of a bank account; some codes are named alike for cards. */
const DEBITS = [
  'us_bank_account',
  'sepa_debit',
  'bacs_debit',
  'au_becs_debit',
  'acss_debit',
  'nz_bank_account',
];

const VOCABULARIES: ProviderVocabularies = {
  schemes: {
    us_bank_account: 'ach',
    sepa_debit: 'sepa',
    bacs_debit: 'bacs',
    au_becs_debit: 'becs',
  },
  lookup: (field, { methodType }) => {
    if (field === 'outcomeType') return [OUTCOME];
    if (field === 'adviceCode') return [ADVICE];
    return DEBITS.includes(methodType ?? '') ? [BANK_DEBIT, CARD] : [CARD, BANK_DEBIT];
  },
  silent: {
    outcomeType: ['authorized', 'invalid', 'issuer_declined', 'manual_review'],
    failureCode: ['card_declined'],
  },
};

export const readStripeDecline = (codes: DeclineCodes): Decline => readDecline(codes, VOCABULARIES);
