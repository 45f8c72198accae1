/** A state table as a Mermaid diagram: moves only, since an event that changes nothing draws nothing. */

interface DrawnMove {
  readonly when: string | null;
  readonly to: string;
}

export interface Drawing<State extends string, Event extends string> {
  readonly states: readonly State[];
  readonly events: readonly Event[];
  readonly cell: (
    state: State,
    event: Event,
  ) =>
    | {
        readonly kind: 'moves';
        readonly first: readonly DrawnMove[];
        readonly otherwise: DrawnMove;
      }
    | { readonly kind: 'forbidden' };
  readonly initial: State;
  readonly final: readonly State[];
}

const words = (name: string): string => name.replaceAll('_', ' ');

export function drawStates<State extends string, Event extends string>(
  drawing: Drawing<State, Event>,
): string {
  const lines = ['stateDiagram-v2', `  [*] --> ${drawing.initial}`];
  for (const state of drawing.states) {
    const labels = new Map<string, string[]>();
    for (const type of drawing.events) {
      const cell = drawing.cell(state, type);
      if (cell.kind === 'forbidden') continue;
      const { otherwise } = cell;
      const guarded = cell.first.filter(({ to }) => to !== otherwise.to);
      for (const { to, when } of [...guarded, otherwise]) {
        if (to === 'same') continue;
        const label = when === null ? words(type) : `${words(type)} [${words(when)}]`;
        labels.set(to, [...(labels.get(to) ?? []), label]);
      }
    }
    for (const [to, events] of labels) lines.push(`  ${state} --> ${to}: ${events.join(', ')}`);
  }
  return [...lines, ...drawing.final.map((state) => `  ${state} --> [*]`)].join('\n');
}
