import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { RecoupError } from '../domain/errors';
import { codeOf } from './errors';

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Seals secrets for rest: AES-256-GCM, bound to the account, as nonce, tag and ciphertext. */
export interface SecretBox {
  seal(secret: string, accountId: string): Buffer;
  /** Errors: secret_unavailable, when the key is gone or is not the one that sealed it. */
  open(sealed: Buffer, accountId: string): string;
}

export interface SecretBoxOptions {
  /** The key as 64 hexadecimal digits; wins over the file. */
  readonly key: string | undefined;
  /** File with the key in the same form; made with mode 0600 when the first secret is sealed. */
  readonly keyFile: string;
}

export function createSecretBox({ key, keyFile }: SecretBoxOptions): SecretBox {
  const keyName = key === undefined ? `the key file ${keyFile}` : 'RECOUP_SECRET_KEY';
  return {
    seal(secret, accountId) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv('aes-256-gcm', parseKey(key ?? ensureKeyFile(keyFile)), nonce);
      cipher.setAAD(Buffer.from(accountId));
      const ciphertext = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()]);
      return Buffer.concat([nonce, cipher.getAuthTag(), ciphertext]);
    },
    open(sealed, accountId) {
      try {
        const nonce = sealed.subarray(0, NONCE_BYTES);
        const tag = sealed.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES);
        const decipher = createDecipheriv(
          'aes-256-gcm',
          parseKey(key ?? readFileSync(keyFile, 'utf8')),
          nonce,
          { authTagLength: TAG_BYTES },
        );
        decipher.setAAD(Buffer.from(accountId));
        decipher.setAuthTag(tag);
        const ciphertext = sealed.subarray(NONCE_BYTES + TAG_BYTES);
        return Buffer.concat([decipher.update(ciphertext), decipher.final()]).toString('utf8');
      } catch (cause) {
        throw new RecoupError(
          'secret_unavailable',
          `The secret of ${accountId} cannot be opened with ${keyName}: it was sealed with another key, or the key is gone.`,
          { cause },
        );
      }
    },
  };
}

function parseKey(text: string): Buffer {
  const key = Buffer.from(text.trim(), 'hex');
  if (key.length !== KEY_BYTES) throw new Error(`expected ${KEY_BYTES * 2} hexadecimal digits`);
  return key;
}

/** The key in the file. Of two processes that start at once, one makes the file and both read it. */
function ensureKeyFile(file: string): string {
  mkdirSync(dirname(file), { recursive: true });
  try {
    writeFileSync(file, `${randomBytes(KEY_BYTES).toString('hex')}\n`, { flag: 'wx', mode: 0o600 });
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  }
  return readFileSync(file, 'utf8');
}
