import { describeCoverage, describeFeed } from '../../client/freshness';
import type { Freshness } from '../../db/repositories/freshness';

const at = (text: string) => new Date(`2026-11-${text}Z`);
const nothing: Freshness = { feed: null, waiting: 0, coverage: [] };

test('the change feed and what waits are one line', () => {
  expect(describeFeed(nothing)).toBe('not noted yet');
  const feed = { asOf: at('02T02:00:00'), unbrokenSince: at('01T00:00:00') };
  expect(describeFeed({ ...nothing, feed })).toBe('noted until 2026-11-02 02:00:00Z');
  expect(describeFeed({ ...nothing, feed, waiting: 1 })).toBe(
    'noted until 2026-11-02 02:00:00Z; 1 object waits to be read again',
  );
});

test('coverage names the lists that are not read since ever without a gap', () => {
  const whole = { from: null, whole: true };
  const coverage = [
    { resource: 'invoice', to: at('02T02:00:00'), ...whole },
    { resource: 'refund', to: at('02T01:00:00'), ...whole },
    { resource: 'dispute', to: at('03T00:00:00'), ...whole, whole: false },
    { resource: 'charge', to: at('03T00:00:00'), ...whole, from: at('01T00:00:00') },
  ];
  expect(describeCoverage(nothing, ['invoice'])).toBe('nothing yet');
  expect(describeCoverage({ ...nothing, coverage }, ['invoice', 'refund'])).toBe(
    'all 2 lists, since ever until 2026-11-02 01:00:00Z',
  );
  const lists = ['invoice', 'refund', 'dispute', 'charge', 'payout'];
  expect(describeCoverage({ ...nothing, coverage }, lists)).toBe(
    '2 of 5 lists, since ever until 2026-11-02 01:00:00Z; not, or in part: dispute, charge, payout',
  );
});
