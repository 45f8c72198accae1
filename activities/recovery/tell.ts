/** Whoever the account wants told is told: as the Standard Webhooks say, https://www.standardwebhooks.com. */
import { createHmac } from 'node:crypto';
import { cancellationSignal } from '@temporalio/activity';
import { readAccount, readSealedOutgoingSecret } from '../../db/repositories/accounts';
import { readCase, recordCase } from '../../db/repositories/cases';
import { noteDelivery, noteOutgoing, readOutgoing } from '../../db/repositories/outgoing';
import { RecoupError } from '../../domain/errors';
import { refuseAddress } from '../../domain/recovery/outgoing';
import type { CaseActivities } from '../contract';
import type { ActivityDeps } from '../deps';

const TIMEOUT_MS = 10_000;
/** By then whoever was to be told has been away for days. */
const MAX_DELIVERIES = 50;
const GONE = 410;

export const createNoteCustomerNeeded =
  ({ db }: ActivityDeps): CaseActivities['noteCustomerNeeded'] =>
  async ({ record, ...ref }) => {
    if (record) await recordCase(db, ref, record);
    const { outgoing_url: url } = await readAccount(db, ref.account);
    if (url === null) return { message: null };
    const row = await readCase(db, ref);
    const message = await noteOutgoing(db, {
      account: ref.account,
      type: 'recovery.customer_needed',
      dedupKey: `customer_needed/${ref.invoice}/${row.transitions}`,
      body: {
        case: `recovery/${ref.account}/${ref.invoice}`,
        invoice: ref.invoice,
        customer: row.customer_id,
        paymentPage: row.payment_page_url,
        amountMinor: String(row.amount_minor),
        currency: row.currency,
        reason: row.decline_reason,
        because: row.because,
      },
    });
    return { message };
  };

export const createDeliverWebhook =
  ({ db, secretBox, logger }: ActivityDeps): CaseActivities['deliverWebhook'] =>
  async ({ account, message }) => {
    const telling = await readOutgoing(db, { account, message });
    if (telling.state !== 'waiting') return;
    const { outgoing_url: url } = await readAccount(db, account);
    const sealed = await readSealedOutgoingSecret(db, account);
    const refusal = url === null || sealed === null ? 'Nobody is to be told.' : refuseAddress(url);
    if (url === null || sealed === null || refusal !== null) {
      await noteDelivery(db, { message, error: refusal, givenUp: true });
      return;
    }
    const body = JSON.stringify({
      type: telling.type,
      timestamp: telling.created_at.toISOString(),
      data: telling.body,
    });
    const secret = secretBox.open(sealed, account);
    const { error, isGone } = await post(
      url,
      body,
      sign({ message, body, secret, at: new Date() }),
    );
    const givenUp = error !== null && (isGone || telling.attempts + 1 >= MAX_DELIVERIES);
    await noteDelivery(db, { message, error, givenUp });
    if (error === null) return;
    logger.info({ account, message, error, givenUp }, 'message not taken');
    if (!givenUp)
      throw new RecoupError('provider_unavailable', `${message} was not taken: ${error}`);
  };

const SECRET_PREFIX = 'whsec_';

function sign(of: {
  readonly message: string;
  readonly body: string;
  readonly secret: string;
  readonly at: Date;
}): Record<string, string> {
  const { message, body, secret, at } = of;
  const timestamp = String(Math.floor(at.getTime() / 1000));
  const key = secret.startsWith(SECRET_PREFIX)
    ? Buffer.from(secret.slice(SECRET_PREFIX.length), 'base64')
    : Buffer.from(secret);
  const signature = createHmac('sha256', key)
    .update(`${message}.${timestamp}.${body}`)
    .digest('base64');
  return {
    'content-type': 'application/json',
    'webhook-id': message,
    'webhook-timestamp': timestamp,
    'webhook-signature': `v1,${signature}`,
  };
}

async function post(
  url: string,
  body: string,
  headers: Record<string, string>,
): Promise<{ readonly error: string | null; readonly isGone: boolean }> {
  try {
    const answer = await fetch(url, {
      method: 'POST',
      body,
      headers,
      // Another address may be one that messages are not sent to.
      redirect: 'manual',
      signal: AbortSignal.any([cancellationSignal(), AbortSignal.timeout(TIMEOUT_MS)]),
    });
    // What it says is of no use, and may be long.
    await answer.body?.cancel();
    const error = answer.ok ? null : `it was answered ${answer.status}`;
    return { error, isGone: answer.status === GONE };
  } catch (thrown) {
    const name = thrown instanceof Error ? thrown.name : 'error';
    return {
      error: name === 'TimeoutError' ? 'nobody answered in time' : 'nobody answers',
      isGone: false,
    };
  }
}
