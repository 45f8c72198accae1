/** Where messages may be sent to. */

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]']);

/** Why nothing is sent there, as a sentence; null when it is. Signed, yet not secret: only TLS keeps it from others. */
export function refuseAddress(address: string): string | null {
  let url: URL;
  try {
    url = new URL(address);
  } catch {
    return 'The address for messages is no URL.';
  }
  if (url.username !== '' || url.password !== '')
    return 'The address for messages names a password.';
  if (url.protocol === 'https:' || (url.protocol === 'http:' && LOOPBACK.has(url.hostname)))
    return null;
  return 'Messages are only sent to https addresses, or to this machine.';
}
