/** What `npm start` runs, with the real services: a sync, and a campaign in simulated time that later starts go on with. */
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import type { InvoiceStory, Judgement } from '../../simulator/oracle/charges';
import { query } from '../support/stack';
import { Clone, type Launch } from './clone';

/** Three starts of everything, on a machine that may be busy. */
jest.setTimeout(900_000);
const LIMIT_MS = 300_000;
const POLL_MS = 50;

const resultSchema = z.object({
  account: z.literal('acct_demo'),
  campaign: z.object({
    campaign: z.string(),
    open: z.number(),
    groups: z.array(
      z.object({
        currency: z.string(),
        cases: z.number().default(0),
        by: z.object({ us: z.object({ grossMinor: z.number() }) }).optional(),
      }),
    ),
  }),
});

let clone: Clone;
afterEach(() => clone.dispose());

const ask = async <T>(url: string): Promise<T> => (await (await fetch(url)).json()) as T;

/** Kills all of it as soon as money has come in. */
async function killInTheMidst(launch: Launch): Promise<void> {
  const paid = `select from recovery_attempt where state = 'succeeded'`;
  await clone.until(launch, () => /camp_1 is running/.test(launch.stderr()), LIMIT_MS);
  const { databaseUrl } = clone.facts();
  while ((await query(databaseUrl, paid)).length === 0) await delay(POLL_MS);
  launch.process.kill('SIGKILL');
  await launch.end;
}

/** Minor units by currency. */
function sums(parts: readonly { currency: string; minor: number }[]): Record<string, number> {
  const total: Record<string, number> = {};
  for (const { currency, minor } of parts) total[currency] = (total[currency] ?? 0) + minor;
  return Object.fromEntries(Object.entries(total).filter(([, minor]) => minor > 0));
}

test('a campaign that is killed in the midst is gone on with, a third start finds what is left, and over all of them nobody is charged twice', async () => {
  clone = new Clone({ real: true });
  const first = clone.start(['--customers', '30', '--failures', '12']);
  await killInTheMidst(first);

  const second = clone.start(['--once', '--json']);
  expect(await second.end).toBe(0);
  expect(second.stderr()).toContain('Going on with camp_1');
  const { campaign } = resultSchema.parse(JSON.parse(second.stdout()));
  expect(campaign).toMatchObject({ campaign: 'camp_1', open: 0 });
  expect(campaign.groups.reduce((cases, group) => cases + group.cases, 0)).toBeGreaterThan(5);

  const third = clone.start();
  await clone.until(third, () => third.stdout().includes('Ctrl-C here to stop'), LIMIT_MS);
  expect(third.stdout()).toMatch(/Nothing is left to recover|What was recovered/);

  const { simulatorUrl, databaseUrl } = clone.facts();
  expect(await ask<Judgement>(`${simulatorUrl}/_oracle/charges`)).toEqual({
    doubleCharges: [],
    forbiddenCharges: [],
  });
  const attempts = (await query(
    databaseUrl,
    'select invoice_id as invoice, campaign_id as campaign, charge_id as charge from recovery_attempt where charge_id is not null',
  )) as { invoice: string; campaign: string; charge: string }[];
  const ids = [...new Set(attempts.map(({ invoice }) => invoice))];
  const stories = await ask<InvoiceStory[]>(
    `${simulatorUrl}/_oracle/ledger?invoice=${ids.join(',')}`,
  );
  // Each charge of ours is in the ledger once, and the service still knows each that the ledger has.
  const charged = stories.flatMap(({ invoice, currency, charges }) =>
    charges.filter(({ by }) => by === 'api').map((charge) => ({ ...charge, invoice, currency })),
  );
  expect(charged.map(({ id }) => id).sort()).toEqual(attempts.map(({ charge }) => charge).sort());
  const ofFirst = new Set(
    attempts.filter(({ campaign: of }) => of === 'camp_1').map(({ invoice }) => invoice),
  );
  const succeeded = charged.filter(
    ({ result, invoice }) => result === 'succeeded' && ofFirst.has(invoice),
  );
  expect(
    sums(campaign.groups.map(({ currency, by }) => ({ currency, minor: by?.us.grossMinor ?? 0 }))),
  ).toEqual(
    sums(succeeded.map(({ currency, amountMinor }) => ({ currency, minor: Number(amountMinor) }))),
  );
  expect(succeeded.length).toBeGreaterThan(0);
  third.process.kill('SIGTERM');
  expect(await third.end).toBe(143);
  expect(await clone.remains()).toEqual([]);
});
