import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSecretBox } from '../../db/secret-box';
import { ERRORS } from '../../domain/errors';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'recoup-secret-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const keyFile = () => join(folder, 'deeper', 'secret.key');
const KEY = 'a'.repeat(64);

describe('a secret box', () => {
  it('opens what it sealed, and shows nothing of it sealed', () => {
    const box = createSecretBox({ key: undefined, keyFile: keyFile() });
    const sealed = box.seal('sk_live_plain', 'acct_1');
    expect(sealed.toString('latin1')).not.toContain('sk_live');
    expect(box.open(sealed, 'acct_1')).toBe('sk_live_plain');
  });

  it('makes its key file on first use, for its owner alone, and keeps it', () => {
    const first = createSecretBox({ key: undefined, keyFile: keyFile() });
    const sealed = first.seal('sk', 'acct_1');
    expect(statSync(keyFile()).mode & 0o777).toBe(0o600);
    const made = readFileSync(keyFile(), 'utf8');
    const second = createSecretBox({ key: undefined, keyFile: keyFile() });
    expect(second.open(sealed, 'acct_1')).toBe('sk');
    second.seal('another', 'acct_2');
    expect(readFileSync(keyFile(), 'utf8')).toBe(made);
  });

  it('prefers the given key and then makes no file', () => {
    const box = createSecretBox({ key: KEY, keyFile: keyFile() });
    expect(box.open(box.seal('sk', 'acct_1'), 'acct_1')).toBe('sk');
    expect(() => statSync(keyFile())).toThrow('ENOENT');
  });

  it('names the key file when the key is another one', () => {
    const sealed = createSecretBox({ key: KEY, keyFile: keyFile() }).seal('sk', 'acct_1');
    const other = createSecretBox({ key: undefined, keyFile: keyFile() });
    other.seal('makes its own key', 'acct_2');
    expect(() => other.open(sealed, 'acct_1')).toThrow(
      expect.objectContaining({
        code: 'secret_unavailable',
        message: expect.stringContaining(keyFile()) as string,
      }) as Error,
    );
    expect(ERRORS.secret_unavailable.scope).toBe('account');
  });

  it('does not make a key only to fail with it when the file is gone', () => {
    const sealed = createSecretBox({ key: KEY, keyFile: keyFile() }).seal('sk', 'acct_1');
    const box = createSecretBox({ key: undefined, keyFile: keyFile() });
    expect(() => box.open(sealed, 'acct_1')).toThrow(keyFile());
    expect(() => statSync(keyFile())).toThrow('ENOENT');
  });

  it('refuses a secret that was sealed for another account, and a changed one', () => {
    const box = createSecretBox({ key: KEY, keyFile: keyFile() });
    const sealed = box.seal('sk', 'acct_1');
    expect(() => box.open(sealed, 'acct_2')).toThrow('RECOUP_SECRET_KEY');
    sealed.writeUInt8(sealed.readUInt8(sealed.length - 1) ^ 1, sealed.length - 1);
    expect(() => box.open(sealed, 'acct_1')).toThrow('cannot be opened');
  });
});
