/** How far a run is, on stderr: bars on a terminal, a line every few seconds elsewhere. */
import { MultiBar, type SingleBar } from 'cli-progress';
import type { ResourceProgress } from '../activities/contract';
import { formatCount, paintFor, say, widthOf, type Paint } from './output';

export interface ProgressView {
  update(progress: readonly ResourceProgress[]): void;
  /** A sentence above the bars. */
  note(text: string): void;
  /** Leaves the last state on the screen. */
  stop(): void;
}

export const openProgress = (): ProgressView =>
  process.stderr.isTTY ? new Bars(process.stderr) : new Lines();

/** For what has another view. */
const nothing = (): void => undefined;
export const NO_PROGRESS: ProgressView = { update: nothing, note: nothing, stop: nothing };

const MAX_BAR_WIDTH = 30;
const MIN_BAR_WIDTH = 8;
const COUNT_WIDTH = 9;
const FRAMES_PER_SECOND = 10;

class Bars implements ProgressView {
  private readonly bars = new Map<string, SingleBar>();
  private readonly paint: Paint;
  private readonly multi: MultiBar;
  private nameWidth = 0;

  constructor(private readonly terminal: NodeJS.WriteStream) {
    this.paint = paintFor(terminal);
    this.multi = new MultiBar({
      stream: terminal,
      fps: FRAMES_PER_SECOND,
      hideCursor: true,
      // The library would switch the terminal's line wrap off and on again; our lines fit.
      linewrap: null,
      emptyOnZero: true,
      gracefulExit: false,
      format: (_options, _params, payload) => this.line(payload as ResourceProgress),
    });
  }

  update(progress: readonly ResourceProgress[]): void {
    this.nameWidth = Math.max(this.nameWidth, ...progress.map(({ resource }) => resource.length));
    for (const each of visible(progress, this.terminal.rows)) {
      const bar = this.bars.get(each.resource);
      if (bar !== undefined) bar.update(each.percent, each);
      else this.bars.set(each.resource, this.multi.create(100, each.percent, each));
    }
  }

  note(text: string): void {
    if (this.bars.size > 0) this.multi.log(`${text}\n`);
    else say(text);
  }

  stop(): void {
    // Without a bar the library would still write an empty line.
    if (this.bars.size > 0) this.multi.stop();
  }

  private line({ resource, state, percent, objects, reason }: ResourceProgress): string {
    const { paint } = this;
    const name = resource.padEnd(this.nameWidth);
    const count = formatCount(objects).padStart(COUNT_WIDTH);
    const share = `${state === 'done' ? 100 : Math.floor(percent)} %`.padStart(5);
    const width = widthOf(this.terminal);
    const room = width - this.nameWidth - COUNT_WIDTH - share.length - 10;
    const barWidth = Math.max(MIN_BAR_WIDTH, Math.min(MAX_BAR_WIDTH, room));
    const head = `  ${name}  `;
    if (state === 'parked' || state === 'skipped') {
      const visibleWhy = ellipsis(asideOf(state, reason), width - head.length - COUNT_WIDTH - 5);
      return `${head}${count}  ${paint.yellow(`! ${visibleWhy}`)}`;
    }
    const filled = Math.round(((state === 'done' ? 100 : percent) / 100) * barWidth);
    const colour = state === 'done' ? paint.green : paint.cyan;
    const bar = colour('━'.repeat(filled)) + paint.dim('─'.repeat(barWidth - filled));
    const mark = state === 'done' ? paint.green('✓') : ' ';
    return `${head}${count}  ${bar} ${share} ${mark}`;
  }
}

/** Why nobody reads a resource. */
export const asideOf = (state: 'parked' | 'skipped', reason: string | null): string =>
  reason === null ? state : `${state}: ${reason}`;

/** A bar that has scrolled away cannot be drawn again, so a low terminal shows the first ones only. */
const visible = (
  progress: readonly ResourceProgress[],
  rows: number,
): readonly ResourceProgress[] => progress.slice(0, Math.max(1, rows - 2));

const ellipsis = (text: string, width: number): string =>
  text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;

const LINE_EVERY_MS = 3_000;

class Lines implements ProgressView {
  private lastAtMs = 0;
  private last = '';
  private readonly ended = new Set<string>();
  private progress: readonly ResourceProgress[] = [];

  update(progress: readonly ResourceProgress[]): void {
    this.progress = progress;
    this.sayEnded();
    if (Date.now() - this.lastAtMs < LINE_EVERY_MS) return;
    const line = summaryLine(progress);
    if (line !== '' && line !== this.last) say(line);
    this.last = line;
    this.lastAtMs = Date.now();
  }

  note(text: string): void {
    say(text);
  }

  stop(): void {
    this.sayEnded();
  }

  private sayEnded(): void {
    for (const { resource, state, objects, reason } of this.progress) {
      if (state === 'waiting' || state === 'walking' || this.ended.has(resource)) continue;
      this.ended.add(resource);
      say(
        state === 'done'
          ? `  ${resource}: done, ${formatCount(objects)} objects`
          : `  ${resource}: ${asideOf(state, reason)}`,
      );
    }
  }
}

/** What is being read right now; empty when nothing is. */
export function summaryLine(progress: readonly ResourceProgress[]): string {
  const walking = progress.filter(({ state }) => state === 'walking');
  if (walking.length === 0) return '';
  const done = progress.filter(({ state }) => state === 'done').length;
  const objects = progress.reduce((sum, each) => sum + each.objects, 0);
  const reading = walking.map(({ resource, percent }) => `${resource} ${Math.floor(percent)} %`);
  return `  ${formatCount(objects)} objects, ${done} of ${progress.length} resources done; reading ${reading.join(', ')}`;
}
