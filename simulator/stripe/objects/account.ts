import type Stripe from 'stripe';

import type { AccountFacts } from '../object-type';
import type { Wire } from '../wire';

export function renderAccount(account: AccountFacts) {
  return {
    id: account.id,
    object: 'account',
    business_profile: null,
    business_type: 'company',
    charges_enabled: true,
    country: account.country,
    created: account.created,
    default_currency: 'usd',
    details_submitted: true,
    email: null,
    metadata: {},
    payouts_enabled: true,
    settings: null,
    type: 'standard',
  } satisfies Wire<Stripe.Account>;
}
