/** The service's own clock: machine time plus an offset that `set` moves, or stopped. Every instant it reports comes from here. */
export class Clock {
  private offsetMs = 0;
  private stoppedAt: Date | null = null;
  private machineMs: () => number = Date.now;

  /** `now` is what it says at that machine time, from where it runs on. */
  constructor(now?: Date, machineMs = Date.now()) {
    if (now !== undefined) this.during(machineMs, () => this.set(now));
  }

  /** `stopped` keeps it at this instant until it is set again. */
  set(now: Date, { stopped = false }: { stopped?: boolean } = {}): void {
    this.offsetMs = now.getTime() - this.machineMs();
    this.stoppedAt = stopped ? now : null;
  }

  now(): Date {
    return this.stoppedAt ?? new Date(this.machineMs() + this.offsetMs);
  }

  nowSeconds(): number {
    return Math.floor(this.now().getTime() / 1000);
  }

  /** Does something, without a pause, at one instant of machine time: it can be done again at that very instant later. */
  during<T>(machineMs: number, work: () => T): T {
    this.machineMs = () => machineMs;
    try {
      return work();
    } finally {
      this.machineMs = Date.now;
    }
  }
}
