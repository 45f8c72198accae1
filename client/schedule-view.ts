/** A nightly schedule as people and programs read it. */
import type { ScheduleDescription } from '@temporalio/client';
import { DateTime } from 'luxon';
import { countOf, sentences } from '../domain/words';
import { scheduleLink, workflowLink, type Ui } from './links';
import { paintFor, renderTable, widthOf } from './output';
import { settingsOf } from './schedule-plan';
import type { Night } from './schedules';

/** Nights to come that a view names. */
const MAX_NEXT = 3;

export interface ScheduleView {
  readonly schedule: string;
  readonly state: 'on' | 'paused';
  /** What the person said who paused or resumed it. */
  readonly because: string;
  readonly settings: ReturnType<typeof settingsOf>;
  readonly next: readonly Date[];
  readonly last: (Night & { readonly url: string }) | null;
  readonly url: string;
}

export function scheduleView(
  found: ScheduleDescription,
  { last, ui }: { last: Night | null; ui: Ui },
): ScheduleView {
  const { scheduleId, state, info } = found;
  return {
    schedule: scheduleId,
    state: state.paused ? 'paused' : 'on',
    because: state.note ?? '',
    settings: settingsOf(found),
    next: state.paused ? [] : info.nextActionTimes.slice(0, MAX_NEXT),
    last: last && { ...last, url: workflowLink(ui, last) },
    url: scheduleLink(ui, scheduleId),
  };
}

export function renderSchedule(view: ScheduleView): string {
  const paint = paintFor(process.stdout);
  const { schedule, state, because, settings, next, last } = view;
  const { at, timeZone: zone, jitterMinutes, overlap, catchUpWindowMinutes } = settings;
  const later = jitterMinutes === 0 ? '' : `, and up to ${countOf(jitterMinutes, 'minute')} later`;
  const facts = [
    ['Schedule', paint.bold(schedule)],
    ['State', state === 'on' ? paint.green('on') : paint.yellow(sentences('paused', because))],
    ['When', `daily at ${at} ${zone}${later}`],
    [
      'Rules',
      `overlap ${overlap}; a missed night starts up to ${countOf(catchUpWindowMinutes, 'minute')} late`,
    ],
    ...next.map((night, index) => [index === 0 ? 'Next' : '', inZones(night, zone)]),
    ['Last', last === null ? 'none yet' : `${inZones(last.dueAt, zone)}: ${endOf(last)}`],
  ];
  const width = widthOf(process.stdout);
  const table = renderTable([{ head: '' }, { head: '' }], facts, { paint, width }).trimStart();
  // Beneath the table, which would wrap them: a terminal opens whole addresses only.
  const links = [...(last === null ? [] : [['Last UI', last.url]]), ['UI', view.url]];
  return [
    table,
    ...links.map(([title, url]) => `${title?.padEnd(10)}${paint.cyan(url ?? '')}`),
  ].join('\n');
}

const endOf = ({ state, result }: Night): string =>
  result === null
    ? state
    : `${state}, ${countOf(result.woken, 'account')} woken, ${result.passedOver} passed over`;

/** `2026-11-02 02:00 Europe/Berlin (01:00 UTC)`. */
function inZones(at: Date, zone: string): string {
  const there = DateTime.fromJSDate(at, { zone });
  const local = there.toFormat('yyyy-MM-dd HH:mm');
  return zone === 'UTC'
    ? `${local} UTC`
    : `${local} ${zone} (${there.toUTC().toFormat('HH:mm')} UTC)`;
}
