/** What the runbook has people type is what the workflows take. */
import { checkResolve, checkUpdate } from '../../workflows/input';
import { jsonOf } from '../support/runbook';

test.each([
  ['Pause, resume or stop a campaign', checkUpdate],
  ['Pause, resume or cancel a recovery case', checkUpdate],
  ['Try a payment now', checkUpdate],
  ['Say what became of an attempt', checkResolve],
])('%s: the JSON that stands there', (heading, check) => {
  const blocks = jsonOf(heading);
  expect(blocks).not.toEqual([]);
  for (const block of blocks) expect(() => check(JSON.parse(block))).not.toThrow();
});
