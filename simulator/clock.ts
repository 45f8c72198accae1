/** The service's own clock: machine time plus an offset that `set` moves. Every instant it reports comes from here. */
export class Clock {
  private offsetMs = 0;

  constructor(now?: Date) {
    if (now !== undefined) this.set(now);
  }

  set(now: Date): void {
    this.offsetMs = now.getTime() - Date.now();
  }

  now(): Date {
    return new Date(Date.now() + this.offsetMs);
  }

  nowSeconds(): number {
    return Math.floor(this.now().getTime() / 1000);
  }
}
