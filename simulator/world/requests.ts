/** Requests of the API, as the world knows them: events, charges and the oracle tell which one made what. */
import type { ApiRequest, ReceivedRequest } from './model';
import type { World } from './world';

/** Counts a request that is to change something. */
export function receive(world: World, request: ApiRequest): ReceivedRequest {
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
