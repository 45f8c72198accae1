import { RecoupError } from '../domain/errors';
import type { Provider } from './provider';
import { stripe } from './stripe/stripe';

/** Every billing service that Recoup can connect. */
export const PROVIDERS: readonly Provider[] = [stripe];

/** Errors: unknown_provider, naming the known ones. */
export function findProvider(name: string): Provider {
  const provider = PROVIDERS.find((candidate) => candidate.name === name);
  if (provider === undefined) {
    const known = PROVIDERS.map((candidate) => candidate.name).join(', ');
    throw new RecoupError('unknown_provider', `No provider is called "${name}"; known: ${known}.`);
  }
  return provider;
}
