/** The controls of a simulated provider, as far as the demo needs them. */
import { failed } from './errors';

export class Simulator {
  constructor(readonly url: string) {}

  async now(): Promise<Date> {
    const { now } = (await this.control('clock')) as { now: string };
    return new Date(now);
  }

  /** It runs on from there. */
  async moveClock(to: Date): Promise<void> {
    await this.control('clock', { now: to.toISOString() });
  }

  /** From now on it tries no failed payment again by itself. */
  async stopRetries(): Promise<void> {
    await this.control('retries', { mode: 'off' });
  }

  async sendWebhooks(endpoint: { readonly url: string; readonly secret: string }): Promise<void> {
    await this.control('webhooks', endpoint);
  }

  /** Errors: exit code 1 when it refuses. */
  private async control(what: string, body?: object): Promise<unknown> {
    const request = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) };
    const response = await fetch(`${this.url}/_simulator/${what}`, request);
    const answer: unknown = await response.json();
    if (response.ok) return answer;
    throw failed(`The simulator refused ${what}: ${JSON.stringify(answer)}`, 'See its log.');
  }
}
