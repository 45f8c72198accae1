/** What a decision was made by, as people read it: when, which rules in which edition, and what chose the time. */
export function basisOf(facts: Readonly<Record<string, unknown>> | null): string {
  if (facts === null) return '';
  const { at, edition, model, propensity, rules } = facts;
  if (typeof edition !== 'string') return '';
  const named = Array.isArray(rules) ? rules.map(String).filter((rule) => rule !== '') : [];
  const which =
    named.length === 0
      ? `by the rules of edition ${edition}`
      : `by the rule${named.length === 1 ? '' : 's'} ${named.join(', ')} (edition ${edition})`;
  return [
    ...(typeof at === 'string' ? [`for ${at.slice(0, MINUTES).replace('T', ' ')} UTC`] : []),
    which,
    ...(typeof model === 'string' ? [`${at === undefined ? 'judged' : 'timed'} by ${model}`] : []),
    ...(typeof propensity === 'number' && propensity < 1
      ? [`chosen with a probability of ${String(propensity)}`]
      : []),
  ].join(', ');
}

const MINUTES = '2026-11-21T09:29'.length;
