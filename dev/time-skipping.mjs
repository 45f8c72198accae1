/**
 * Temporal's test server, in which time passes as soon as nothing is at work: a part of the Java SDK, and not of the CLI. Downloaded as
 * a binary, or fetched from Maven Central to be run by Java; cached.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { StackError } from './children.mjs';
import { installDebian, mayInstall } from './debian.mjs';
import { download } from './download.mjs';
import { CACHE, ROOT } from './paths.mjs';
import { onPath } from './temporal.mjs';

const VERSION = '1.38.0';
const POM = join(ROOT, 'dev', 'time-skipping.pom.xml');
const FOLDER = join(CACHE, `time-skipping-${VERSION}`);
const NAME = 'temporal-test-server';
/** Java is replaced by nothing else: whoever stops the process stops the server. */
const RUN_JAVA = `#!/bin/sh
exec java -cp "$(dirname "$0")/lib/*" io.temporal.testserver.TestServer "$@"
`;
const ADVICE =
  'The tests of recovery under skipped time need Temporal’s test server: let this machine reach github.com, or install Maven and Java 11 or newer (Debian: apt-get install maven), and run this again.';

/** Where the executable is, once it is there. */
export const timeSkippingPath = () => join(FOLDER, NAME);

const hasMaven = () => Boolean(onPath('mvn') && onPath('java'));

/**
 * The executable; it takes its port as its argument. Errors: StackError, with what to install.
 * @param {import('./children.mjs').Children} children @param {import('./say.mjs').Say} say
 * @returns {Promise<string>}
 */
export async function ensureTimeSkipping(children, say) {
  const executable = timeSkippingPath();
  if (existsSync(executable)) return executable;
  // Made aside and renamed, so that a cut-short one is never taken for whole.
  const aside = join(CACHE, `.making-time-skipping-${process.pid}`);
  mkdirSync(aside, { recursive: true });
  try {
    if (!(await downloadServer(children, say, aside))) await fetchJars(children, say, aside);
    if (!existsSync(FOLDER)) renameSync(aside, FOLDER);
    return executable;
  } finally {
    rmSync(aside, { recursive: true, force: true });
  }
}

async function downloadServer(children, say, folder) {
  const platform = { linux: 'linux', darwin: 'macOS' }[process.platform];
  const arch = { x64: 'amd64', arm64: 'arm64' }[process.arch];
  const release = `${NAME}_${VERSION}_${platform}_${arch}`;
  const url = `https://github.com/temporalio/sdk-java/releases/download/v${VERSION}/${release}.tar.gz`;
  const step = say.step('Time', 'downloading the server that skips it');
  return download(children, { url, folder, unpack: ['--strip-components=1'], step });
}

async function fetchJars(children, say, folder) {
  const step = say.step('Time', 'fetching the server that skips it from Maven Central, this once');
  if (!hasMaven() && mayInstall()) await installDebian(children, ['maven']);
  if (!hasMaven()) {
    step.failed();
    throw new StackError(ADVICE);
  }
  const child = children.spawn({
    name: 'maven',
    command: onPath('mvn'),
    args: [
      '--batch-mode',
      '--no-transfer-progress',
      `--file=${POM}`,
      'dependency:copy-dependencies',
      '-DincludeScope=runtime',
      `-DoutputDirectory=${join(folder, 'lib')}`,
      `-Dtemporal.version=${VERSION}`,
    ],
  });
  const { code } = await child.end;
  await children.stop(child);
  if (code !== 0) {
    step.failed();
    const lines = readFileSync(child.logFile, 'utf8').trimEnd().split('\n').slice(-8).join('\n');
    throw new StackError(`Maven cannot fetch it. ${ADVICE}\n${lines}`);
  }
  writeFileSync(join(folder, NAME), RUN_JAVA, { mode: 0o755 });
  step.done('fetched');
}
