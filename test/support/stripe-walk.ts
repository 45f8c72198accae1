import type { PageRequest, RawObject } from '../../providers/provider';
import { stripe } from '../../providers/stripe/stripe';
import { DEFAULT_API_KEY, type Simulator } from '../../simulator/server';

/** Far above what the lists of a test's world need. */
const MAX_PAGES = 500;
const signal = new AbortController().signal;

export const connectTo = (simulator: Simulator) =>
  stripe.connect({
    externalId: simulator.accountId,
    secret: DEFAULT_API_KEY,
    apiBase: simulator.url,
  });

/** All objects of one window of a list, page by page. */
export async function walkList(
  simulator: Simulator,
  { resource, window }: Pick<PageRequest, 'resource' | 'window'>,
): Promise<RawObject[]> {
  const client = connectTo(simulator);
  const objects: RawObject[] = [];
  let request: PageRequest = { resource, window, cursor: null, lastSeen: null, signal };
  for (let pages = 0; pages < MAX_PAGES; pages++) {
    const page = await client.fetchPage(request);
    objects.push(...page.objects);
    if (page.nextCursor === null) return objects;
    request = { ...request, cursor: page.nextCursor, lastSeen: page.oldestCreatedAt };
  }
  throw new Error(`${resource} goes on after ${String(MAX_PAGES)} pages`);
}
