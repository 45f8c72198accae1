/** Cases on a simulated Stripe over HTTP, with the ledger in a real Postgres, each step run as Temporal would run it. */
import type { Kysely } from 'kysely';
import type { AttemptTools } from '../../../activities/recovery/attempt';
import type { AttemptSighting, CaseRecord, Sighting } from '../../../activities/contract';
import { createAttemptLedger, listAttempts } from '../../../db/repositories/attempts';
import type { Database } from '../../../db/schema';
import type { Attempt, CaseRef } from '../../../domain/recovery/attempt';
import { RECOVERY_POLICY } from '../../../domain/recovery/policy';
import type { CaseState } from '../../../domain/recovery/states';
import type { CampaignTerms } from '../../../domain/recovery/terms';
import type { Payments } from '../../../providers/provider';
import { stripe } from '../../../providers/stripe/stripe';
import { judge } from '../../../simulator/oracle/charges';
import { DEFAULT_API_KEY, startSimulator, type Simulator } from '../../../simulator/server';
import type { Charge, Invoice } from '../../../simulator/world/model';
import { connectHarness, type Harness } from '../../activities/harness';
import { openTestDatabase } from '../../support/database';
import { daysFrom, newCampaign } from '../../support/recovery';

export const AS_OF = new Date('2026-10-01T00:00:00Z');

export interface Shop {
  readonly db: Kysely<Database>;
  readonly url: string;
  readonly simulator: Simulator;
  readonly harness: Harness;
  /** A case about to charge, of an unpaid invoice whose attempts from now on come through, or are declined for want of money. */
  open(options?: {
    readonly wish?: 'paid' | 'declined';
    /** By direct debit, whose outcome comes days later, instead of a Visa card. */
    readonly byDebit?: boolean;
    readonly state?: CaseState;
    readonly terms?: Partial<CampaignTerms>;
  }): Promise<Case>;
  payments(): Payments;
  /** The protocol itself, for what no step lets be replaced. */
  tools(over?: Partial<AttemptTools>): AttemptTools;
  close(): Promise<void>;
}

export interface Case extends CaseRef {
  readonly campaign: string;
  readonly bill: Invoice;
  charge(after: number): Promise<AttemptSighting>;
  lookUp(number: number): Promise<Sighting>;
  check(record?: CaseRecord): Promise<Sighting>;
  plan(): Promise<Sighting>;
  attempts(): Promise<Attempt[]>;
  /** How many payment requests the service was sent. */
  sent(): number;
  charges(): Charge[];
  /** Lets as much time go by as proves that what is not there never was. */
  proveAbsent(): Promise<void>;
  row(): Promise<{ state: string; attempts: number; attention: boolean }>;
  set(change: {
    readonly state?: CaseState;
    readonly desired?: 'run' | 'pause' | 'cancel';
  }): Promise<void>;
  setCampaign(desired: 'run' | 'pause' | 'stop'): Promise<void>;
}

export async function openShop(options: { readonly debitShare?: number } = {}): Promise<Shop> {
  const { db, url, close } = await openTestDatabase();
  const simulator = await startSimulator({
    seed: 11,
    customers: 1_200,
    months: 6,
    asOf: AS_OF,
    now: AS_OF,
    retries: 'off',
    ...options,
  });
  simulator.clock.set(AS_OF, { stopped: true });
  const account = simulator.accountId;
  const harness = await connectHarness(db, {
    account,
    provider: stripe,
    lanes: 1,
    secret: DEFAULT_API_KEY,
    apiBase: simulator.url,
  });
  const connection = { externalId: account, secret: DEFAULT_API_KEY, apiBase: simulator.url };
  const payments = (): Payments => {
    const client = stripe.connect(connection);
    if (client.payments === undefined) throw new Error('Stripe has payments.');
    return client.payments;
  };
  /** Each test takes customers of its own. */
  const taken = new Set<string>();

  return {
    db,
    url,
    simulator,
    harness,
    payments,
    tools: (over = {}) => ({
      ledger: createAttemptLedger({ db, readDecline: stripe.readDecline }),
      payments: payments(),
      readDecline: stripe.readDecline,
      clock: { now: () => new Date() },
      policy: RECOVERY_POLICY,
      keySpace: 'recoup/live',
      signal: new AbortController().signal,
      ...over,
    }),
    open: async ({ wish = 'paid', byDebit = false, state = 'charging', terms = {} } = {}) => {
      const bill = takeInvoice(simulator, { wish, byDebit, taken });
      const campaign = await newCampaign(db, account, terms);
      await insertCase(db, { account, campaign, bill, state, now: simulator.clock.now() });
      return caseOf({ db, simulator, harness, campaign, bill });
    },
    close: async () => {
      await simulator.close();
      await close();
    },
  };
}

function takeInvoice(
  { world }: Simulator,
  of: {
    readonly wish: 'paid' | 'declined';
    readonly byDebit: boolean;
    readonly taken: Set<string>;
  },
): Invoice {
  const { wish, byDebit, taken } = of;
  for (const bill of world.invoices.all) {
    const { customer, status, collectionMethod, paymentIntent } = bill;
    if (status !== 'open' || collectionMethod !== 'charge_automatically') continue;
    if (paymentIntent === null || taken.has(customer) || world.deleted.has(customer)) continue;
    const { defaultPaymentMethod } = world.customers.get(customer);
    const method = defaultPaymentMethod && world.paymentMethods.get(defaultPaymentMethod);
    if (!method || (byDebit ? 'brand' in method : !('brand' in method) || method.brand !== 'visa'))
      continue;
    taken.add(customer);
    method.issuer.troubleRate = 0;
    method.issuer.diesAt = wish === 'paid' ? null : 0;
    if (!byDebit) method.issuer.deadDecline = 'insufficient_funds';
    return bill;
  }
  throw new Error('No unpaid invoice is left.');
}

const insertCase = (
  db: Kysely<Database>,
  of: {
    readonly account: string;
    readonly campaign: string;
    readonly bill: Invoice;
    readonly state: CaseState;
    /** By the service's clock, which earlier tests have moved. */
    readonly now: Date;
  },
) =>
  db
    .insertInto('recovery_case')
    .values({
      account_id: of.account,
      invoice_id: of.bill.id,
      campaign_id: of.campaign,
      customer_id: of.bill.customer,
      currency: 'usd',
      exponent: 2,
      amount_minor: BigInt(of.bill.amountRemainingMinor),
      state: of.state,
      because: 'It is a test.',
      window_ends_at: daysFrom(28, of.now),
      opened_at: of.now,
    })
    .execute();

function caseOf(of: {
  readonly db: Kysely<Database>;
  readonly simulator: Simulator;
  readonly harness: Harness;
  readonly campaign: string;
  readonly bill: Invoice;
}): Case {
  const { db, simulator, harness, campaign, bill } = of;
  const { steps, act } = harness;
  const ref = { account: simulator.accountId, invoice: bill.id };
  const input = { ...ref, record: null };
  const inCase = { account_id: ref.account, invoice_id: ref.invoice };
  const path = `/v1/invoices/${bill.id}/pay`;
  return {
    ...ref,
    campaign,
    bill,
    charge: (after) => act(() => steps.chargeCase({ ...input, after })),
    lookUp: (number) => act(() => steps.lookUpAttempt({ ...input, number })),
    check: (record) => act(() => steps.checkCase({ ...input, ...(record && { record }) })),
    plan: () => act(() => steps.planCase(input)),
    attempts: () => listAttempts(db, ref),
    sent: () =>
      simulator.requests
        .last(10_000)
        .filter((request) => request.method === 'POST' && request.path === path).length,
    charges: () => simulator.world.charges.all.filter((charge) => charge.invoice === bill.id),
    proveAbsent: async () => {
      await db
        .updateTable('recovery_attempt')
        .set({ send_before: new Date(0), absent_after: new Date(0) })
        .where((attempt) => attempt.and(inCase))
        .execute();
    },
    row: () =>
      db
        .selectFrom('recovery_case')
        .select(['state', 'attempts', 'attention'])
        .where((row) => row.and(inCase))
        .executeTakeFirstOrThrow(),
    set: async (change) => {
      await db
        .updateTable('recovery_case')
        .set(change)
        .where((row) => row.and(inCase))
        .execute();
    },
    setCampaign: async (desired) => {
      await db.updateTable('campaign').set({ desired }).where('id', '=', campaign).execute();
    },
  };
}

/** By the service's own books: nobody has paid one invoice twice. */
export const doubleCharges = ({ world }: Simulator): unknown[] => judge(world).doubleCharges;
