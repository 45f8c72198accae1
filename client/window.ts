/** A half-open window of time from two options, as an operator types them. */
import { DateTime } from 'luxon';
import { wrongUse } from './errors';

export interface WindowText {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

/** ISO instants in UTC; a side that was left out is absent. */
export interface WindowInstants {
  readonly from?: string;
  readonly to?: string;
}

const HOW = 'Write a date or an instant in ISO 8601, like 2026-10-01 or 2026-10-01T06:00:00Z.';

/**
 * `from` is included, `to` is not. Any form of ISO 8601 that names a year will do; a date means its midnight, and an instant
 * without an offset is UTC.
 */
export function parseWindow(text: WindowText): WindowInstants {
  const from = text.from === undefined ? undefined : parseInstant('--from', text.from);
  const to = text.to === undefined ? undefined : parseInstant('--to', text.to);
  if (from !== undefined && to !== undefined && from >= to) {
    throw wrongUse(
      `The window is empty: --from ${text.from} is not before --to ${text.to}`,
      'Give a --from before --to: the window includes --from and ends just before --to.',
    );
  }
  return { ...(from !== undefined && { from }), ...(to !== undefined && { to }) };
}

function parseInstant(option: string, text: string): string {
  // A time of day alone would be ISO 8601 as well, of today: nobody means that in a window.
  const namesYear = /^[+-]?\d{4}/.test(text);
  const instant = DateTime.fromISO(namesYear ? text : '', { zone: 'utc' });
  if (instant.isValid) return instant.toISO();
  const why =
    instant.invalidReason === 'unit out of range' ? `, ${instant.invalidExplanation ?? ''}` : '';
  throw wrongUse(`${option} "${text}" is not a date${why}`, HOW);
}
