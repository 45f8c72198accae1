import type { IncomingMessage } from 'node:http';

/** The whole body as it came, or null as soon as it is longer than the limit: the rest is not read. */
export async function readBody(
  request: IncomingMessage,
  { limitBytes }: { readonly limitBytes: number },
): Promise<Buffer | null> {
  if (Number(request.headers['content-length']) > limitBytes) return null;
  const chunks: Buffer[] = [];
  let bytes = 0;
  // The connection is needed for the answer, also to a body that is too long.
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    const part = chunk as Buffer;
    bytes += part.length;
    if (bytes > limitBytes) return null;
    chunks.push(part);
  }
  return Buffer.concat(chunks);
}
