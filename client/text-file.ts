import { readFileSync } from 'node:fs';
import { wrongUse } from './errors';

const STDIN = 0;

/** The content of a file, or of stdin for `-`. Errors: exit code 2 for what cannot be read. */
export function readTextFile(file: string): string {
  try {
    return readFileSync(file === '-' ? STDIN : file, 'utf8');
  } catch (cause) {
    throw wrongUse(`${file} cannot be read`, 'Give the path of a file, or - for stdin.', cause);
  }
}
