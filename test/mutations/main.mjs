/**
 * `npm run test:mutations [-- text]`: takes the guards of guards.mjs out, one at a time and in a copy, and expects the test that
 * tells the guard's story to fail. A text runs only those whose story, file or test holds it.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { DATA_FOLDER, ROOT } from '../../dev/paths.mjs';
import { startTestServers } from '../../dev/test-servers.mjs';
import { GUARDS } from './guards.mjs';

const LIMIT_MS = 5 * 60_000;
mkdirSync(DATA_FOLDER, { recursive: true, mode: 0o700 });
/** Within the clone, so that its packages are found. */
const COPY = mkdtempSync(join(DATA_FOLDER, 'mutations-'));
const RESULT = join(COPY, 'result.json');
const JEST = join(ROOT, 'node_modules', 'jest', 'bin', 'jest.js');

const say = (text) => process.stdout.write(`${text}\n`);

function copySources() {
  const files = execFileSync('git', ['ls-files', '-z', '-co', '--exclude-standard'], { cwd: ROOT });
  for (const file of String(files).split('\0').filter(Boolean)) {
    if (!existsSync(join(ROOT, file))) continue;
    mkdirSync(dirname(join(COPY, file)), { recursive: true });
    copyFileSync(join(ROOT, file), join(COPY, file));
  }
}

/** What became of each test, by the end of its file's path; null when jest itself did not get that far. */
function runTests(guards) {
  rmSync(RESULT, { force: true });
  const names = guards.map(({ name }) => name.replace(/[^\w\s]/g, '\\$&')).join('|');
  const files = [...new Set(guards.map(({ test }) => test))];
  const args = [JEST, '--json', '--outputFile', RESULT, '--testNamePattern', names, ...files];
  spawnSync(process.execPath, args, { cwd: COPY, stdio: 'ignore', timeout: LIMIT_MS });
  if (!existsSync(RESULT)) return null;
  const { testResults } = JSON.parse(readFileSync(RESULT, 'utf8'));
  return testResults.map(({ name, message, assertionResults }) => ({
    file: name,
    message,
    told: assertionResults.filter(({ status }) => status === 'passed' || status === 'failed'),
  }));
}

/** Null when a test of this name is there and has passed. */
function whyNotGreen({ test, name }, results) {
  const told = (results ?? [])
    .filter(({ file }) => file.endsWith(test))
    .flatMap((result) => result.told)
    .filter(({ fullName }) => fullName.includes(name));
  if (told.length === 0) return `no test of ${test} is called "${name}"`;
  return told.every(({ status }) => status === 'passed')
    ? null
    : 'it fails with its guard in place';
}

/** Null when the test fails once the guard is out, as it must. */
function whyNotRed(guard) {
  const path = join(COPY, guard.file);
  const whole = readFileSync(path, 'utf8');
  const parts = whole.split(guard.find);
  if (parts.length !== 2) return `the file holds the guard ${parts.length - 1} times`;
  writeFileSync(path, parts.join(guard.replace));
  try {
    const results = runTests([guard]);
    const told = (results ?? []).flatMap((result) => result.told);
    if (told.length === 0)
      return `nothing was tested: ${results?.[0]?.message ?? 'jest has ended'}`;
    return told.some(({ status }) => status === 'failed') ? null : 'the test stays green';
  } finally {
    writeFileSync(path, whole);
  }
}

const text = process.argv[2] ?? '';
const guards = GUARDS.filter(({ story, file, test, name }) =>
  [story, file, test, name].some((each) => each.includes(text)),
);
const given = process.env.RECOUP_TEST_DATABASE_URL && process.env.RECOUP_TEST_TEMPORAL_ADDRESS;
const servers = given ? null : await startTestServers();
if (servers !== null) {
  process.env.RECOUP_TEST_DATABASE_URL = servers.databaseUrl;
  process.env.RECOUP_TEST_TEMPORAL_ADDRESS = servers.temporalAddress;
}
let red = 0;
try {
  copySources();
  const untouched = runTests(guards);
  for (const guard of guards) {
    const why = whyNotGreen(guard, untouched) ?? whyNotRed(guard);
    if (why === null) red += 1;
    say(`${why === null ? 'red  ' : 'GREEN'}  ${guard.story}\n       ${guard.file}, ${guard.test}`);
    if (why !== null) say(`       ${why}`);
  }
} finally {
  rmSync(COPY, { recursive: true, force: true });
  await servers?.stop();
}
say(`Of ${guards.length} guards ${red} are missed when they are gone.`);
process.exitCode = red === guards.length && red > 0 ? 0 : 1;
