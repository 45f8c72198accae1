/** The service's own clock: machine time plus an offset that `set` moves, or stopped. Every instant it reports comes from here. */
export class Clock {
  private offsetMs = 0;
  private stoppedAt: Date | null = null;

  constructor(now?: Date) {
    if (now !== undefined) this.set(now);
  }

  /** `stopped` keeps it at this instant until it is set again. */
  set(now: Date, { stopped = false }: { stopped?: boolean } = {}): void {
    this.offsetMs = now.getTime() - Date.now();
    this.stoppedAt = stopped ? now : null;
  }

  now(): Date {
    return this.stoppedAt ?? new Date(Date.now() + this.offsetMs);
  }

  nowSeconds(): number {
    return Math.floor(this.now().getTime() / 1000);
  }
}
