import { countOf, fieldsOf, textOf } from './input';

/**
 * What can go wrong on the way. `429`, `500`, `html-200`, `html-502`, `reset` and `hang` happen before the request is
 * carried out; `500-after-commit`, `reset-after-commit` and `truncate` (half the body, then the connection closes)
 * happen after it.
 */
const faultKinds = [
  '429',
  '500',
  '500-after-commit',
  'html-200',
  'html-502',
  'truncate',
  'reset',
  'reset-after-commit',
  'hang',
] as const;
type FaultKind = (typeof faultKinds)[number];

interface FaultRule {
  /** Path prefix and method; without them every request of the provider API matches. */
  match?: { path?: string; method?: string };
  /** Lets this many matching requests pass first. */
  after?: number;
  /** Strikes at most this often; without it, for ever. */
  times?: number;
  /** Strikes every nth matching request after `after`; 1 when absent. */
  everyNth?: number;
  kind: FaultKind;
  /** Sent as Retry-After with a 429. */
  retryAfterSeconds?: number;
}

export interface Fault {
  kind: FaultKind;
  retryAfterSeconds?: number;
}

/** A deterministic plan: which of the coming requests fail, and how. The first rule that strikes wins. */
export class FaultPlan {
  private rules: { rule: FaultRule; seen: number; struck: number }[] = [];

  add(rules: readonly FaultRule[]): void {
    for (const rule of rules) this.rules.push({ rule, seen: 0, struck: 0 });
  }

  clear(): void {
    this.rules = [];
  }

  /** Counts the request and says whether a fault strikes it. */
  take(request: { method: string; path: string }): Fault | undefined {
    for (const entry of this.rules) {
      const { match, after = 0, times = Infinity, everyNth = 1 } = entry.rule;
      if (match?.method !== undefined && match.method !== request.method) continue;
      if (match?.path !== undefined && !request.path.startsWith(match.path)) continue;
      entry.seen += 1;
      const counted = entry.seen - after;
      if (counted <= 0 || counted % everyNth !== 0 || entry.struck >= times) continue;
      entry.struck += 1;
      const { kind, retryAfterSeconds } = entry.rule;
      return retryAfterSeconds === undefined ? { kind } : { kind, retryAfterSeconds };
    }
    return undefined;
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
  ]);
  const kind = faultKinds.find((known) => known === fields['kind']);
  if (kind === undefined) throw new Error(`${at}.kind must be one of ${faultKinds.join(', ')}.`);
  const rule: FaultRule = { kind };
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
