/** What a change on demand is: what it can be done to now, and doing it to one of these. */
import type { Collection } from './collection';
import type { Random } from './random';
import type { World } from './world';

export interface Doing {
  at: number;
  choices: Random;
}

type Changed =
  'charges' | 'coupons' | 'customers' | 'invoiceItems' | 'invoices' | 'products' | 'subscriptions';
type RecordIn<N extends Changed> = World[N]['all'][number];

export interface Change {
  /** Where what it is done to is found. */
  of: Changed;
  among: (world: World) => readonly { id: string }[];
  isPossible: (world: World, id: string) => boolean;
  /** Gives the id of what it made, if anything. */
  apply: (world: World, id: string, doing: Doing) => string | undefined;
}

/** A change of what the provider still serves, whose customer it still serves, and that `may` be changed so now. */
export function change<N extends Changed>(
  of: N,
  may: (record: RecordIn<N>, world: World) => boolean,
  apply: (world: World, record: RecordIn<N>, doing: Doing) => void,
): Change {
  return making(of, may, (world, record, doing) => {
    apply(world, record, doing);
    return undefined;
  });
}

/** A change that makes something new, whose id it gives. */
export function making<N extends Changed>(
  of: N,
  may: (record: RecordIn<N>, world: World) => boolean,
  apply: (world: World, record: RecordIn<N>, doing: Doing) => string | undefined,
): Change {
  const records = (world: World) => world[of] as unknown as Collection<RecordIn<N>>;
  const isPossible = (world: World, record: RecordIn<N>) =>
    isServed(world, record) && may(record, world);
  return {
    of,
    among: (world) => records(world).all.filter((record) => isPossible(world, record)),
    isPossible: (world, id) => {
      const record = records(world).find(id);
      return record !== undefined && isPossible(world, record);
    },
    apply: (world, id, doing) => apply(world, records(world).get(id), doing),
  };
}

export function isServed(world: World, record: { id: string; customer?: string }): boolean {
  return !world.deleted.has(record.id) && !world.deleted.has(record.customer ?? '');
}
