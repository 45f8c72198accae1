import type Stripe from 'stripe';

import type { Card, Dispute } from '../../world/model';
import { reference, type ObjectType, type RenderContext } from '../object-type';
import type { Wire } from '../wire';

export const dispute: ObjectType<Dispute> = {
  noun: 'dispute',
  permission: 'dispute',
  find: (id, world) => world.disputes.find(id),
  render: renderDispute,
  expandable: {
    charge: reference('charge'),
    payment_intent: reference('payment_intent'),
  },
};

/** Without `intended_submission_method` and `evidence_details.submission_method`, which the public specification omits. */
function renderDispute(record: Dispute, { world }: RenderContext) {
  const method = world.paymentMethods.get(world.charges.get(record.charge).paymentMethod);
  const open = record.status === 'needs_response';
  return {
    id: record.id,
    object: 'dispute',
    amount: record.amountMinor,
    balance_transactions: [],
    charge: record.charge,
    created: record.created,
    currency: record.currency,
    enhanced_eligibility_types: [],
    evidence: noEvidence,
    evidence_details: {
      due_by: open ? record.evidenceDueBy : null,
      enhanced_eligibility: {},
      has_evidence: !open,
      past_due: false,
      submission_count: open ? 0 : 1,
    },
    is_charge_refundable: false,
    livemode: false,
    metadata: {},
    payment_intent: record.paymentIntent,
    ...(method.debit === undefined && { payment_method_details: chargeback(method) }),
    reason: record.reason,
    status: record.status,
  } satisfies Wire<Omit<Stripe.Dispute, 'evidence_details' | 'intended_submission_method'>> & {
    evidence_details: Wire<Omit<Stripe.Dispute.EvidenceDetails, 'submission_method'>>;
  };
}

function chargeback({ brand }: Card) {
  return {
    card: { brand, case_type: 'chargeback', network: brand, network_reason_code: null },
    type: 'card',
  } satisfies Wire<Stripe.Dispute.PaymentMethodDetails>;
}

const noEvidence = {
  access_activity_log: null,
  billing_address: null,
  cancellation_policy: null,
  cancellation_policy_disclosure: null,
  cancellation_rebuttal: null,
  customer_communication: null,
  customer_email_address: null,
  customer_name: null,
  customer_purchase_ip: null,
  customer_signature: null,
  duplicate_charge_documentation: null,
  duplicate_charge_explanation: null,
  duplicate_charge_id: null,
  enhanced_evidence: {},
  product_description: null,
  receipt: null,
  refund_policy: null,
  refund_policy_disclosure: null,
  refund_refusal_explanation: null,
  service_date: null,
  service_documentation: null,
  shipping_address: null,
  shipping_carrier: null,
  shipping_date: null,
  shipping_documentation: null,
  shipping_tracking_number: null,
  uncategorized_file: null,
  uncategorized_text: null,
} satisfies Wire<Stripe.Dispute.Evidence>;
