import fc from 'fast-check';

import { RateLimiter, TokenBucket } from '../../simulator/stripe/rate-limit';

describe('A token bucket', () => {
  test('lets a burst of a second’s worth pass, and never more than that beyond its rate', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 50 }),
        fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 200 }),
        (perSecond, pausesMs) => {
          const bucket = new TokenBucket(perSecond, 0);
          let nowMs = 0;
          let passed = 0;
          for (const pauseMs of pausesMs) {
            nowMs += pauseMs;
            if (bucket.take(nowMs)) passed += 1;
            expect(passed).toBeLessThanOrEqual(perSecond + (nowMs / 1000) * perSecond + 1e-6);
          }
          expect(passed).toBeGreaterThanOrEqual(Math.min(perSecond, pausesMs.length));
        },
      ),
    );
  });

  test('is full again after a second without requests', () => {
    const bucket = new TokenBucket(3, 0);
    const burst = (nowMs: number) => Array.from({ length: 5 }, () => bucket.take(nowMs));
    expect(burst(0)).toEqual([true, true, true, false, false]);
    expect(burst(1000)).toEqual([true, true, true, false, false]);
  });
});

describe('The limits of an account', () => {
  test('are counted for each endpoint, and for all together', () => {
    const limiter = new RateLimiter({ allPerSecond: 3, endpointPerSecond: 2 }, () => 0);
    expect(['a', 'a', 'a', 'b', 'b', 'b'].map((endpoint) => limiter.take(endpoint))).toEqual([
      undefined,
      undefined,
      'endpoint-rate',
      undefined,
      'global-rate',
      'endpoint-rate',
    ]);
  });
});
