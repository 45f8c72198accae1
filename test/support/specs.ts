/** The published specifications, which stand beside the clone and are never part of it. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

const FOLDER =
  process.env['RECOUP_SPECS_DIR'] ?? path.resolve(__dirname, '..', '..', '..', 'shared', 'specs');

/** Why a specification cannot be read on this machine, or null when it can. */
export function whyNoSpec(file: string): string | null {
  const full = path.join(FOLDER, file);
  return existsSync(full) ? null : `${full} is absent; RECOUP_SPECS_DIR tells where it is`;
}

export function readSpec(file: string): unknown {
  return JSON.parse(readFileSync(path.join(FOLDER, file), 'utf8'));
}
