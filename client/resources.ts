/** Names of resources that an operator typed. */
import { REREAD } from '../domain/sync/run';
import { findProvider } from '../providers/registry';
import { wrongUse } from './errors';

/** Errors: exit code 2, with the known ones. */
export function requireResources(
  names: readonly string[],
  { known, provider, option }: { known: readonly string[]; provider: string; option: string },
): readonly string[] {
  const unknown = names.filter((name) => !known.includes(name));
  if (names.length > 0 && unknown.length === 0) return names;
  const wrong = unknown.length > 0 ? `does not know: ${unknown.join(', ')}` : 'names no resource';
  throw wrongUse(`${option} ${wrong}`, `Those of ${provider} are ${known.join(', ')}.`);
}

/** Lists that a backfill can be asked for. */
export const listsOf = (provider: string): string[] =>
  findProvider(provider).resources.map(({ name }) => name);

/** The same, the change feed, and what is read again by its id: what can be parked. Errors: exit code 2, with the known ones. */
export function requireParkable(provider: string, name: string): void {
  const { feed } = findProvider(provider);
  const known = [...listsOf(provider), ...(feed === null ? [] : [feed.resource]), REREAD];
  requireResources([name], { known, provider, option: '--resource' });
}
