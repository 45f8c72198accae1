/** An index over a collection. */
import type { Collection } from '../world/collection';

interface Index {
  size: number;
  groups: Map<unknown, unknown[]>;
}

const indexes = new WeakMap<object, Map<string, Index>>();

/** Records by one of their references, oldest first; built anew when the collection has grown. */
export function grouped<T extends { id: string; created: number }, F extends keyof T & string>(
  collection: Collection<T>,
  field: F,
): ReadonlyMap<T[F], T[]> {
  let byField = indexes.get(collection);
  if (byField === undefined) indexes.set(collection, (byField = new Map<string, Index>()));
  let index = byField.get(field);
  if (index?.size !== collection.size) {
    const groups = new Map<unknown, unknown[]>();
    for (const record of collection.all) {
      const group = groups.get(record[field]);
      if (group === undefined) groups.set(record[field], [record]);
      else group.push(record);
    }
    byField.set(field, (index = { size: collection.size, groups }));
  }
  return index.groups as ReadonlyMap<T[F], T[]>;
}
