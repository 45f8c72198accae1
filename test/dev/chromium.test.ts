import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inDev } from './in-dev';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'recoup-chromium-'));
  symlinkSync('/bin/sh', join(folder, 'sh'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const executable = (name: string, script: string) =>
  writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });

/** On a machine with nothing but this folder on its PATH, as this user: what is said, and what is there then. */
const ensureChromium = (userId: number) =>
  inDev(
    'chromium',
    `await (async () => {
      const { Children } = await import('./dev/children.mjs');
      delete process.env.RECOUP_CHROMIUM;
      process.env.PATH = ${JSON.stringify(folder)};
      process.getuid = () => ${userId};
      const children = new Children({ logFolder: ${JSON.stringify(join(folder, 'logs'))} });
      const said = [];
      const hear = (text) => said.push(text);
      const say = { note: (_, text) => hear(text), step: () => ({ done: hear, note: hear }) };
      await dev.ensureChromium(children, say);
      await children.stopAll({ atOnce: true });
      return { said, found: dev.findChromium() };
    })()`,
  ) as { said: string[]; found: string | null };

const INSTALLS = '[ "$1" = install ] && /bin/cp "$0" "$(/usr/bin/dirname "$0")/chromium"; true';

test('root on Debian gets the browser installed', () => {
  executable('apt-get', INSTALLS);
  expect(ensureChromium(0)).toEqual({ said: ['installed'], found: join(folder, 'chromium') });
});

test('where there is a browser nothing is installed and nothing is said', () => {
  executable('apt-get', 'exit 1');
  executable('google-chrome', 'exit 0');
  expect(ensureChromium(0)).toEqual({ said: [], found: join(folder, 'google-chrome') });
});

test.each([
  ['an installation that fails', 0, 'exit 100'],
  ['a user who may install nothing', 1000, INSTALLS],
])('with %s it is said that tests are skipped, and how to get a browser', (_, userId, script) => {
  executable('apt-get', script);
  const { said, found } = ensureChromium(userId);
  expect(found).toBeNull();
  expect(said).toEqual([
    expect.stringMatching(/skipped: install one of chromium, .* RECOUP_CHROMIUM$/),
  ]);
});
