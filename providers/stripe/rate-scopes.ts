/** Stripe's limits of requests, as it publishes them: https://docs.stripe.com/rate-limits */
import type { RateScope } from '../provider';

const LIVE_PER_SECOND = 100;
const TEST_PER_SECOND = 25;
const ENDPOINT_PER_SECOND = 25;

/** What a request counts towards, the narrowest first: who waits for its endpoint takes nothing of what all share. */
export function rateScopes(
  { method, path }: { readonly method: 'GET' | 'POST'; readonly path: string },
  secret: string,
): readonly RateScope[] {
  const isTest = /^[rs]k_test_/.test(secret);
  return [
    { name: `${method} ${routeOf(path)}`, kind: 'endpoint', perSecond: ENDPOINT_PER_SECOND },
    { name: 'all', kind: 'account', perSecond: isTest ? TEST_PER_SECOND : LIVE_PER_SECOND },
  ];
}

/** Those of the scopes that a 429 speaks of, by its Stripe-Rate-Limited-Reason; all of them where it does not say. */
export function exceededScopes(
  scopes: readonly RateScope[],
  reason: string | null,
): readonly RateScope[] {
  // A limit of one object, such as invoices of one subscription, says nothing about requests for others.
  if (reason === 'resource-specific') return [];
  const kind = { global: 'account', endpoint: 'endpoint' }[/^[a-z]+/.exec(reason ?? '')?.[0] ?? ''];
  return kind === undefined ? scopes : scopes.filter((scope) => scope.kind === kind);
}

/** `/v1/invoices/in_1/lines` → `/v1/invoices/:id/lines`. */
const routeOf = (path: string): string => path.replace(/^(\/v1\/[^/]+\/)[^/]+/, '$1:id');
