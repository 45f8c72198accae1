import type { Logger } from 'pino';

const REPORT_EVERY_MS = 10_000;
/** Reasons of one report that are told apart. */
const MAX_REASONS = 50;

/** Says in the log what was refused and why: at most once in ten seconds, however much came. */
export class Refusals {
  private counts = new Map<string, number>();
  private timer: NodeJS.Timeout | null = null;

  constructor(private readonly logger: Logger) {}

  add(reason: string): void {
    const known = this.counts.has(reason) || this.counts.size < MAX_REASONS;
    const key = known ? reason : 'Other reasons.';
    this.counts.set(key, (this.counts.get(key) ?? 0) + 1);
    this.timer ??= setTimeout(() => this.report(), REPORT_EVERY_MS).unref();
  }

  /** Reports what was not yet. */
  report(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    if (this.counts.size === 0) return;
    const refused = [...this.counts].map(([reason, count]) => ({ reason, count }));
    this.counts = new Map();
    this.logger.warn({ refused }, 'Webhooks were refused');
  }
}
