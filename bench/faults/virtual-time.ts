/** Time that passes only when nobody has anything left to do at an instant: weeks of thousands of cases in seconds. */

interface Waiting {
  readonly atMs: number;
  /** Of two that wait for the same instant, the one that came first. */
  readonly order: number;
  readonly wake: () => void;
}

/** A run that never comes to rest is a defect: so many instants are far more than one needs. */
const MAX_INSTANTS = 20_000_000;

export class VirtualTime {
  /** A heap: each is before its two children, at 2n + 1 and 2n + 2. */
  private readonly waiting: Waiting[] = [];
  private order = 0;

  constructor(private instantMs: number) {}

  get nowMs(): number {
    return this.instantMs;
  }

  readonly now = (): Date => new Date(this.instantMs);

  sleep(ms: number): Promise<void> {
    return this.until(this.instantMs + ms);
  }

  until(atMs: number): Promise<void> {
    return new Promise((wake) => this.at(atMs, wake));
  }

  at(atMs: number, wake: () => void): void {
    this.order += 1;
    this.push({ atMs: Math.max(atMs, this.instantMs), order: this.order, wake });
  }

  /** Returns when nobody waits for any instant any more. */
  async run(): Promise<void> {
    for (let instants = 0; instants < MAX_INSTANTS; instants += 1) {
      // Whatever can be done now is done before time goes on.
      await new Promise(setImmediate);
      const next = this.pop();
      if (next === undefined) return;
      this.instantMs = next.atMs;
      next.wake();
    }
    throw new Error('The run does not come to rest.');
  }

  private push(waiting: Waiting): void {
    const heap = this.waiting;
    let at = heap.push(waiting) - 1;
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      if (!isBefore(heap[at], heap[parent])) return;
      swap(heap, at, parent);
      at = parent;
    }
  }

  private pop(): Waiting | undefined {
    const heap = this.waiting;
    const first = heap[0];
    const last = heap.pop();
    if (last === undefined || last === first) return first;
    heap[0] = last;
    for (let at = 0; ;) {
      const [left, right] = [2 * at + 1, 2 * at + 2];
      const child = isBefore(heap[right], heap[left]) ? right : left;
      if (!isBefore(heap[child], heap[at])) return first;
      swap(heap, at, child);
      at = child;
    }
  }
}

function isBefore(one: Waiting | undefined, other: Waiting | undefined): boolean {
  if (one === undefined) return false;
  if (other === undefined) return true;
  return one.atMs === other.atMs ? one.order < other.order : one.atMs < other.atMs;
}

function swap(heap: Waiting[], a: number, b: number): void {
  [heap[a], heap[b]] = [heap[b] as Waiting, heap[a] as Waiting];
}
