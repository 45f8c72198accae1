/** One attempt to move money with a credential, whoever made it: what the networks count. */
import type { Decline } from './decline';

export interface Charge {
  /** The provider's id; `intent/<key>` for an attempt of ours of which no charge is known yet. */
  readonly id: string;
  /** Epoch milliseconds, by the provider's clock. */
  readonly atMs: number;
  /** Lower case, for example `visa`; null where the provider does not tell. */
  readonly network: string | null;
  /** Where the card was issued: ISO 3166 alpha-2. */
  readonly country: string | null;
  readonly amountMinor: bigint;
  readonly currency: string;
  /** `open`: it may have happened, and counts as if it had. */
  readonly status: 'succeeded' | 'failed' | 'pending' | 'open';
  /** Null unless `failed`. */
  readonly decline: Decline | null;
}
