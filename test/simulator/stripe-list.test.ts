import fc from 'fast-check';

import { pageOf, sequenceOf, sequenceWithin, type Sequence } from '../../simulator/stripe/list';
import { createdRange, decodeForm } from '../../simulator/stripe/params';
import { Collection } from '../../simulator/world/collection';

interface Thing {
  id: string;
  created: number;
  kept: boolean;
}

/** Few instants, so that many things share one. */
const things = fc
  .uniqueArray(
    fc.record({
      id: fc.stringMatching(/^x_[a-z0-9]{1,4}$/),
      created: fc.integer({ min: 100, max: 120 }),
      kept: fc.boolean(),
    }),
    { selector: ({ id }) => id, maxLength: 60 },
  )
  .map((list) => {
    const collection = new Collection<Thing>('thing');
    for (const thing of list) collection.add(thing);
    return collection;
  });
const limits = fc.integer({ min: 1, max: 100 });
const bound = fc.integer({ min: 95, max: 125 });
const windows = fc.option(
  fc.tuple(bound, bound, fc.constantFrom('gt', 'gte'), fc.constantFrom('lt', 'lte')),
  { nil: undefined },
);
const everything = () => true;

function newestFirst(records: readonly Thing[]): Thing[] {
  return [...records].sort((a, b) => b.created - a.created || (a.id < b.id ? 1 : -1));
}

/** More pages than the largest collection has records. */
const MAX_PAGES = 70;

/** All pages in one direction, each cursor taken from the page before. */
function walk(
  sequence: Sequence<Thing>,
  request: Pick<Parameters<typeof pageOf<Thing>>[1], 'limit' | 'created' | 'accepts'>,
  direction: 'startingAfter' | 'endingBefore',
  cursor?: string,
): Thing[][] {
  const pages: Thing[][] = [];
  while (pages.length < MAX_PAGES) {
    const { data, hasMore } = pageOf(sequence, { noun: 'thing', ...request, [direction]: cursor });
    pages.push(data);
    expect(data.length).toBeLessThanOrEqual(request.limit);
    if (pages.length > 1) expect(data).not.toEqual([]);
    cursor = (direction === 'startingAfter' ? data.at(-1) : data[0])?.id;
    if (!hasMore) return pages;
    expect(data).toHaveLength(request.limit);
  }
  throw new Error('The pages do not come to an end.');
}

describe('The pages of a list', () => {
  test('put together are the filtered collection, newest first, whatever limit and window', () => {
    fc.assert(
      fc.property(things, limits, windows, (collection, limit, window) => {
        const created =
          window &&
          createdRange(
            decodeForm(`c[${window[2]}]=${window[0]}&c[${window[3]}]=${window[1]}`)['c'] ?? '',
            'c',
          );
        const accepts = ({ kept }: Thing) => kept;
        const pages = walk(
          sequenceOf(collection, everything),
          { limit, created, accepts },
          'startingAfter',
        );
        const expected = newestFirst(collection.all).filter(({ created: at, kept }) => {
          if (window === undefined) return kept;
          const [from, to, lower, upper] = window;
          return (
            kept &&
            (lower === 'gt' ? at > from : at >= from) &&
            (upper === 'lt' ? at < to : at <= to)
          );
        });
        expect(pages.flat()).toEqual(expected);
      }),
    );
  });

  test('walked backwards from any record give what is newer than it', () => {
    fc.assert(
      fc.property(things, limits, fc.nat(), (collection, limit, choice) => {
        const ordered = newestFirst(collection.all);
        fc.pre(ordered.length > 0);
        const place = choice % ordered.length;
        const sequence = sequenceOf(collection, everything);
        const pages = walk(
          sequence,
          { limit, created: undefined, accepts: everything },
          'endingBefore',
          ordered[place]?.id,
        );
        expect(pages.reverse().flat()).toEqual(ordered.slice(0, place));
      }),
    );
  });

  test('two windows side by side hold what one holds', () => {
    fc.assert(
      fc.property(things, limits, bound, (collection, limit, middle) => {
        const sequence = sequenceOf(collection, everything);
        const within = (from: number, to: number) =>
          walk(
            sequence,
            { limit, created: { from, to }, accepts: everything },
            'startingAfter',
          ).flat();
        expect([...within(middle, 200), ...within(0, middle - 1)]).toEqual(within(0, 200));
      }),
    );
  });

  test('of an embedded list keep the order of its elements', () => {
    fc.assert(
      fc.property(things, limits, (collection, limit) => {
        const elements = [...collection.all].reverse();
        const pages = walk(
          sequenceWithin(elements),
          { limit, created: undefined, accepts: everything },
          'startingAfter',
        );
        expect(pages.flat()).toEqual(elements);
      }),
    );
  });

  test('refuse a cursor that names nothing, or nothing any more', () => {
    const collection = new Collection<Thing>('thing');
    collection.add({ id: 'x_1', created: 100, kept: true });
    const request = { noun: 'thing', limit: 1, accepts: everything };
    for (const [isServed, id] of [
      [everything, 'x_2'],
      [() => false, 'x_1'],
    ] as const)
      expect(() =>
        pageOf(sequenceOf(collection, isServed), { ...request, startingAfter: id }),
      ).toThrow(`No such thing: '${id}'`);
  });
});

describe('A form body', () => {
  test('is decoded with its nested brackets', () => {
    expect(
      decodeForm(
        'expand[]=a&expand[]=b&created[gte]=1&payment[type]=x&types[0]=c&types[1]=d&q=e%20f',
      ),
    ).toEqual({
      expand: { 0: 'a', 1: 'b' },
      created: { gte: '1' },
      payment: { type: 'x' },
      types: { 0: 'c', 1: 'd' },
      q: 'e f',
    });
  });
});
