/** The arithmetic behind movements, as a story that a finance person follows. */
import type { Source } from '../db/repositories/explanations';
import type { MetricRun } from '../db/repositories/metrics';
import { exactText } from '../domain/metrics/exact';
import type { ExplainedItem, ExplainedMovement } from '../domain/metrics/explain';
import { formatMinor } from '../domain/words';
import { formatInstant, renderTable, type Paint } from './output';

export interface Explanation {
  readonly account: string;
  readonly customer: string;
  /** Whose policy and time it is explained by. */
  readonly run: MetricRun;
  /** What one should know before. */
  readonly note: string | null;
  /** `id` is that of the ledger's row; null where none says the same. */
  readonly movements: readonly (ExplainedMovement & { readonly id: bigint | null })[];
  readonly sources: readonly Source[];
}

interface Look {
  readonly paint: Paint;
  readonly width: number;
}

export function renderExplanation(explanation: Explanation, look: Look): string {
  const { customer, run, note, movements, sources } = explanation;
  const edition = `policy ${run.policy_version}, engine ${run.engine_version}`;
  const head = `${look.paint.bold(customer)} ${look.paint.dim(`as of ${formatInstant(run.as_of)}, ${edition}, run ${run.run}`)}`;
  return [
    note === null ? head : `${head}\n${note}`,
    ...(movements.length === 0 ? ['Nothing moved.'] : movements.map((one) => story(one, look))),
    renderSources(sources, look),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

function story(movement: Explanation['movements'][number], look: Look): string {
  const { id, at, type, currency, exponent, beforeMinor, deltaMinor, afterMinor } = movement;
  const { afterExact, causes, inputs, items, ended, basis } = movement;
  const { bold, dim } = look.paint;
  const money = (minor: bigint) => formatMinor(minor, exponent);
  const sign = deltaMinor > 0n ? '+' : '';
  const title = `${formatInstant(at)}  ${type}  ${sign}${money(deltaMinor)} ${currency}`;
  const because = causes.map((cause) => cause.replaceAll('_', ' ')).join(', ');
  const exactly = exactText(afterExact, exponent);
  return [
    `${bold(title)}${id === null ? '' : dim(`  movement ${id}`)}`,
    `  because: ${because === '' ? 'nothing that is recorded' : because}${basis === 'inferred' ? ' (inferred)' : ''}`,
    ...(inputs.length > 0 ? [dim(`  shown by: ${inputs.join(' ')}`)] : []),
    ...ended.map((item) => itemStory(item, { verb: 'until then', exponent }, look)),
    ...items.map((item) => itemStory(item, { verb: 'from then on', exponent }, look)),
    ...(items.length > 1
      ? [
          `  of the rounded total: ${items.map(({ item, shareMinor }) => `${item} ${money(shareMinor)}`).join(', ')}`,
        ]
      : []),
    `  together ${exactly}, rounded ${money(afterMinor)}; before ${money(beforeMinor)}; so ${sign}${money(deltaMinor)}`,
  ].join('\n');
}

function itemStory(
  { subscription, item, from, to, value, basis, steps }: ExplainedItem,
  { verb, exponent }: { readonly verb: string; readonly exponent: number },
  { paint, width }: Look,
): string {
  const span = `${from.toISOString().slice(0, 10)} to ${to?.toISOString().slice(0, 10) ?? 'now'}`;
  const inferred = basis === 'inferred' ? ', inferred' : '';
  const rows = steps.map(({ text, after, records }) => [
    `      = ${exactText(after, exponent)}`,
    `${text}${records.length > 0 && !records.some((id) => text.includes(id)) ? ` (${records.join(' ')})` : ''}`,
  ]);
  const table = renderTable([{ head: '' }, { head: '' }], rows, { paint, width });
  const head = `  ${verb}: ${item} of ${subscription}, ${exactText(value, exponent)} a month ${paint.dim(`(${span}${inferred})`)}`;
  return [head, ...table.split('\n').slice(1)].join('\n');
}

function renderSources(sources: readonly Source[], look: Look): string {
  const rows = sources.map(({ id, kind, object }) => [
    id,
    kind,
    object === null ? 'not kept' : `${object.type} ${object.id}`,
    object === null ? '' : formatInstant(object.readAt),
    object === null ? '' : object.hash.slice(0, 12),
  ]);
  const heads = ['Record', 'Kind', 'Raw object', 'Read', 'SHA-256'];
  return renderTable(
    heads.map((head) => ({ head })),
    rows,
    look,
  );
}

export const explanationJson = ({
  account,
  customer,
  run,
  note,
  movements,
  sources,
}: Explanation) => ({
  account,
  customer,
  run: run.run,
  policyVersion: run.policy_version,
  engineVersion: run.engine_version,
  knownUntil: run.as_of,
  note,
  movements: movements.map(({ afterExact, items, ended, ...movement }) => ({
    ...movement,
    afterExact: afterExact.toFraction(),
    items: items.map(itemJson),
    ended: ended.map(itemJson),
  })),
  records: sources,
});

const itemJson = ({ value, steps, ...item }: ExplainedItem) => ({
  ...item,
  valuePerMonth: value.toFraction(),
  steps: steps.map(({ text, after, records }) => ({ text, after: after.toFraction(), records })),
});
