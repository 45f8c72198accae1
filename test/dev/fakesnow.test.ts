import { existsSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inDev } from './in-dev';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'recoup-fakesnow-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** On a machine with nothing but this folder on its PATH: what is said, or what it fails with. */
const ensureFakesnow = () =>
  inDev(
    'fakesnow',
    `await (async () => {
      const { Children } = await import('./dev/children.mjs');
      process.env.PATH = ${JSON.stringify(folder)};
      const children = new Children({ logFolder: ${JSON.stringify(join(folder, 'logs'))} });
      const said = [];
      const say = { step: () => ({ done: (how) => said.push(how), failed: () => {} }) };
      const failed = await dev.ensureFakesnow(children, say).catch((error) => error.message);
      await children.stopAll({ atOnce: true });
      return failed ?? said;
    })()`,
    { XDG_CACHE_HOME: folder },
  );

const python = (script: string) => {
  symlinkSync('/bin/sh', join(folder, 'sh'));
  writeFileSync(join(folder, 'python3'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
};
/** `python3 -m venv FOLDER`, with a pip that does as it is told. */
const venv = (pip: string) =>
  `/bin/mkdir -p "$3/bin"; printf '#!/bin/sh\\n${pip}\\n' > "$3/bin/python"; /bin/chmod +x "$3/bin/python"`;
const environments = () =>
  existsSync(join(folder, 'recoup')) ? readdirSync(join(folder, 'recoup')) : [];

test('without Python it is said in one sentence what to install', () => {
  expect(ensureFakesnow()).toMatch(
    /^The tests of the Snowflake warehouse need Python 3\.10 or newer: install python3/,
  );
});

test('what cannot be installed says why, and is not taken for whole', () => {
  python(venv('echo no such package; exit 1'));
  expect(ensureFakesnow()).toMatch(/`pip` failed\. It needs [\s\S]*no such package$/);
  expect(environments()).toEqual([]);
});

test('it is installed once, under a name that tells its versions', () => {
  python(venv('exit 0'));
  expect(ensureFakesnow()).toEqual(['installed']);
  expect(environments()).toEqual([expect.stringMatching(/^fakesnow-[0-9a-f]{12}$/)]);
  expect(ensureFakesnow()).toEqual([]);
});
