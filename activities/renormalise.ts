/** Canonical rows made anew from the objects that are stored, without asking the provider. */
import { readAccount, setNormaliserVersion } from '../db/repositories/accounts';
import { commitSeen, type PageObject } from '../db/repositories/pages';
import {
  listNotNormalised,
  readStoredObjects,
  type StoredObject,
} from '../db/repositories/raw-objects';
import { rewriteObjects } from '../db/repositories/rewrite';
import type { Provider } from '../providers/provider';
import type { MetricsActivities } from './contract';
import type { ActivityDeps } from './deps';
import { preparePageObject } from './page';

/** Batches of one transaction: up to two thousand objects in memory. */
const BATCHES = 5;

/**
 * Does nothing for an account whose rows are of the normaliser's own version, unless `force` is set. Every page is a transaction of
 * its own and may be done twice, so that whoever is cut short begins again.
 */
export const createRenormalise =
  ({
    db,
    findProvider,
    logger,
  }: Pick<ActivityDeps, 'db' | 'findProvider' | 'logger'>): MetricsActivities['renormalise'] =>
  async ({ account: accountId, force }) => {
    const account = await readAccount(db, accountId);
    const provider = findProvider(account.provider);
    const report = { objects: 0, changedRows: 0, notNormalised: 0 };
    const { normaliserVersion } = provider;
    if (!force && account.normaliser_version === normaliserVersion) return report;
    for (let after: bigint | null = 0n; after !== null;) {
      const page = await readStoredObjects(db, { accountId, after, batches: BATCHES });
      const waiting = await listNotNormalised(db, { accountId, objects: page.objects });
      const made = page.objects.flatMap((stored) => prepared(provider, stored, logger));
      const normalised = made.filter(({ notNormalised }) => notNormalised === null);
      const isWaiting = ({ type, id }: PageObject) => waiting.has(`${type} ${id}`);
      report.changedRows += await rewriteObjects(db, {
        accountId,
        objects: normalised.filter((object) => !isWaiting(object)),
      });
      // What could not be normalised when it was read is news now, by its time of then.
      await commitSeen(db, { accountId, objects: normalised.filter(isWaiting) });
      report.objects += made.length;
      report.notNormalised += made.length - normalised.length;
      after = page.next;
    }
    await setNormaliserVersion(db, accountId, normaliserVersion);
    return report;
  };

/** Nothing for a type that this edition does not know. */
function prepared(
  provider: Provider,
  { type, id, hash, readAt, value }: StoredObject,
  logger: ActivityDeps['logger'],
): PageObject[] {
  const resource = provider.resourceOf(type);
  if (resource === null) return [];
  const object = { resource, type, id, createdAt: null, value: value as Record<string, unknown> };
  const made = preparePageObject(provider, { object, readAt }, logger);
  // Its rows carry the hash of the text that was stored, which the same object written anew need not have.
  return [{ ...made, hash }];
}
