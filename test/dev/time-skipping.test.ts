import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inDev } from './in-dev';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'recoup-time-skipping-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** On a machine without a network, and with nothing but this folder on its PATH: what is said, or what it fails with. */
const ensureTimeSkipping = () =>
  inDev(
    'time-skipping',
    `await (async () => {
      const { Children } = await import('./dev/children.mjs');
      process.env.PATH = ${JSON.stringify(folder)};
      globalThis.fetch = () => Promise.reject(new Error('offline'));
      const children = new Children({ logFolder: ${JSON.stringify(join(folder, 'logs'))} });
      const said = [];
      const tell = (how) => said.push(how);
      const say = { step: () => ({ done: tell, note: tell, failed: () => {} }) };
      const answer = await dev.ensureTimeSkipping(children, say).catch((error) => error.message);
      await children.stopAll({ atOnce: true });
      return { said, answer };
    })()`,
    { XDG_CACHE_HOME: folder },
  );

const command = (name: string, script: string) =>
  writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
const cached = () =>
  existsSync(join(folder, 'recoup')) ? readdirSync(join(folder, 'recoup')) : [];

test('with neither a download nor Maven it is said in one sentence what to install', () => {
  expect(ensureTimeSkipping()).toMatchObject({
    answer: expect.stringMatching(
      /^The tests of recovery under skipped time need .* install Maven and Java 11 or newer/,
    ) as string,
  });
});

test('what Maven cannot fetch says why, and is not taken for whole', () => {
  command('java', '');
  command('mvn', 'echo no such version; exit 1');
  expect(ensureTimeSkipping()).toMatchObject({
    answer: expect.stringMatching(/^Maven cannot fetch it\. [\s\S]*no such version$/) as string,
  });
  expect(cached()).toEqual([]);
});

test('it is fetched once, under a name that tells its version, and run by Java', () => {
  command('java', 'echo "$@"');
  command('mvn', 'exit 0');
  const executable = expect.stringMatching(
    /\/recoup\/time-skipping-[\d.]+\/temporal-test-server$/,
  ) as string;
  expect(ensureTimeSkipping()).toEqual({
    said: ['the download is not to be had (offline)', 'fetched'],
    answer: executable,
  });
  expect(ensureTimeSkipping()).toEqual({ said: [], answer: executable });
  const [name = ''] = cached();
  expect(readFileSync(join(folder, 'recoup', name, 'temporal-test-server'), 'utf8')).toMatch(
    /^#!\/bin\/sh\nexec java /,
  );
});
