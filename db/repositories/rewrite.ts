/** Rows made anew from the objects that they came from, because the normaliser has become better. */
import type { Kysely } from 'kysely';
import { PARTS, RECORD_KINDS } from '../../domain/records';
import { deletePartsExcept, insertMentions, rewriteRecords } from '../record-writer';
import type { Database } from '../schema';
import { inTransaction } from '../transaction';
import { keyOf } from './heads';
import { byKind, countChanges, markDirty, type PageObject } from './pages';
import { holdCurrent } from './raw-objects';

/**
 * Brings the rows of these objects to what they are normalised to now. An object that was read with other content since is left
 * out: its rows are those of that content. Returns how many rows changed.
 */
export function rewriteObjects(
  db: Kysely<Database>,
  { accountId, objects }: { readonly accountId: string; readonly objects: readonly PageObject[] },
): Promise<number> {
  return inTransaction(db, async (trx) => {
    const held = await holdCurrent(trx, { accountId, objects });
    const current = objects.filter((object) => held.has(keyOf(object)));
    const records = byKind(current, (object) => object.records);
    const mentions = byKind(current, (object) => object.mentions);
    /** Records whose rows changed, and owners that lost parts. */
    const changed = new Set<string>();
    let changedRows = 0;
    for (const kind of RECORD_KINDS) {
      const ofKind = records.get(kind) ?? [];
      const passing = mentions.get(kind) ?? [];
      // What is only mentioned becomes a row as a mention, before its rows are rewritten like all others.
      const written = [
        ...(await insertMentions(trx, { accountId, kind, records: passing })),
        ...(await rewriteRecords(trx, { accountId, kind, records: [...passing, ...ofKind] })),
      ];
      changedRows += written.length;
      for (const { id } of written) changed.add(`${kind} ${id}`);
      const part = PARTS[kind];
      if (!part || ofKind.length === 0) continue;
      const owners = (records.get(part.owner) ?? []).map(({ record }) => record.id);
      const keep = ofKind.map(({ record }) => record.id);
      const deleted = await deletePartsExcept(trx, { accountId, kind, owners, keep });
      changedRows += deleted;
      if (deleted > 0) for (const owner of owners) changed.add(`${part.owner} ${owner}`);
    }
    const dirty = current
      .filter(({ records: own, mentions }) =>
        [...own, ...mentions].some(({ kind, id }) => changed.has(`${kind} ${id}`)),
      )
      .flatMap(({ customerIds }) => customerIds);
    await countChanges(trx, { accountId, changedRows });
    await markDirty(trx, accountId, new Set(dirty));
    return changedRows;
  });
}
