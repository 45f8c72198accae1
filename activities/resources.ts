/** Resources as people name them. */
import { RecoupError } from '../domain/errors';
import type { Provider } from '../providers/provider';

/** All for null. In plan order, whatever order they were asked for. Errors: invalid_input. */
export function chooseResources(provider: Provider, wanted: readonly string[] | null): string[] {
  const names = provider.resources.map(({ name }) => name);
  const unknown = wanted?.find((name) => !names.includes(name));
  if (unknown !== undefined)
    throw invalid(`resources: "${unknown}" is unknown`, provider.name, names);
  if (wanted?.length === 0) throw invalid('resources: the list is empty', provider.name, names);
  return names.filter((name) => wanted?.includes(name) ?? true);
}

/** Errors: invalid_input for what neither a list nor the change feed of the provider is called. */
export function assertResource(provider: Provider, name: string): void {
  const names = [...provider.resources.map((each) => each.name), provider.feed?.resource];
  const known = names.filter((each) => each !== undefined);
  if (!known.includes(name)) throw invalid(`resource: "${name}" is unknown`, provider.name, known);
}

const invalid = (what: string, provider: string, names: readonly string[]): RecoupError =>
  new RecoupError('invalid_input', `${what}; ${provider} has ${names.join(', ')}.`);
