import { countOf, fieldsOf, textOf } from './input';
import { CHANGE_KINDS, type ChangeKind } from './world/changes';

/**
 * What can go wrong on the way. `409`, `429`, `html-200`, `html-502`, `reset` and `hang` happen before the request is looked at; `500`
 * when it was accepted, so that its idempotency key keeps the 500, but nothing was done; `500-after-commit`, `reset-after-commit`,
 * `hang-after-commit` and `truncate` (half the body, then the connection closes) when all was done.
 */
const faultKinds = [
  '409',
  '429',
  '500',
  '500-after-commit',
  'html-200',
  'html-502',
  'truncate',
  'reset',
  'reset-after-commit',
  'hang',
  'hang-after-commit',
] as const;
type FaultKind = (typeof faultKinds)[number];

/**
 * Not a fault, but a race, of POST requests only: the change of the rule happens to what the invoice of the request is about, just before the request is
 * carried out, or when it was and is not answered yet. Nothing happens where the change is not possible.
 */
const raceKinds = ['change-before', 'change-after'] as const;
type RaceKind = (typeof raceKinds)[number];

interface FaultRule {
  /** Path prefix and method; without them every request of the provider API matches. */
  match?: { path?: string; method?: string };
  /** Lets this many matching requests pass first. */
  after?: number;
  /** Strikes at most this often; without it, for ever. */
  times?: number;
  /** Strikes every nth matching request after `after`; 1 when absent. */
  everyNth?: number;
  kind: FaultKind | RaceKind;
  /** Sent as Retry-After with a 429. */
  retryAfterSeconds?: number;
  /** What happens meanwhile; with the two kinds of race only. */
  change?: ChangeKind;
}

export interface Fault {
  kind: FaultKind;
  retryAfterSeconds?: number;
}

/** What a request meets: one fault at most, and any number of changes meanwhile. */
export interface Encounter {
  fault?: Fault;
  before: readonly ChangeKind[];
  after: readonly ChangeKind[];
}

/** A deterministic plan: which of the coming requests fail, and how. The first rule of a fault that strikes wins. */
export class FaultPlan {
  private rules: { rule: FaultRule; seen: number; struck: number }[] = [];
  private strokes = 0;

  /** How often any rule has struck so far, those of cleared plans included. */
  get struck(): number {
    return this.strokes;
  }

  add(rules: readonly FaultRule[]): void {
    for (const rule of rules) this.rules.push({ rule, seen: 0, struck: 0 });
  }

  clear(): void {
    this.rules = [];
  }

  /** Counts the request and says what strikes it. */
  take(request: { method: string; path: string }): Encounter {
    const encounter: Encounter & Record<'before' | 'after', ChangeKind[]> = {
      before: [],
      after: [],
    };
    for (const entry of this.rules) {
      const { kind, change, match, after = 0, times = Infinity, everyNth = 1 } = entry.rule;
      if (match?.method !== undefined && match.method !== request.method) continue;
      if (match?.path !== undefined && !request.path.startsWith(match.path)) continue;
      const isRace = kind === 'change-before' || kind === 'change-after';
      if (isRace ? request.method !== 'POST' : encounter.fault !== undefined) continue;
      entry.seen += 1;
      const counted = entry.seen - after;
      if (counted <= 0 || counted % everyNth !== 0 || entry.struck >= times) continue;
      entry.struck += 1;
      this.strokes += 1;
      if (!isRace) {
        const { retryAfterSeconds } = entry.rule;
        encounter.fault = { kind, ...(retryAfterSeconds !== undefined && { retryAfterSeconds }) };
      } else if (change !== undefined) {
        encounter[kind === 'change-before' ? 'before' : 'after'].push(change);
      }
    }
    return encounter;
  }
}

/** Reads the body of `POST /_simulator/faults`; throws an Error that names the wrong field. */
export function parseFaultRules(input: unknown): FaultRule[] {
  if (!Array.isArray(input)) throw new Error('The fault plan must be an array of rules.');
  return input.map((rule: unknown, i) => parseRule(rule, `rules[${i}]`));
}

function parseRule(input: unknown, at: string): FaultRule {
  const fields = fieldsOf(input, at, [
    'match',
    'after',
    'times',
    'everyNth',
    'kind',
    'retryAfterSeconds',
    'change',
  ]);
  const kinds = [...faultKinds, ...raceKinds];
  const kind = kinds.find((known) => known === fields['kind']);
  if (kind === undefined) throw new Error(`${at}.kind must be one of ${kinds.join(', ')}.`);
  const rule: FaultRule = { kind };
  const isRace = raceKinds.some((race) => race === kind);
  if (isRace || fields['change'] !== undefined) {
    const change = CHANGE_KINDS.find((known) => known === fields['change']);
    if (!isRace || change === undefined)
      throw new Error(
        `${at}.change goes with ${raceKinds.join(' and ')}, and must be one of ${CHANGE_KINDS.join(', ')}.`,
      );
    rule.change = change;
  }
  for (const name of ['after', 'times', 'everyNth', 'retryAfterSeconds'] as const) {
    const value = fields[name];
    if (value === undefined) continue;
    const least = name === 'everyNth' ? 1 : 0;
    rule[name] = countOf(value, `${at}.${name}`, least);
  }
  if (fields['match'] !== undefined) {
    const match = fieldsOf(fields['match'], `${at}.match`, ['path', 'method']);
    rule.match = {};
    for (const name of ['path', 'method'] as const) {
      const value = match[name];
      if (value === undefined) continue;
      rule.match[name] = textOf(value, `${at}.match.${name}`);
    }
  }
  return rule;
}
