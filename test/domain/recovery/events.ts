/** One event of each kind, and random ones. */
import fc from 'fast-check';
import type { CaseEvent } from '../../../domain/recovery/decide';
import { CASE_EVENT_TYPES } from '../../../domain/recovery/states';
import type { CaseEventType } from '../../../domain/recovery/states';

export const NOW_MS = Date.UTC(2026, 10, 1);

export function eventOf(type: CaseEventType, atMs = NOW_MS): CaseEvent {
  switch (type) {
    case 'attempt_planned':
    case 'provider_retry_pending':
    case 'inconclusive':
      return { type, atMs };
    case 'succeeded':
    case 'partially_succeeded':
      return { type, by: 'us', amountMinor: '4200', chargeId: 'ch_1' };
    case 'paid_elsewhere':
      return { type, by: 'elsewhere', amountMinor: '4200', chargeId: 'ch_2' };
    case 'reversed':
      return { type, by: 'us', amountMinor: '4200', chargeId: 'ch_1' };
    case 'customer_needed':
      return { type, remedy: 'update' };
    case 'step_failed':
      return { type, retryAfterMs: null };
    default:
      return { type };
  }
}

export const anyEvent: fc.Arbitrary<CaseEvent> = fc
  .tuple(fc.constantFrom(...CASE_EVENT_TYPES), fc.integer({ min: 0, max: 86_400_000 }))
  .map(([type, laterMs]) => eventOf(type, NOW_MS + laterMs));
