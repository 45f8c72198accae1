import type Stripe from 'stripe';

import type { Subscription } from '../../world/model';
import { embeddedListOf, reference, type ObjectType, type RenderContext } from '../object-type';
import { embeddedList, type Wire } from '../wire';
import { renderSubscriptionItem } from './subscription-item';

export const subscription: ObjectType<Subscription> = {
  noun: 'subscription',
  permission: 'subscription',
  find: (id, world) => world.subscriptions.find(id),
  render: renderSubscription,
  expandable: {
    customer: reference('customer'),
    default_payment_method: reference('payment_method'),
    discounts: reference('discount'),
    items: embeddedListOf('subscription_item'),
    latest_invoice: reference('invoice'),
  },
};

function renderSubscription(record: Subscription, context: RenderContext) {
  const items = record.items.map((item) => renderSubscriptionItem(item, context));
  return {
    id: record.id,
    object: 'subscription',
    application: null,
    application_fee_percent: null,
    automatic_tax: { disabled_reason: null, enabled: false, liability: null },
    billing_cycle_anchor: record.billingCycleAnchor,
    billing_cycle_anchor_config: null,
    billing_mode: { flexible: { proration_discounts: 'included' }, type: 'flexible' },
    billing_schedules: [],
    billing_thresholds: null,
    cancel_at: record.cancelAt,
    cancel_at_period_end: record.cancelAtPeriodEnd,
    canceled_at: record.canceledAt,
    cancellation_details: {
      comment: null,
      feedback: null,
      feedback_option: null,
      reason: record.cancellationReason,
    },
    collection_method: 'charge_automatically',
    created: record.created,
    currency: record.currency,
    customer: record.customer,
    customer_account: null,
    days_until_due: null,
    default_payment_method: null,
    default_source: null,
    default_tax_rates: [],
    description: null,
    discounts: [...record.discounts],
    ended_at: record.endedAt,
    invoice_settings: {
      account_tax_ids: null,
      custom_fields: null,
      description: null,
      footer: null,
      issuer: { type: 'self' },
    },
    items: embeddedList(
      items,
      `/v1/subscription_items?subscription=${record.id}`,
      context.embeddedPageSize,
    ),
    latest_invoice: record.latestInvoice,
    livemode: false,
    managed_payments: null,
    metadata: {},
    next_pending_invoice_item_invoice: null,
    on_behalf_of: null,
    pause_collection:
      record.pauseCollection === null
        ? null
        : {
            behavior: record.pauseCollection.behavior,
            resumes_at: record.pauseCollection.resumesAt,
          },
    payment_settings: {
      payment_method_options: null,
      payment_method_types: null,
      save_default_payment_method: 'off',
    },
    pending_invoice_item_interval: null,
    pending_setup_intent: null,
    pending_update: null,
    schedule: null,
    start_date: record.startDate,
    status: record.status,
    test_clock: null,
    transfer_data: null,
    trial_end: record.trialEnd,
    trial_settings: {
      end_behavior: { billing_cycle_anchor: null, missing_payment_method: 'create_invoice' },
    },
    trial_start: record.trialStart,
  } satisfies Wire<Omit<Stripe.Subscription, 'items'>> & { items: object };
}
