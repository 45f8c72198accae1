/** Small column charts for the terminal, one panel per currency, all drawn from zero. */
import type { Paint } from './output';

export interface Panel {
  readonly title: string;
  /** Oldest first. */
  readonly values: readonly bigint[];
  readonly firstLabel: string;
  readonly lastLabel: string;
}

const EIGHTHS = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const HEIGHT = 5;
const BAR_WIDTH = 2;
const PANEL_GAP = 4;

/** Panels side by side as far as `width` allows. */
export function renderCharts(
  panels: readonly Panel[],
  options: { paint: Paint; width: number },
): string {
  const drawn = panels.map((panel) => drawPanel(panel));
  const panelWidth = Math.max(0, ...drawn.map(({ width }) => width));
  const perRow = Math.max(1, Math.floor((options.width + PANEL_GAP) / (panelWidth + PANEL_GAP)));
  const blocks: string[] = [];
  for (let start = 0; start < drawn.length; start += Math.min(perRow, drawn.length)) {
    const row = drawn.slice(start, start + perRow);
    const styles = [options.paint.bold, ...Array<Style>(HEIGHT).fill(options.paint.cyan)];
    const lines = Array.from({ length: HEIGHT + 2 }, (_, line) =>
      row
        .map(({ lines: own }) =>
          (styles[line] ?? options.paint.dim)((own[line] ?? '').padEnd(panelWidth)),
        )
        .join(' '.repeat(PANEL_GAP))
        .trimEnd(),
    );
    blocks.push(lines.join('\n'));
  }
  return blocks.join('\n\n');
}

type Style = (text: string) => string;

function drawPanel(panel: Panel): { lines: readonly string[]; width: number } {
  const heights = barHeights(panel.values);
  const bars = Array.from({ length: HEIGHT }, (_, row) => {
    const below = (HEIGHT - 1 - row) * 8;
    return heights
      .map((height) => (EIGHTHS[Math.min(8, Math.max(0, height - below))] ?? ' ').repeat(BAR_WIDTH))
      .join('');
  });
  const barsWidth = panel.values.length * BAR_WIDTH;
  const gap = Math.max(1, barsWidth - panel.firstLabel.length - panel.lastLabel.length);
  const axis = panel.firstLabel + ' '.repeat(gap) + panel.lastLabel;
  const lines = [panel.title, ...bars, axis];
  return { lines, width: Math.max(...lines.map((line) => line.length)) };
}

/** Heights in eighths of a line; the largest value fills the panel, and nothing but zero looks like zero. */
export function barHeights(values: readonly bigint[]): number[] {
  const positive = values.map((value) => (value > 0n ? value : 0n));
  const largest = positive.reduce((most, value) => (value > most ? value : most), 0n);
  const full = BigInt(HEIGHT * 8);
  return positive.map((value) =>
    value === 0n ? 0 : Math.max(1, Number((value * full + largest / 2n) / largest)),
  );
}
