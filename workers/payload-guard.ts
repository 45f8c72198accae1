/** Histories carry ids and counts: a payload of this size is a mistake, and is stopped before it stands in a history. */
import type { PayloadCodec } from '@temporalio/common';

export const PAYLOAD_MAX_BYTES = 100 * 1024;

export const payloadGuard: PayloadCodec = {
  encode: (payloads) => {
    const largest = Math.max(0, ...payloads.map(({ data }) => data?.byteLength ?? 0));
    return largest > PAYLOAD_MAX_BYTES
      ? Promise.reject(
          new RangeError(
            `A payload of ${String(largest)} bytes exceeds ${String(PAYLOAD_MAX_BYTES)}: pass ids and counts, keep data in Postgres.`,
          ),
        )
      : Promise.resolve(payloads);
  },
  decode: (payloads) => Promise.resolve(payloads),
};
