import { PAYLOAD_MAX_BYTES, payloadGuard } from '../../workers/payload-guard';

const payload = (bytes: number) => ({ data: new Uint8Array(bytes) });

test('lets what belongs into a history pass unchanged', async () => {
  const payloads = [payload(PAYLOAD_MAX_BYTES), {}];
  expect(await payloadGuard.encode(payloads)).toBe(payloads);
  expect(await payloadGuard.decode(payloads)).toBe(payloads);
});

test('stops a payload that is too large, and says how large it is', async () => {
  const payloads = [payload(1), payload(PAYLOAD_MAX_BYTES + 1)];
  await expect(payloadGuard.encode(payloads)).rejects.toThrow(`${PAYLOAD_MAX_BYTES + 1} bytes`);
});

test('still reads an older, larger one', async () => {
  const payloads = [payload(PAYLOAD_MAX_BYTES + 1)];
  expect(await payloadGuard.decode(payloads)).toBe(payloads);
});
