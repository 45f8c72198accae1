/** How well an account is kept up with, in a line each. */
import type { Freshness } from '../db/repositories/freshness';
import { countOf } from '../domain/words';
import { formatInstant } from './output';

/** `noted until 2026-11-01 02:00:00Z; 3 objects wait to be read again`. */
export function describeFeed({ feed, waiting }: Freshness): string {
  const noted = feed === null ? 'not noted yet' : `noted until ${formatInstant(feed.asOf)}`;
  const wait = waiting === 1 ? 'waits' : 'wait';
  return waiting === 0 ? noted : `${noted}; ${countOf(waiting, 'object')} ${wait} to be read again`;
}

/** `all 12 lists, since ever until 2026-11-01 01:59:00Z`, or which are not. */
export function describeCoverage({ coverage }: Freshness, lists: readonly string[]): string {
  const whole = new Set(
    coverage.flatMap((each) => (each.from === null && each.whole ? each.resource : [])),
  );
  const missing = lists.filter((list) => !whole.has(list));
  if (missing.length === lists.length) return 'nothing yet';
  const until = Math.min(
    ...coverage.filter(({ resource }) => whole.has(resource)).map(({ to }) => to.getTime()),
  );
  const since = `since ever until ${formatInstant(new Date(until))}`;
  return missing.length === 0
    ? `all ${lists.length} lists, ${since}`
    : `${lists.length - missing.length} of ${lists.length} lists, ${since}; not, or in part: ${missing.join(', ')}`;
}
