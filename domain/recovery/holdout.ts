/**
 * The control group: customers whose failed invoices are watched and never charged, so that one can tell what recovery brings.
 * Drawn once for each customer of an account, whatever campaign asks.
 */

/** A share in basis points: 10,000 are all. */
export const WHOLE_BP = 10_000;

/** Enough of a digest that no basis point is drawn noticeably more often than another. */
const DRAWN_BYTES = 6;

/** Where the draw falls, in basis points from 0 to 9,999. The digest is the SHA-256 of the account's salt and the customer. */
export function holdoutPoint(digest: Uint8Array): number {
  if (digest.length < DRAWN_BYTES) throw new RangeError('A digest of SHA-256 has 32 bytes.');
  let point = 0;
  // Remainders step by step keep every number small.
  for (const byte of digest.subarray(0, DRAWN_BYTES)) point = (point * 256 + byte) % WHOLE_BP;
  return point;
}

/** Who is in the group with a smaller share is in it with a larger one, too. */
export const isDrawn = (digest: Uint8Array, holdoutBp: number): boolean =>
  holdoutPoint(digest) < holdoutBp;
