/** A half-open window of time, as people write it: the one reading for the command line and for workflow inputs. */
import { DateTime } from 'luxon';

export interface WindowText {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

/** ISO instants in UTC. `from` is included, `to` is not; a side that was left out is open. */
export interface Window {
  readonly from: string | null;
  readonly to: string | null;
}

export interface WindowProblem {
  readonly field: 'from' | 'to';
  /** What is wrong, as the predicate of the field's name; without a full stop. */
  readonly message: string;
}

export type ParsedWindow =
  | { readonly ok: true; readonly window: Window }
  | { readonly ok: false; readonly problems: readonly WindowProblem[] };

/** Any form of ISO 8601 that names a year will do: a date means its midnight, an instant without an offset is UTC. */
export function parseWindow(text: WindowText): ParsedWindow {
  const parsed = { from: parseInstant(text.from), to: parseInstant(text.to) };
  const problems = (['from', 'to'] as const).flatMap((field): WindowProblem[] =>
    parsed[field]?.isValid === false
      ? [
          {
            field,
            message: `${JSON.stringify(text[field])} is no ISO date or instant such as ${SUCH_AS}`,
          },
        ]
      : [],
  );
  if (problems.length > 0) return { ok: false, problems };
  const { from, to } = parsed;
  if (from !== null && to !== null && from.toMillis() >= to.toMillis()) {
    const message = `${JSON.stringify(text.to)} is not after the window's start ${JSON.stringify(text.from)}`;
    return { ok: false, problems: [{ field: 'to', message }] };
  }
  return { ok: true, window: { from: isoOf(from), to: isoOf(to) } };
}

const SUCH_AS = '2026-10-01 or 2026-10-01T08:30:00Z';

function parseInstant(text: string | undefined): DateTime | null {
  if (text === undefined) return null;
  // A time of day alone is ISO 8601 as well, of today: nobody means that in a window, and it would need a clock.
  return DateTime.fromISO(/^\d{4}/.test(text) ? text : '', { zone: 'utc' });
}

const isoOf = (instant: DateTime | null): string | null =>
  instant === null ? null : instant.toJSDate().toISOString();
