/** The account's table as a Mermaid state diagram: moves only, since an event that changes nothing draws nothing. */
import { EVENT_TYPES, STATES, TABLE } from './transitions';
import type { AccountState } from './transitions';

const words = (name: string): string => name.replaceAll('_', ' ');

export function accountDiagram(): string {
  const lines = ['stateDiagram-v2', '  [*] --> idle'];
  for (const state of STATES) {
    const labels = new Map<AccountState, string[]>();
    for (const type of EVENT_TYPES) {
      const cell = TABLE[state][type];
      if (cell.kind === 'forbidden') continue;
      for (const { to, when } of [...cell.first, cell.otherwise]) {
        if (to === 'same') continue;
        const label = when === null ? words(type) : `${words(type)} [${words(when)}]`;
        labels.set(to, [...(labels.get(to) ?? []), label]);
      }
    }
    for (const [to, events] of labels) lines.push(`  ${state} --> ${to}: ${events.join(', ')}`);
  }
  return [...lines, '  disconnected --> [*]'].join('\n');
}
