/** Sends one message once more to whoever the account wants told. Tried for days, as the first telling was. */
import type { DeliverMessageInput } from './contract';
import { checkDeliverInput } from './input';
import { step } from './options';

/** Errors: ApplicationFailure `invalid_input`; ActivityFailure when nobody takes it for days. */
export async function deliverMessage(given: DeliverMessageInput): Promise<void> {
  const input = checkDeliverInput(given);
  await step('deliverWebhook', input, `deliver ${input.message}`);
}
