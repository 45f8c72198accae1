/**
 * The error categories of Hyperswitch, which puts many processors' codes into one vocabulary. Source: `ErrorCategory` of its public
 * repository as of November 2026: hardly sure what each processor's codes are put into.
 */
import { MINUTE_MS, afterAuth, afterUpdate, never, retry, type CodeTable } from './meaning';

export const HYPERSWITCH_GSM: CodeTable = {
  frm_decline: never('fraud', 'suspected_fraud'),
  processor_downtime: retry('technical', 'processing_error', 30 * MINUTE_MS),
  processor_decline_unauthorized: afterAuth('authentication', 'authentication_required'),
  issue_with_payment_method: afterUpdate('data', 'check_details'),
  processor_decline_incorrect_data: afterUpdate('data', 'check_details'),
  hard_decline: afterUpdate('hard', 'declined'),
  soft_decline: retry('soft', 'declined', null),
};
