/** Asks a module of dev/, which is an ES module and so is asked in a process of its own. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

const ROOT = join(__dirname, '..', '..');

/** The value of an expression over `dev`, the module's exports; it may await. `own`: variables that the module finds. */
export function inDev(
  module: string,
  expression: string,
  own: Readonly<Record<string, string>> = {},
): unknown {
  const script = `import * as dev from './dev/${module}.mjs'; console.log(JSON.stringify(${expression}))`;
  const args = ['--input-type=module', '--eval', script];
  return JSON.parse(
    execFileSync(process.execPath, args, {
      cwd: ROOT,
      encoding: 'utf8',
      env: { ...process.env, ...own },
    }),
  );
}
