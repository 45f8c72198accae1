import fc from 'fast-check';
import {
  causeOf,
  CAUSES,
  CAUSE_NAMES,
  type CauseName,
  type Evidence,
} from '../../../domain/reconcile/causes';

const list = { resource: 'refund', run: 'run_7', reason: 'no permission' } as const;

/** What shows each cause by itself. */
const SHOWN: Readonly<Record<Exclude<CauseName, 'unexplained'>, Evidence>> = {
  deleted: { buried: true },
  not_computed: { dirty: true },
  altered: { follows: false },
  policy: { policy: [{ field: 'discounts', from: 'recurring', to: 'none' }] },
  not_normalised: { unread: { type: 'invoice', id: 'in_1', reason: 'total: expected a number' } },
  created_since: { creation: 'later' },
  waiting: { waiting: ['in_1'] },
  changed_since: { changed: { id: 'in_1', at: new Date('2026-03-01T00:00:00Z') } },
  price_unknown: { missingPrices: ['price_1'] },
  untraced: { untraced: 'Paused within a period.' },
  older_edition: { olderEdition: true },
  parked: { list: { ...list, state: 'parked' } },
  skipped: { list: { ...list, state: 'skipped' } },
  not_covered: { creation: 'outside' },
  gone: { gone: true },
};

test.each(Object.entries(SHOWN))('%s is what its evidence shows', (name, evidence) => {
  expect(causeOf(evidence).name).toBe(name);
});

test('without evidence a difference is unexplained, and so it is with evidence to the contrary', () => {
  expect(causeOf({})).toEqual({ name: 'unexplained', shown: '' });
  const contrary: Evidence = {
    ...{ buried: false, creation: 'covered', unread: undefined, list: undefined, waiting: [] },
    ...{ changed: undefined, gone: false, olderEdition: false, follows: true, dirty: false },
    ...{ policy: [], missingPrices: [], untraced: undefined },
  };
  expect(causeOf(contrary).name).toBe('unexplained');
});

test('of several the first in order is named, whatever else there is', () => {
  const names = CAUSE_NAMES.filter((name) => name !== 'unexplained');
  fc.assert(
    fc.property(fc.subarray(names, { minLength: 1 }), (some) => {
      // Two that say the same of one field are never shown together.
      const evidence = Object.assign(
        {},
        ...[...some].reverse().map((name) => SHOWN[name]),
      ) as Evidence;
      expect(causeOf(evidence).name).toBe(some[0]);
    }),
  );
});

test('a row that something else has written is never excused, and every cause says what to do', () => {
  const wrong = CAUSE_NAMES.filter((name) => !CAUSES[name].explains);
  expect(wrong).toEqual(['altered', 'unexplained']);
  for (const name of CAUSE_NAMES) expect(CAUSES[name].next('acct_1')).not.toBe('');
});

test('what shows a cause is told with it', () => {
  expect(causeOf(SHOWN.parked).shown).toBe('refund was parked in run_7: no permission');
  expect(causeOf(SHOWN.policy).shown).toBe('discounts: recurring there, none here');
  expect(causeOf(SHOWN.not_normalised).shown).toBe('invoice in_1: total: expected a number');
});
