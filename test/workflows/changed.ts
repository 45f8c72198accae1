/** Workflows that do something else first: what a careless edit does to running ones. */
import { sleep } from '@temporalio/workflow';
import { account as sameAccount } from '../../workflows/account';
import { backfill as sameBackfill } from '../../workflows/backfill';
import type {
  AccountInput,
  BackfillInput,
  DeliverMessageInput,
  NightlyInput,
  PaymentRetryInput,
  RestateInput,
  RetryCampaignInput,
} from '../../workflows/contract';
import { deliverMessage as sameDelivery } from '../../workflows/deliver-message';
import { nightlySync as sameNight } from '../../workflows/nightly-sync';
import { paymentRetry as samePaymentRetry } from '../../workflows/payment-retry';
import { restateMetrics as sameRestatement } from '../../workflows/restate-metrics';
import { retryCampaign as sameCampaign } from '../../workflows/retry-campaign';

export async function account(input: AccountInput) {
  await sleep('1 second');
  return sameAccount(input);
}

export async function backfill(input: BackfillInput) {
  await sleep('1 second');
  return sameBackfill(input);
}

export async function deliverMessage(input: DeliverMessageInput) {
  await sleep('1 second');
  return sameDelivery(input);
}

export async function nightlySync(input?: NightlyInput) {
  await sleep('1 second');
  return sameNight(input);
}

export async function paymentRetry(input: PaymentRetryInput) {
  await sleep('1 second');
  return samePaymentRetry(input);
}

export async function restateMetrics(input: RestateInput) {
  await sleep('1 second');
  return sameRestatement(input);
}

export async function retryCampaign(input: RetryCampaignInput) {
  await sleep('1 second');
  return sameCampaign(input);
}
