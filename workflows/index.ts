/** Exports only: each one is a workflow type. */
export { account } from './account';
export { backfill } from './backfill';
export { deliverMessage } from './deliver-message';
export { nightlySync } from './nightly-sync';
export { paymentRetry } from './payment-retry';
export { restateMetrics } from './restate-metrics';
export { retryCampaign } from './retry-campaign';
