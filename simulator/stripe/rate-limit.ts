/**
 * A token bucket: it holds up to `perSecond` tokens, is full at first, and refills evenly at `perSecond` tokens each
 * second of machine time. A request without a whole token left is refused.
 */
export class TokenBucket {
  private tokens: number;
  private at: number;

  constructor(
    private readonly perSecond: number,
    nowMs: number,
  ) {
    this.tokens = perSecond;
    this.at = nowMs;
  }

  take(nowMs: number): boolean {
    this.tokens = Math.min(
      this.perSecond,
      this.tokens + ((nowMs - this.at) / 1000) * this.perSecond,
    );
    this.at = nowMs;
    if (this.tokens < 1) return false;
    this.tokens -= 1;
    return true;
  }
}

export interface RateLimits {
  /** Requests per second over all endpoints; no limit when absent. */
  allPerSecond?: number;
  /** Requests per second of each endpoint (method and route); no limit when absent. */
  endpointPerSecond?: number;
}

/** Stripe's two scopes: the account as a whole, and each endpoint. A refused request takes no token of the other. */
export class RateLimiter {
  private readonly all: TokenBucket | undefined;
  private readonly endpoints = new Map<string, TokenBucket>();

  constructor(
    private readonly limits: RateLimits,
    private readonly nowMs: () => number,
  ) {
    if (limits.allPerSecond !== undefined) this.all = new TokenBucket(limits.allPerSecond, nowMs());
  }

  /** The scope that refuses the request, or undefined when it may pass. */
  take(endpoint: string): 'global-rate' | 'endpoint-rate' | undefined {
    const nowMs = this.nowMs();
    if (this.limits.endpointPerSecond !== undefined) {
      let bucket = this.endpoints.get(endpoint);
      if (bucket === undefined) {
        bucket = new TokenBucket(this.limits.endpointPerSecond, nowMs);
        this.endpoints.set(endpoint, bucket);
      }
      if (!bucket.take(nowMs)) return 'endpoint-rate';
    }
    if (this.all !== undefined && !this.all.take(nowMs)) return 'global-rate';
    return undefined;
  }
}
