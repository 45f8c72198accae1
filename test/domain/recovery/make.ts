/** Charges and declines for tests of the rules. */
import type { Charge } from '../../../domain/recovery/charge';
import type { Decline } from '../../../domain/recovery/decline';

export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

/** Without codes of its own, what `by` names is all that is known. */
export function someDecline(fields: Partial<Decline> = {}): Decline {
  const { by = { vocabulary: 'visa', code: '05' } } = fields;
  return {
    reason: 'declined',
    class: 'soft',
    retryable: 'yes',
    delayMs: null,
    by,
    known: by ? [by] : [],
    unmapped: null,
    ...fields,
  };
}

export const declinedBy = (vocabulary: string, code: string, fields: Partial<Decline> = {}) =>
  someDecline({ by: { vocabulary, code }, ...fields });

let lastId = 0;

export const someCharge = (fields: Partial<Charge> & { atMs: number }): Charge => ({
  id: `ch_${(lastId += 1)}`,
  network: 'visa',
  country: 'DE',
  amountMinor: 1_900n,
  currency: 'eur',
  status: 'failed',
  decline: fields.status === undefined || fields.status === 'failed' ? someDecline() : null,
  ...fields,
});
