/** How many requests are kept one by one; the counts go on beyond it. */
const KEPT_REQUESTS = 10_000;

interface LoggedRequest {
  method: string;
  path: string;
  query: string;
  /** 0 while the answer is under way, and for ever when the connection was reset or left hanging. */
  status: number;
}

interface RequestCounts {
  total: number;
  /** By method and route pattern, such as `GET /v1/invoices/:id/lines`. */
  byEndpoint: Record<string, number>;
  answered429: number;
}

/** Counts the requests to the provider API (not the control and oracle endpoints) and keeps the latest ones. */
export class RequestLog {
  private total = 0;
  private answered429 = 0;
  private byEndpoint = new Map<string, number>();
  private kept: LoggedRequest[] = [];

  /** Returns the entry, whose status the caller fills in with `answered`. */
  received(
    endpoint: string,
    request: { method: string; path: string; query: string },
  ): LoggedRequest {
    this.total += 1;
    this.byEndpoint.set(endpoint, (this.byEndpoint.get(endpoint) ?? 0) + 1);
    const entry = { ...request, status: 0 };
    this.kept.push(entry);
    if (this.kept.length > 2 * KEPT_REQUESTS) this.kept = this.kept.slice(-KEPT_REQUESTS);
    return entry;
  }

  answered(entry: LoggedRequest, status: number): void {
    entry.status = status;
    if (status === 429) this.answered429 += 1;
  }

  counts(): RequestCounts {
    return {
      total: this.total,
      byEndpoint: Object.fromEntries(this.byEndpoint),
      answered429: this.answered429,
    };
  }

  /** The last `count` requests, oldest first; at most `KEPT_REQUESTS`. */
  last(count: number): readonly LoggedRequest[] {
    return count > 0 ? this.kept.slice(-Math.min(count, KEPT_REQUESTS)) : [];
  }

  reset(): void {
    this.total = 0;
    this.answered429 = 0;
    this.byEndpoint.clear();
    this.kept = [];
  }
}
