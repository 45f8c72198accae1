/**
 * Visa's response codes. Source: Visa Core Rules of 18 April 2026, table 7-2 (ID# 0030640), and processors' notices of the changes
 * since: sure. Which codes are tried again at all is our own judgement, within what the categories allow.
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

export const VISA: CodeTable = {
  '04': afterUpdate('hard', 'pickup_card'),
  '07': afterUpdate('fraud', 'pickup_card'),
  12: never('hard', 'invalid_request'),
  14: afterUpdate('hard', 'no_such_account'),
  15: afterUpdate('hard', 'no_such_account'),
  41: afterUpdate('fraud', 'lost_card'),
  43: afterUpdate('fraud', 'stolen_card'),
  46: afterUpdate('account_updater', 'account_closed'),
  57: afterUpdate('hard', 'not_permitted'),
  R0: never('hard', 'payment_stopped'),
  R1: never('hard', 'authorization_revoked'),
  R3: never('hard', 'authorization_revoked'),
  '03': never('config', 'merchant_setup'),
  19: retry('technical', 'processing_error', 30 * MINUTE_MS),
  39: afterUpdate('hard', 'no_such_account'),
  51: AT_PAYDAY,
  52: afterUpdate('hard', 'no_such_account'),
  53: afterUpdate('hard', 'no_such_account'),
  59: retry('fraud', 'suspected_fraud', 3 * DAY_MS),
  61: retry('funds', 'limit_exceeded', DAY_MS),
  62: afterUpdate('hard', 'restricted'),
  65: retry('funds', 'limit_exceeded', DAY_MS),
  75: afterUpdate('hard', 'incorrect_pin'),
  78: retry('soft', 'not_activated', 3 * DAY_MS),
  83: retry('fraud', 'suspected_fraud', 3 * DAY_MS),
  86: afterUpdate('data', 'incorrect_pin'),
  91: retry('technical', 'bank_unavailable', HOUR_MS),
  93: never('hard', 'unlawful'),
  96: retry('technical', 'processing_error', HOUR_MS),
  '5C': afterUpdate('hard', 'not_permitted'),
  '9G': afterUpdate('hard', 'blocked_by_customer'),
  N3: never('hard', 'not_supported'),
  N4: retry('funds', 'limit_exceeded', DAY_MS),
  Z5: never('data', 'invalid_amount'),
  54: afterUpdate('account_updater', 'expired_card'),
  55: afterUpdate('data', 'incorrect_pin'),
  82: afterUpdate('data', 'incorrect_cvc'),
  '6P': afterUpdate('data', 'details_mismatch'),
  N7: afterUpdate('data', 'incorrect_cvc'),
  70: afterAuth('authentication', 'authentication_required'),
  '1A': afterAuth('authentication', 'authentication_required'),
  '01': retry('soft', 'call_bank', 3 * DAY_MS),
  '05': retry('soft', 'declined', 2 * DAY_MS),
  13: never('data', 'invalid_amount'),
  58: never('config', 'merchant_setup'),
  63: retry('fraud', 'suspected_fraud', 3 * DAY_MS),
};

/** 1: the issuer will never approve. 2: not now. 3: check the data first. 4: generic. Never after 1; the others share one limit. */
export type VisaCategory = 1 | 2 | 3 | 4;

interface CategoryRow {
  readonly category: VisaCategory;
  readonly codes: string;
  /** First day, UTC; since ever where not given. */
  readonly since?: string;
}

/**
 * Table 7-2 as it lists them. 46 and 57 are in category 1 throughout: 46 was "closed account" before it became "deactivated token"
 * on 25 April 2026, and 57 keeps its place in the edition although issuers sent 05 in its stead from October 2025 until 25 October
 * 2026. Sources name July and October 2026 for 83: the earlier.
 */
const CATEGORIES: readonly CategoryRow[] = [
  { category: 1, codes: '04 07 12 14 15 41 43 46 57 R0 R1 R3' },
  { category: 2, codes: '03 19 39 51 52 53 59 61 62 65 75 78 86 91 93 96 N3 N4 Z5' },
  { category: 2, codes: '5C 9G', since: '2025-04-11' },
  { category: 2, codes: '83', since: '2026-07-25' },
  { category: 3, codes: '54 55 82 6P N7 1A 70' },
  { category: 4, codes: '01 05 13 58 63' },
];

/** 1A and 70 are generic outside Europe and CEMEA; an issuer's country that is not listed here is taken to be inside. */
const GENERIC_ABROAD = ['1A', '70'];
const ABROAD =
  'US CA MX AR BO BR CL CO CR DO EC GT HN JM NI PA PE PY SV TT UY ' +
  'AU BD CN FJ HK ID IN JP KH KR LA LK MM MN MO MY NP NZ PH SG TH TW VN';

/**
 * The category of a response code at an instant (epoch milliseconds); null for one that is not in the table, or was not then.
 * `country`: where the card was issued, ISO 3166 alpha-2; null when not known.
 */
export function visaCategory(
  code: string,
  { country, atMs }: { readonly country: string | null; readonly atMs: number },
): VisaCategory | null {
  const isAbroad = country !== null && ABROAD.split(' ').includes(country);
  if (isAbroad && GENERIC_ABROAD.includes(code)) return 4;
  const row = CATEGORIES.find(({ codes }) => codes.split(' ').includes(code));
  if (row === undefined) return null;
  return row.since !== undefined && atMs < Date.parse(row.since) ? null : row.category;
}
