import fc from 'fast-check';
import {
  chooseSplit,
  estimateObjectsLeft,
  splitPoint,
  type WalkedWindow,
} from '../../../domain/sync/split';

const second = (n: number) => new Date(Date.UTC(2026, 0, 1) + n * 1000);
const SPAN = 1_000_000;
const FLOOR = second(0);

/** A window somewhere in the span, walked down to somewhere in it. */
const walked: fc.Arbitrary<WalkedWindow> = fc
  .record({
    edges: fc.uniqueArray(fc.integer({ min: 0, max: SPAN }), { minLength: 3, maxLength: 3 }),
    sinceEver: fc.boolean(),
    started: fc.boolean(),
    objects: fc.integer({ min: 1, max: 100_000 }),
  })
  .map(({ edges, sinceEver, started, objects }) => {
    const [from = 0, lastSeen = 0, to = 0] = [...edges].sort((a, b) => a - b);
    return {
      from: sinceEver ? null : second(from),
      to: second(to),
      lastSeen: started ? second(lastSeen) : null,
      objects: started ? objects : 0,
    };
  });

describe('splitting a window', () => {
  it('cuts on a whole second strictly between its start and what was seen last', () => {
    fc.assert(
      fc.property(walked, (window) => {
        const at = splitPoint(window, FLOOR);
        if (at === null) return;
        expect(at.getTime() % 1000).toBe(0);
        expect(at.getTime()).toBeGreaterThan((window.from ?? FLOOR).getTime());
        expect(at.getTime()).toBeLessThan(window.lastSeen?.getTime() ?? 0);
      }),
    );
  });

  it('covers, however often it is repeated, exactly what the one window covered, and nothing twice', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(), { maxLength: 40 }),
        fc.integer({ min: 300, max: 100_000 }),
        (picks, objects) => {
          type Piece = { from: Date | null; to: Date };
          const pieces: Piece[] = [{ from: null, to: second(SPAN) }];
          for (const pick of picks) {
            // Some piece has been walked for a while; a lane without work takes part of the rest.
            const piece = pieces[pick % pieces.length];
            if (!piece) continue;
            const from = (piece.from ?? FLOOR).getTime();
            const lastSeen = new Date(from + Math.floor((piece.to.getTime() - from) * 0.9));
            const at = splitPoint({ ...piece, lastSeen, objects }, FLOOR);
            if (at === null) continue;
            pieces.push({ from: piece.from, to: at });
            piece.from = at;
          }
          const ascending = [...pieces].sort((a, b) => a.to.getTime() - b.to.getTime());
          expect(ascending[0]?.from).toBeNull();
          expect(ascending.at(-1)?.to).toEqual(second(SPAN));
          ascending.slice(1).forEach((piece, i) => expect(piece.from).toEqual(ascending[i]?.to));
        },
      ),
    );
  });

  it('waits for the first page, since nothing is known of the rest before', () => {
    const window = { from: null, to: second(SPAN), lastSeen: null, objects: 0 };
    expect(splitPoint(window, FLOOR)).toBeNull();
  });

  it('is not worth it where a part would have fewer than two pages', () => {
    const window = { from: null, to: second(1_000), lastSeen: second(500), objects: 399 };
    expect(splitPoint(window, FLOOR)).toBeNull();
    expect(splitPoint({ ...window, objects: 400 }, FLOOR)).toEqual(second(250));
    expect(splitPoint({ ...window, objects: 599 }, FLOOR, 7)).toEqual(second(250));
  });

  it('gives several idle lanes equal parts, one after the other', () => {
    const window = { to: second(1_000), lastSeen: second(800), objects: 10_000 };
    const cuts: number[] = [];
    let from: Date | null = null;
    for (let idle = 7; idle > 0; idle -= 1) {
      from = splitPoint({ ...window, from }, FLOOR, idle);
      cuts.push(((from?.getTime() ?? 0) - FLOOR.getTime()) / 1_000);
    }
    expect(cuts).toEqual([100, 200, 300, 400, 500, 600, 700]);
  });

  it('takes from the window with the most objects left, not with the longest time', () => {
    const long = { from: second(0), to: second(1_000), lastSeen: second(900), objects: 50 };
    const dense = { from: second(500), to: second(1_000), lastSeen: second(900), objects: 1_000 };
    expect(chooseSplit([long, dense], FLOOR)?.window).toBe(dense);
  });

  it('chooses among many only what is worth it', () => {
    fc.assert(
      fc.property(fc.array(walked), (windows) => {
        const split = chooseSplit(windows, FLOOR);
        const worthIt = windows.filter((window) => splitPoint(window, FLOOR) !== null);
        expect(split === null).toBe(worthIt.length === 0);
        if (split === null) return;
        const left = estimateObjectsLeft(split.window, FLOOR);
        expect(left).toBe(Math.max(...worthIt.map((window) => estimateObjectsLeft(window, FLOOR))));
      }),
    );
  });
});
