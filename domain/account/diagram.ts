/** The account's table as a picture. */
import { drawStates } from '../state-diagram';
import { EVENT_TYPES, STATES, TABLE } from './transitions';

export const accountDiagram = (): string =>
  drawStates({
    states: STATES,
    events: EVENT_TYPES,
    cell: (state, event) => TABLE[state][event],
    initial: 'idle',
    final: ['disconnected'],
  });
