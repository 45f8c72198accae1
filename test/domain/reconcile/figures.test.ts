import fc from 'fast-check';
import {
  compareFigures,
  compareMrr,
  differingFields,
  type Figure,
  type MrrFigure,
} from '../../../domain/reconcile/figures';

const figure = (id: string, over: Partial<Figure> = {}): Figure => ({
  id,
  customerId: 'cus_1',
  createdAt: new Date('2026-03-01T00:00:00Z'),
  status: 'paid',
  currency: 'EUR',
  exponent: 2,
  amounts: { totalMinor: 1000n, amountDueMinor: 1000n, amountPaidMinor: 1000n },
  ...over,
});

const month = (ours: readonly Figure[], theirs: readonly Figure[]) =>
  compareFigures({ kind: 'invoice', month: '2026-03', ours, theirs });

const figures = fc
  .uniqueArray(
    fc.record({
      id: fc.integer({ min: 0, max: 30 }).map((n) => `in_${n}`),
      status: fc.constantFrom('paid', 'open', 'void'),
      currency: fc.constantFrom('EUR', 'JPY'),
      total: fc.bigInt({ min: 0n, max: 3n }),
    }),
    { selector: ({ id }) => id, maxLength: 20 },
  )
  .map((all) =>
    all.map(({ id, status, currency, total }) =>
      figure(id, {
        status,
        currency,
        amounts: { totalMinor: total, amountDueMinor: 0n, amountPaidMinor: 0n },
      }),
    ),
  );

test('what both sides say alike is no difference, whatever its order and however often it is named', () => {
  fc.assert(
    fc.property(figures, (all) => {
      const { sums, differences } = month(all, [...all].reverse().concat(all));
      expect(differences).toEqual([]);
      for (const { ours, theirs } of sums) expect(ours).toEqual(theirs);
    }),
  );
});

test('an object is named once and only when the sides differ, and the sums differ by what is named', () => {
  fc.assert(
    fc.property(figures, figures, (ours, theirs) => {
      const { sums, differences } = month(ours, theirs);
      const own = new Map(ours.map((each) => [each.id, each]));
      const their = new Map(theirs.map((each) => [each.id, each]));
      const ids = [...new Set([...own.keys(), ...their.keys()])].filter((id) => {
        const [a, b] = [own.get(id), their.get(id)];
        return !a || !b || differingFields('invoice', a, b).length > 0;
      });
      expect(differences.map(({ id }) => id).sort()).toEqual(ids.sort());
      const total = (side: 'ours' | 'theirs') =>
        sums.reduce((sum, each) => sum + (each[side].amounts['totalMinor'] ?? 0n), 0n);
      const named = differences.reduce(
        (sum, { ours: a, theirs: b }) =>
          sum + (a?.amounts['totalMinor'] ?? 0n) - (b?.amounts['totalMinor'] ?? 0n),
        0n,
      );
      expect(total('ours') - total('theirs')).toBe(named);
    }),
  );
});

test('a difference that sums hide is named all the same', () => {
  const [one, two] = [figure('in_1'), figure('in_2')];
  const swapped = [
    { ...one, amounts: { ...one.amounts, totalMinor: 900n } },
    { ...two, amounts: { ...two.amounts, totalMinor: 1100n } },
  ];
  const { sums, differences } = month([one, two], swapped);
  expect(
    sums.every(({ ours, theirs }) => ours.amounts['totalMinor'] === theirs.amounts['totalMinor']),
  ).toBe(true);
  expect(differences.map(({ id }) => id)).toEqual(['in_1', 'in_2']);
});

test('fields are named in the order in which a person asks', () => {
  const other = figure('in_1', { status: 'open', customerId: 'cus_2' });
  expect(differingFields('invoice', figure('in_1'), { ...other, amounts: {} })).toEqual([
    'status',
    'customerId',
    'totalMinor',
    'amountDueMinor',
    'amountPaidMinor',
  ]);
});

const revenue = fc
  .uniqueArray(
    fc.record({
      customer: fc.constantFrom('cus_1', 'cus_2', 'cus_3'),
      currency: fc.constantFrom('EUR', 'JPY'),
      minor: fc.bigInt({ min: 1n, max: 3n }),
    }),
    { selector: ({ customer, currency }) => `${customer} ${currency}` },
  )
  .map((all): MrrFigure[] => all.map((each) => ({ ...each, exponent: 2 })));

test('MRR differs by customer and currency, and by their sum in the totals', () => {
  const at = new Date('2026-04-01T00:00:00Z');
  fc.assert(
    fc.property(revenue, revenue, (ours, theirs) => {
      const { sums, differences } = compareMrr({ at, ours, theirs });
      for (const currency of ['EUR', 'JPY']) {
        const sum = sums.find((each) => each.currency === currency);
        const named = differences
          .filter((each) => each.currency === currency)
          .reduce((all, { oursMinor, theirsMinor }) => all + oursMinor - theirsMinor, 0n);
        expect((sum?.ours.minor ?? 0n) - (sum?.theirs.minor ?? 0n)).toBe(named);
        const count = ours.filter((each) => each.currency === currency).length;
        expect(sum?.ours.customers ?? 0).toBe(count);
      }
      expect(compareMrr({ at, ours, theirs: ours }).differences).toEqual([]);
    }),
  );
});
