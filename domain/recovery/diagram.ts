/**
 * The case's table as a picture. Left out, so that it can be read: what stops or halts a case wherever it is, which is one table of
 * its own, and what is believed although no attempt should be under way.
 */
import { drawStates } from '../state-diagram';
import { CASE_EVENT_TYPES, CASE_STATES, TERMINAL_STATES } from './states';
import type { CaseEventType, CaseState } from './states';
import { CASE_STOPS, CASE_TABLE } from './transitions';

const OUTCOMES: readonly CaseEventType[] = [
  'succeeded',
  'partially_succeeded',
  'pending',
  'outcome_unknown',
];
const WITH_ATTEMPT: readonly CaseState[] = [
  'charging',
  'unknown',
  'pending_settlement',
  'needs_human',
];

export const caseDiagram = (): string =>
  drawStates({
    states: CASE_STATES,
    events: CASE_EVENT_TYPES,
    cell: (state, event) => {
      const isLeftOut =
        (CASE_STOPS as readonly CaseEventType[]).includes(event) ||
        (OUTCOMES.includes(event) && !WITH_ATTEMPT.includes(state));
      return isLeftOut ? { kind: 'forbidden' } : CASE_TABLE[state][event];
    },
    initial: 'discovered',
    final: TERMINAL_STATES,
  });

/** What each stop does to a case that has nothing in flight. */
export const caseStops = (): string =>
  [
    '| event | leads to |',
    '| --- | --- |',
    ...CASE_STOPS.map((event) => {
      const cell = CASE_TABLE.planning[event];
      const to = cell.kind === 'moves' ? cell.otherwise.to : 'same';
      return `| ${event} | ${to} |`;
    }),
  ].join('\n');
