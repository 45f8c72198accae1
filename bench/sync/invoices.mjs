/** The invoices that the stub serves: made once, kept as bytes, the same for the same count and last day. */

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
export const ACCOUNT_ID = 'acct_1BenchmarkAcct00';
/** An account that each contender may bring in first, to be measured as what runs all day. */
export const WARM_UP_ACCOUNT_ID = 'acct_1BenchmarkAcct01';
export const SPREAD_SECONDS = 2 * 365 * 86_400;
const INVOICES_PER_CUSTOMER = 12;
const MONTH_SECONDS = 2_629_800;
const PLANS = [
  { id: 'Starter', cents: 2_900 },
  { id: 'Team', cents: 9_900 },
  { id: 'Business', cents: 24_900 },
];
const SEAT_CENTS = 700;
const TAX_RATE = 'txr_1QbenchKdIwHu7ixTaxRate0';
/** One buffer holds at most so many invoices: Node's buffers end at 4 GB. */
const INVOICES_PER_BUFFER = 100_000;

/** Numbers from a seed (mulberry32): cheap, and the same everywhere. */
function randomFrom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const textFrom = (random, length) =>
  Array.from({ length }, () => ALPHABET[Math.floor(random() * ALPHABET.length)]).join('');

/** Stripe's ids begin with the time of their making. */
function timePart(seconds) {
  let rest = seconds;
  let text = '';
  while (text.length < 6) {
    text = ALPHABET[rest % ALPHABET.length] + text;
    rest = Math.floor(rest / ALPHABET.length);
  }
  return text;
}

/**
 * All invoices, newest first, spread evenly over two years: `bytesOf(from, to)` gives the JSON of a stretch of them, with commas
 * between, as slices of what was serialised once.
 * @param {{ count: number, before: number, account?: string }} options `before`: Unix seconds, all are created earlier
 */
export function makeInvoices({ count, before, account = ACCOUNT_ID }) {
  const random = randomFrom(account === ACCOUNT_ID ? count : ~count);
  const created = new Array(count);
  const indexById = new Map();
  const parts = [];
  for (let first = 0; first < count; first += INVOICES_PER_BUFFER) {
    const end = Math.min(first + INVOICES_PER_BUFFER, count);
    const texts = [];
    const offsets = new Uint32Array(end - first + 1);
    for (let index = first; index < end; index += 1) {
      const age = count - 1 - index;
      created[index] = before - SPREAD_SECONDS + Math.floor((SPREAD_SECONDS * age) / count);
      const invoice = invoiceOf({ created: created[index], age, count, random });
      indexById.set(invoice.id, index);
      const text = Buffer.from(`${JSON.stringify(invoice)},`);
      offsets[index - first + 1] = offsets[index - first] + text.length;
      texts.push(text);
    }
    parts.push({ first, end, offsets, bytes: Buffer.concat(texts) });
  }
  const stretch = ({ first, offsets, bytes }, from, to) =>
    bytes.subarray(offsets[from - first], offsets[to - first]);
  return {
    created,
    indexOf: (id) => indexById.get(id),
    bytesOf(from, to) {
      const slices = parts
        .filter((part) => part.first < to && part.end > from)
        .map((part) => stretch(part, Math.max(from, part.first), Math.min(to, part.end)));
      const last = slices.at(-1);
      // Without the comma after the last one.
      return last ? [...slices.slice(0, -1), last.subarray(0, -1)] : [];
    },
  };
}

/** A paid monthly invoice with two lines, a plan and seats, as API version 2026-10-28.endive shows it. */
function invoiceOf({ created, age, count, random }) {
  const customers = Math.max(1, Math.ceil(count / INVOICES_PER_CUSTOMER));
  const nth = age % customers;
  const number = String(nth).padStart(7, '0');
  const own = `${timePart(created)}KdIwHu7ix${textFrom(random, 9)}`;
  const id = `in_1${own}`;
  const customer = `cus_Bench${number}`;
  const subscription = `sub_1QbenchKdIwHu7ix${number}`;
  const plan = PLANS[nth % PLANS.length];
  const seats = 1 + Math.floor(random() * 40);
  const period = { end: created + MONTH_SECONDS, start: created };
  const line = (position, description, amount, price, quantity) =>
    lineOf(
      { id: `il_1${own.slice(0, -1)}${position}`, invoice: id, subscription, period },
      {
        description,
        amount,
        price,
        quantity,
        item: `si_Bench${number}${position}`,
      },
    );
  const lines = [
    line(0, `1 × ${plan.id} plan (at $${plan.cents / 100}.00 / month)`, plan.cents, plan.id, 1),
    line(1, `${seats} × Seat (at $7.00 / month)`, seats * SEAT_CENTS, 'Seat', seats),
  ];
  const subtotal = lines.reduce((sum, { amount }) => sum + amount, 0);
  const tax = lines.reduce((sum, { taxes }) => sum + taxes[0].amount, 0);
  const total = subtotal + tax;
  const token = textFrom(random, 60);
  return {
    id,
    object: 'invoice',
    account_country: 'US',
    account_name: 'Benchmark Software Inc.',
    account_tax_ids: null,
    amount_due: total,
    amount_overpaid: 0,
    amount_paid: total,
    amount_paid_off_stripe: 0,
    amount_remaining: 0,
    amount_shipping: 0,
    application: null,
    attempt_count: 1,
    attempted: true,
    auto_advance: false,
    automatic_tax: {
      disabled_reason: null,
      enabled: false,
      liability: null,
      provider: null,
      status: null,
    },
    automatically_finalizes_at: null,
    billing_reason: 'subscription_cycle',
    collection_method: 'charge_automatically',
    created,
    currency: 'usd',
    custom_fields: null,
    customer,
    customer_account: null,
    customer_address: {
      city: 'San Francisco',
      country: 'US',
      line1: `${1 + (nth % 900)} Market Street`,
      line2: null,
      postal_code: '94103',
      state: 'CA',
    },
    customer_email: `billing+${number}@customer-${number}.example`,
    customer_name: `Customer ${number} Ltd.`,
    customer_phone: null,
    customer_shipping: null,
    customer_tax_exempt: 'none',
    customer_tax_ids: [],
    default_payment_method: null,
    default_source: null,
    default_tax_rates: [],
    description: null,
    discounts: [],
    due_date: null,
    effective_at: created,
    ending_balance: 0,
    footer:
      'Thank you for your business. Questions about this invoice go to billing@benchmark.example.',
    from_invoice: null,
    hosted_invoice_url: `https://invoice.stripe.example/i/${ACCOUNT_ID}/live_${token}?s=ap`,
    invoice_pdf: `https://pay.stripe.example/invoice/${ACCOUNT_ID}/live_${token}/pdf?s=ap`,
    issuer: { type: 'self' },
    last_finalization_error: null,
    latest_revision: null,
    lines: {
      object: 'list',
      data: lines,
      has_more: false,
      total_count: lines.length,
      url: `/v1/invoices/${id}/lines`,
    },
    livemode: true,
    metadata: { cost_center: `cc-${nth % 50}`, order: textFrom(random, 16), region: 'us-west' },
    next_payment_attempt: null,
    number: `${number}-${String(age).padStart(8, '0')}`,
    on_behalf_of: null,
    parent: {
      quote_details: null,
      subscription_details: { metadata: { workspace: `ws_${number}` }, subscription },
      type: 'subscription_details',
    },
    payment_settings: {
      default_mandate: null,
      payment_method_options: {
        acss_debit: null,
        bancontact: null,
        card: { request_three_d_secure: 'automatic' },
        customer_balance: null,
        konbini: null,
        sepa_debit: null,
        us_bank_account: null,
      },
      payment_method_types: null,
    },
    period_end: created,
    period_start: created - MONTH_SECONDS,
    post_payment_credit_notes_amount: 0,
    pre_payment_credit_notes_amount: 0,
    receipt_number: null,
    rendering: {
      amount_tax_display: null,
      pdf: { page_size: 'letter' },
      template: null,
      template_version: null,
    },
    shipping_cost: null,
    shipping_details: null,
    starting_balance: 0,
    statement_descriptor: null,
    status: 'paid',
    status_details: null,
    status_transitions: {
      finalized_at: created + 3_600,
      marked_uncollectible_at: null,
      paid_at: created + 3_605,
      voided_at: null,
    },
    subtotal,
    subtotal_excluding_tax: subtotal,
    test_clock: null,
    total,
    total_discount_amounts: [],
    total_excluding_tax: subtotal,
    total_pretax_credit_amounts: [],
    total_taxes: [taxOf(tax, subtotal)],
    webhooks_delivered_at: created + 2,
  };
}

function lineOf(
  { id, invoice, subscription, period },
  { description, amount, price, quantity, item },
) {
  return {
    id,
    object: 'line_item',
    amount,
    currency: 'usd',
    description,
    discount_amounts: [],
    discountable: true,
    discounts: [],
    invoice,
    livemode: true,
    metadata: { workspace: subscription.slice(-7) },
    parent: {
      invoice_item_details: null,
      subscription_item_details: {
        invoice_item: null,
        proration: false,
        proration_details: { credited_items: null },
        subscription,
        subscription_item: item,
      },
      type: 'subscription_item_details',
    },
    period,
    pretax_credit_amounts: [],
    pricing: {
      price_details: { price: `price_1Qbench${price}`, product: `prod_Bench${price}` },
      type: 'price_details',
      unit_amount_decimal: String(amount / quantity),
    },
    quantity,
    quantity_decimal: String(quantity),
    subscription,
    subtotal: amount,
    taxes: [taxOf(Math.round(amount / 10), amount)],
  };
}

const taxOf = (amount, taxable) => ({
  amount,
  tax_behavior: 'exclusive',
  tax_rate_details: { tax_rate: TAX_RATE },
  taxability_reason: 'standard_rated',
  taxable_amount: taxable,
  type: 'tax_rate_details',
});
