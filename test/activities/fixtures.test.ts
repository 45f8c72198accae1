/** Objects that nobody here wrote, all the way into Postgres: the fixtures of Stripe's published specification. */
import type { Kysely } from 'kysely';
import { pino } from 'pino';
import { z } from 'zod';
import { preparePageObject } from '../../activities/page';
import { unpackBatch } from '../../db/raw-object';
import { saveAccount } from '../../db/repositories/accounts';
import { commitPages } from '../../db/repositories/pages';
import { createRun } from '../../db/repositories/runs';
import { inTransaction } from '../../db/transaction';
import type { Database } from '../../db/schema';
import { findProvider } from '../../providers/registry';
import { KNOWN_TYPES } from '../../providers/stripe/normalise/normalise';
import { claimOn } from '../db/reading';
import { openTestDatabase } from '../support/database';
import { describeUnless } from '../support/skip';
import { readSpec, whyNoSpec } from '../support/specs';

const FILE = 'stripe/fixtures3.json';
const ACCOUNT = 'acct_fixtures';
const AT = new Date('2026-11-01T00:00:00Z');

const fixtures = z.object({ resources: z.record(z.string(), z.looseObject({})) });
const known = z.looseObject({ object: z.enum(KNOWN_TYPES), id: z.string() });

describeUnless(whyNoSpec(FILE), 'the published fixtures as one page', () => {
  let db: Kysely<Database>;
  let close: () => Promise<void>;
  let objects: z.infer<typeof known>[];

  beforeAll(async () => {
    ({ db, close } = await openTestDatabase());
    objects = Object.values(fixtures.parse(readSpec(FILE)).resources).flatMap((value) => {
      const parsed = known.safeParse(value);
      return parsed.success ? [parsed.data] : [];
    });
    await saveAccount(db, {
      normaliserVersion: 1,
      id: ACCOUNT,
      provider: 'stripe',
      displayName: null,
      apiBase: null,
      sealedSecret: Buffer.from('sealed'),
    });
    const run = await inTransaction(db, (trx) =>
      createRun(trx, {
        accountId: ACCOUNT,
        key: 'fixtures',
        kind: 'sync',
        windowFrom: null,
        until: AT,
        floor: new Date(0),
        note: null,
        tasks: [{ resource: 'invoice', from: null, to: AT, position: 0 }],
      }),
    );
    const lease = await claimOn(db, { accountId: ACCOUNT, runId: run.id });
    const logger = pino({ level: 'silent' });
    await commitPages(db, [
      {
        lease,
        objects: objects.map((value, index) =>
          preparePageObject(
            findProvider('stripe'),
            {
              object: {
                // Each stands for itself, though some have the same id.
                resource: `${value.object}_${index}`,
                type: value.object,
                id: value.id,
                createdAt: null,
                value,
              },
              readAt: AT,
            },
            logger,
          ),
        ),
        readAt: AT,
        nextCursor: null,
        oldestCreatedAt: null,
        requests: 1,
      },
    ]);
  });
  afterAll(() => close());

  test('every one is kept raw, whole', async () => {
    const rows = await db
      .selectFrom('raw_object')
      .innerJoin('raw_batch', 'raw_batch.id', 'batch')
      .selectAll()
      .execute();
    const kept = rows.map((row) => [row.type, row.external_id, unpackBatch(row.payload)(row)]);
    const given = objects.map((value) => [value.object, value.id, value]);
    const byKey = (a: unknown[], b: unknown[]) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);
    expect(kept.sort(byKey)).toEqual(given.sort(byKey));
  });

  test('what became of them are rows', async () => {
    for (const table of [
      'customer',
      'product',
      'price',
      'coupon',
      'subscription',
      'subscription_item',
      'invoice',
      'invoice_line',
      'invoice_item',
      'credit_note',
      'payment',
      'payment_attempt',
      'refund',
      'dispute',
    ] as const) {
      const { count } = await db
        .selectFrom(table)
        .select((row) => row.fn.countAll<bigint>().as('count'))
        .executeTakeFirstOrThrow();
      expect({ table, count: Number(count) }).toEqual({ table, count: 1 });
    }
  });

  test('what could not be normalised is named with what it lacks', async () => {
    const rows = await db.selectFrom('not_normalised').select(['type', 'reason']).execute();
    expect(rows).toEqual([
      {
        type: 'invoice_payment',
        reason: 'invoice_payment.currency: expected the code of a currency',
      },
    ]);
  });
});
