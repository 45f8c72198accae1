import fc from 'fast-check';
import { mergeWishes, serves, type Wish } from '../../domain/account/wish';

const sync = (to: string | null): Wish => ({ kind: 'sync', to });
const CHANGES: Wish = { kind: 'changes', to: null };
const EARLY = '2026-11-01T02:00:00.000Z';
const LATE = '2026-11-02T02:00:00Z';

test('a sync serves whoever wants no more than it reads', () => {
  expect(serves(sync(LATE), sync(EARLY))).toBe(true);
  expect(serves(sync(LATE), sync(LATE))).toBe(true);
  expect(serves(sync(null), sync(null))).toBe(true);
  expect(serves(sync(EARLY), sync(LATE))).toBe(false);
  expect(serves(sync(EARLY), sync(null))).toBe(false);
});

test('a run of changes serves no sync, and changes always have a run of their own afterwards', () => {
  expect(serves(CHANGES, sync(EARLY))).toBe(false);
  expect(serves(CHANGES, CHANGES)).toBe(false);
  expect(serves(sync(null), CHANGES)).toBe(false);
});

test('in whatever order wishes come, the one that is kept reads all that any of them wanted', () => {
  const wish = fc.constantFrom(CHANGES, sync(EARLY), sync(LATE), sync(null));
  fc.assert(
    fc.property(fc.array(wish, { minLength: 1 }), (wishes) => {
      const kept = wishes.reduce<Wish | null>(mergeWishes, null);
      for (const each of wishes) {
        expect(kept?.kind === 'sync' || each.kind === 'changes').toBe(true);
        if (kept && each.kind === 'sync') expect(serves(kept, each)).toBe(true);
      }
      expect(wishes).toContainEqual(kept);
    }),
  );
});
