/**
 * Requests whose answer never came, whoever they were sent to: the payment may have been made. Our own rule, and no vocabulary of
 * anybody's: sure. The same request may be sent again under its key; a new one only once the first is proven not to have happened.
 */
import { MINUTE_MS, lookUp, type CodeTable } from './meaning';

export const TRANSPORT: CodeTable = {
  timeout: lookUp('unknown', 'outcome_unknown', 5 * MINUTE_MS),
  http_5xx: lookUp('unknown', 'outcome_unknown', 5 * MINUTE_MS),
  connection_reset: lookUp('unknown', 'outcome_unknown', 5 * MINUTE_MS),
  stripe_idempotency_in_use: lookUp('unknown', 'outcome_unknown', 5 * MINUTE_MS),
  paypal_500_INTERNAL_SERVICE_ERROR: lookUp('unknown', 'outcome_unknown', 5 * MINUTE_MS),
};
