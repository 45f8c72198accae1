/** The private key of key-pair authentication, in the one form that the driver takes, and the public one that Snowflake knows. */
import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { RecoupError } from '../../domain/errors';
import type { SnowflakeAuth } from '../settings';

type KeyAuth = Extract<SnowflakeAuth, { kind: 'key' }>;

/** Errors: warehouse_refused when there is no such key, or another passphrase. */
export function readKey({ from, passphrase }: KeyAuth): KeyObject {
  const where = 'file' in from ? from.file : 'RECOUP_SNOWFLAKE_PRIVATE_KEY';
  try {
    // A variable that holds a file's text often has its line ends written out.
    const pem = 'file' in from ? readFileSync(from.file, 'utf8') : from.pem.replaceAll('\\n', '\n');
    return createPrivateKey({
      key: pem,
      format: 'pem',
      ...(passphrase !== null && { passphrase }),
    });
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? '';
    const why = /ENOENT|EACCES|EISDIR/.test(code)
      ? `cannot be read (${code})`
      : 'is no PEM of a private key, or its passphrase is missing or another (RECOUP_SNOWFLAKE_PRIVATE_KEY_PASSPHRASE)';
    throw new RecoupError('warehouse_refused', `The private key ${where} ${why}.`, { cause });
  }
}

export const pemOf = (key: KeyObject): string =>
  key.export({ type: 'pkcs8', format: 'pem' }).toString();

/** As `RSA_PUBLIC_KEY` takes it: base64 without the lines around it. */
export const publicKeyOf = (key: KeyObject): string =>
  createPublicKey(key).export({ type: 'spki', format: 'der' }).toString('base64');
