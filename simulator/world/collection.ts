/** An ordered set of records. */
interface Dated {
  id: string;
  created: number;
}

/** Records by id and in order of (created, id). Records may be added in any order; sorting waits for the next read. */
export class Collection<T extends Dated> {
  private readonly records: T[] = [];
  private readonly byId = new Map<string, T>();
  private sorted = true;

  constructor(private readonly noun: string) {}

  add(record: T): T {
    if (this.byId.has(record.id)) throw new Error(`The ${this.noun} ${record.id} exists already.`);
    const last = this.records.at(-1);
    if (last !== undefined && inOrder(last, record) > 0) this.sorted = false;
    this.records.push(record);
    this.byId.set(record.id, record);
    return record;
  }

  /** All records, oldest first. The array is the collection's own: read it, do not change it. */
  get all(): readonly T[] {
    if (!this.sorted) this.records.sort(inOrder);
    this.sorted = true;
    return this.records;
  }

  get size(): number {
    return this.records.length;
  }

  find(id: string): T | undefined {
    return this.byId.get(id);
  }

  /** Throws when there is no such record: for references that the world itself made. */
  get(id: string): T {
    const record = this.byId.get(id);
    if (record === undefined) throw new Error(`The world has no ${this.noun} ${id}.`);
    return record;
  }
}

/** Code-unit order of ids, so that the order does not depend on a locale. */
function inOrder(a: Dated, b: Dated): number {
  return a.created - b.created || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}
