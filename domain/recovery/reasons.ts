/**
 * Why payments fail, in words. A reason is what people are told; what is done about it is the decline's class. A `vague` one says
 * that a payment was declined and not why, so that a code which says more may speak instead.
 */

export interface Reason {
  readonly merchant: string;
  /** What the customer may be told. Fraud, loss, theft and lists look like any decline: whoever holds the card may be the thief. */
  readonly customer: string;
  readonly vague?: true;
}

/** The generic decline, word for word the same for all that must not be told. */
const DECLINED = 'The payment was declined. Please use another payment method or ask your bank.';
const OTHER_METHOD = 'This payment method cannot be used here. Please use another one.';
const BANK_DETAILS = 'The bank could not find this account. Please check your payment details.';
const NO_HARM = 'The payment did not go through. You need not do anything for now.';
const MERCHANT_AT_WORK =
  'The payment did not go through. The fault is not yours; it is being looked at.';

export const REASONS = {
  declined: {
    merchant: 'The bank declined without saying why.',
    customer: DECLINED,
    vague: true,
  },
  try_later: {
    merchant: 'The bank cannot approve it now and says to try later.',
    customer: NO_HARM,
    vague: true,
  },
  do_not_retry: {
    merchant: 'The bank says not to try this payment again.',
    customer: DECLINED,
    vague: true,
  },
  call_bank: {
    merchant: 'The bank wants its customer to get in touch, and does not say why.',
    customer: 'Your bank declined the payment. Please ask your bank about it.',
    vague: true,
  },
  check_details: {
    merchant: 'Some of the payment details are wrong; the bank does not say which.',
    customer: 'Some of your payment details are wrong. Please enter them again.',
    vague: true,
  },
  insufficient_funds: {
    merchant: 'There was not enough money in the account.',
    customer: 'There was not enough money in the account for this payment.',
  },
  limit_exceeded: {
    merchant:
      'The payment exceeds a limit of amount or number that the bank or the customer has set.',
    customer: 'The payment exceeds a limit of your card or account. Please ask your bank.',
  },
  too_many_attempts: {
    merchant: 'This payment was tried too often.',
    customer: DECLINED,
  },
  expired_card: {
    merchant: 'The card has expired.',
    customer: 'Your card has expired. Please enter a new one.',
  },
  details_replaced: {
    merchant: 'The bank has issued a new card or account number in place of this one.',
    customer: 'Your card or account number has changed. Please enter the new one.',
  },
  account_closed: {
    merchant: 'The card or account is closed.',
    customer: 'This card or account is closed. Please use another payment method.',
  },
  no_such_account: {
    merchant: 'No card or account of this number exists, or not of this kind.',
    customer: BANK_DETAILS,
  },
  details_mismatch: {
    merchant: 'Name, address, date or other details differ from those that the bank holds.',
    customer: 'Some details differ from those of your bank. Please enter them again.',
  },
  incorrect_cvc: {
    merchant: 'The security code of the card is wrong.',
    customer: 'The security code of your card is wrong. Please enter it again.',
  },
  incorrect_pin: {
    merchant: 'The PIN is missing or wrong, or was wrong too often.',
    customer: OTHER_METHOD,
  },
  lost_card: { merchant: 'The card was reported lost.', customer: DECLINED },
  stolen_card: { merchant: 'The card was reported stolen.', customer: DECLINED },
  pickup_card: {
    merchant: 'The bank wants the card withdrawn; it may have been lost or stolen.',
    customer: DECLINED,
  },
  suspected_fraud: { merchant: 'The bank or the provider suspects fraud.', customer: DECLINED },
  blocked_by_rules: {
    merchant: 'Your own rules or block list, or the risk checks of the provider, stopped it.',
    customer: DECLINED,
  },
  restricted: {
    merchant: 'The bank has restricted or frozen the card or account.',
    customer: DECLINED,
  },
  not_activated: {
    merchant: 'The card has not been activated or was never used.',
    customer: 'Your card is not active yet. Please activate it or use another one.',
  },
  blocked_by_customer: {
    merchant: 'The customer has switched off such payments at the bank.',
    customer:
      'Such payments are switched off for your card. Please ask your bank or use another card.',
  },
  not_permitted: {
    merchant: 'The bank does not allow such a payment with this card or account.',
    customer: OTHER_METHOD,
  },
  not_supported: {
    merchant: 'The card or account does not support the kind of payment or the currency.',
    customer: OTHER_METHOD,
  },
  single_use_card: {
    merchant: 'The card is prepaid or virtual and is not made for further payments.',
    customer: OTHER_METHOD,
  },
  authentication_required: {
    merchant: 'The bank asks for its customer to confirm the payment.',
    customer: 'Your bank asks you to confirm this payment.',
  },
  no_mandate: {
    merchant: 'There is no valid mandate for the account.',
    customer: 'Your authorisation for this account is missing. Please give it again.',
  },
  payment_stopped: {
    merchant: 'The customer has had this payment stopped.',
    customer: 'This payment was stopped at your bank.',
  },
  authorization_revoked: {
    merchant: 'The customer has withdrawn the authorisation for your payments.',
    customer: 'The authorisation for these payments was withdrawn at your bank.',
  },
  disputed: {
    merchant: 'The customer has told the bank that the payment was not authorised.',
    customer: 'The payment was disputed at your bank.',
  },
  deceased: { merchant: 'The bank reports that the account holder has died.', customer: DECLINED },
  unlawful: {
    merchant: 'Law, sanctions or compliance rules forbid the payment.',
    customer: DECLINED,
  },
  bank_unavailable: {
    merchant: 'The bank or its network could not be reached.',
    customer: NO_HARM,
  },
  processing_error: {
    merchant: 'A system failed while processing the payment.',
    customer: NO_HARM,
  },
  duplicate: {
    merchant: 'The same payment was made before; it may have succeeded.',
    customer: NO_HARM,
  },
  partly_approved: {
    merchant: 'The bank approved a part of the amount only, which may be held.',
    customer: 'Your bank approved a part of the amount only.',
  },
  outcome_unknown: {
    merchant: 'No answer came: the payment may have happened, and is looked up.',
    customer: NO_HARM,
  },
  invalid_amount: {
    merchant: 'The amount is refused: too large, too small or not as agreed.',
    customer: MERCHANT_AT_WORK,
  },
  invalid_request: {
    merchant: 'The payment was refused as wrongly made.',
    customer: MERCHANT_AT_WORK,
  },
  merchant_setup: {
    merchant: 'Your own account is not set up for such payments: ask the provider.',
    customer: MERCHANT_AT_WORK,
  },
} as const satisfies Readonly<Record<string, Reason>>;

export type ReasonName = keyof typeof REASONS;
