/** The two steps that look at a case without paying: what comes next is planned, and checked again right before it is done. */
import { listAttempts, listChargesOf } from '../../db/repositories/attempts';
import { countProviderRetries, notePaymentPage, readPlan } from '../../db/repositories/cases';
import { readInvoiceHistory, readPayer } from '../../db/repositories/charges';
import { readCampaign } from '../../db/repositories/campaigns';
import { commitSeen } from '../../db/repositories/pages';
import { countEach, type Attempt } from '../../domain/recovery/attempt';
import type { CaseEvent } from '../../domain/recovery/decide';
import {
  checkCase,
  planCase,
  standingInLedger,
  standingOfAccount,
  type Observed,
} from '../../domain/recovery/look';
import type { InvoiceSighting } from '../../domain/recovery/payment';
import { standingOf } from '../../domain/recovery/sighting';
import type { CaseState } from '../../domain/recovery/states';
import type { CaseActivities, Sighting } from '../contract';
import type { ActivityDeps } from '../deps';
import { preparePageObject } from '../page';
import { PAYER_UNKNOWN, whoPaid } from './attempt';
import { endOf, onCase, type CaseTools } from './case';

/** As far back as ceilings of cards count. */
const CHARGES_SINCE_MS = 30 * 86_400_000;

/** Whoever is about to try, or has waited for the provider's try, must know what others have done meanwhile. */
const READS_CHARGES: readonly CaseState[] = ['precheck', 'monitoring'];

export const createPlanCase =
  (deps: ActivityDeps): CaseActivities['planCase'] =>
  (input) =>
    onCase(deps, input, (tools) =>
      look(deps, tools, (observed) => Promise.resolve(planCase(observed))),
    );

export const createCheckCase =
  (deps: ActivityDeps): CaseActivities['checkCase'] =>
  (input) =>
    onCase(deps, input, async (tools) => {
      const { ref, row } = tools;
      return look(deps, tools, async (observed) => {
        const plan = await readPlan(deps.db, ref);
        return checkCase(row.state, plan?.plannedFor ?? null, observed);
      });
    });

/** The ledger first, then the account, then the invoice; only one that could be paid is judged any further. */
async function look(
  deps: ActivityDeps,
  tools: CaseTools,
  judge: (observed: Observed) => Promise<CaseEvent>,
): Promise<Sighting> {
  const { db } = deps;
  const { ref, row, account, payments, signal, sighting: saw } = tools;
  const attempts = await listAttempts(db, ref);
  const known = standingInLedger(attempts) ?? endOf(tools) ?? standingOfAccount(account, row);
  if (known) return saw(known);
  const sighting = await payments.readInvoice({ invoiceId: ref.invoice, signal });
  const standing = standingOf(sighting);
  if (standing === 'paid') {
    const paid = await whoPaid(tools, sighting);
    const later = { type: 'step_failed', retryAfterMs: null, because: PAYER_UNKNOWN } as const;
    return saw(paid ?? later, sighting?.readAt);
  }
  if (sighting === null || standing !== 'payable') {
    return saw(standing as CaseEvent, sighting?.readAt);
  }
  await notePaymentPage(db, ref, sighting.paymentPageUrl);
  if (READS_CHARGES.includes(row.state)) await refreshCharges(deps, tools, sighting);
  return saw(await judge(await observe(deps, tools, { sighting, attempts })), sighting.readAt);
}

/** Stores what the customer's cards were charged lately, by whomever, the way a sync does. */
async function refreshCharges(
  { db, logger }: ActivityDeps,
  { payments, provider, ref, signal }: CaseTools,
  { customerId, readAt: now }: InvoiceSighting,
): Promise<void> {
  if (customerId === null) return;
  const since = new Date(now.getTime() - CHARGES_SINCE_MS);
  const { objects, readAt } = await payments.readCharges({ customerId, since, signal });
  await commitSeen(db, {
    accountId: ref.account,
    objects: objects.map((object) => preparePageObject(provider, { object, readAt }, logger)),
  });
}

async function observe(
  { db }: ActivityDeps,
  { ref, row, account, readDecline, policy }: CaseTools,
  {
    sighting,
    attempts,
  }: { readonly sighting: InvoiceSighting; readonly attempts: readonly Attempt[] },
): Promise<Observed> {
  const { credential, customerId } = sighting;
  const { terms } = await readCampaign(db, row.campaign_id);
  const history = await readInvoiceHistory(db, { ...ref, credential, readDecline });
  const charges = credential
    ? await listChargesOf(db, { account: ref.account, credential, readDecline })
    : [];
  const payer =
    customerId === null ? null : await readPayer(db, { account: ref.account, customerId });
  return {
    sighting,
    attempts,
    charges,
    ofInvoice: countEach(
      history.withCredential,
      attempts.filter(({ credentialKey }) => credentialKey === credential?.key),
    ),
    firstFailedAtMs: history.firstFailedAt?.getTime() ?? null,
    limits: {
      maxAttempts: row.tries_before + terms.maxAttempts,
      windowEndsAtMs: row.window_ends_at.getTime(),
    },
    customer: {
      country: payer?.country ?? credential?.country ?? null,
      timeZone: null,
      paidAtMs: payer?.paidAt.map((at) => at.getTime()) ?? [],
    },
    providerRetries: {
      wait: account.provider_retries === 'wait',
      idle: await countProviderRetries(db, ref, history.newestAt),
      maxIdle: policy.maxIdleProviderRetries,
    },
    lookAgainMs: policy.lookAgainMs,
    seed: `${ref.account}/${ref.invoice}`,
  };
}
