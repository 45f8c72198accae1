/** Requests of the API, as the world knows them: events, charges and the oracle tell which one made what. */
import type { ReceivedRequest } from './model';
import { Random } from './random';
import type { World } from './world';

/** Counts a request that is to change something. */
export function receive(world: World, request: Omit<ReceivedRequest, 'ordinal'>): ReceivedRequest {
  world.requestsReceived += 1;
  return { ...request, ordinal: world.requestsReceived };
}

/** Does something in the name of a request. */
export function carryOut<T>(world: World, request: ReceivedRequest, work: () => T): T {
  world.request = request;
  try {
    return work();
  } finally {
    world.request = null;
  }
}

/** Does what a customer does on the invoice's hosted page: a request like any other for events, with a key of the page's own. */
export function carryOutOnPage<T>(
  world: World,
  { invoice, at }: { invoice: string; at: number },
  work: () => T,
): T {
  const choices = new Random(`${invoice}/page/${String(at)}`);
  world.page = {
    id: `req_${choices.text(14, '0123456789abcdefghijklmnopqrstuvwxyz')}`,
    idempotencyKey: choices.text(32, '0123456789abcdef'),
  };
  try {
    return work();
  } finally {
    world.page = null;
  }
}
