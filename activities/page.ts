import type { Logger } from 'pino';
import type { PageObject } from '../db/repositories/pages';
import { packObject } from '../db/raw-object';
import {
  NotNormalisable,
  type FetchedObject,
  type Normalised,
  type Provider,
} from '../providers/provider';

const NOTHING: Normalised = { records: [], mentions: [], customerIds: [], hints: [], unknowns: [] };

/** An object as it is stored: packed, and normalised if that can be done. `readAt` is when the provider was asked for it. */
export function preparePageObject(
  provider: Provider,
  { object, readAt }: Pick<FetchedObject, 'object' | 'readAt'>,
  logger: Logger,
): PageObject {
  const { resource, type, id, createdAt, value } = object;
  const { hash, text } = packObject(value);
  // Named one by one: spreading them takes half as long as parsing the object.
  const stored = (
    { records, mentions, customerIds, hints, unknowns }: Normalised,
    notNormalised: string | null,
  ): PageObject => ({
    resource,
    type,
    id,
    createdAt,
    readAt,
    hash,
    text,
    records,
    mentions,
    customerIds,
    hints,
    unknowns,
    notNormalised,
  });
  try {
    return stored(provider.normalise(object), null);
  } catch (error) {
    // A defect of ours in one object must not keep the others out either; the raw object can be normalised again later.
    const expected = error instanceof NotNormalisable;
    if (!expected) logger.error({ type, id, err: error }, 'normalising failed unexpectedly');
    const reason = expected ? error.message : 'Unexpected error while normalising: see the log.';
    return stored({ ...NOTHING, ...(expected && { hints: error.hints }) }, reason);
  }
}
