/** The published specifications and collected facts, which stand beside the clone and are never part of it. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

const SHARED = path.resolve(__dirname, '..', '..', '..', 'shared');
const SPECS = process.env['RECOUP_SPECS_DIR'] ?? path.join(SHARED, 'specs');
const FACTS = process.env['RECOUP_FACTS_DIR'] ?? path.join(SHARED, 'facts');

/** Why a specification cannot be read on this machine, or null when it can. */
export const whyNoSpec = (file: string): string | null =>
  whyAbsent(SPECS, file, 'RECOUP_SPECS_DIR');
/** The same for a file of facts. */
export const whyNoFact = (file: string): string | null =>
  whyAbsent(FACTS, file, 'RECOUP_FACTS_DIR');

function whyAbsent(folder: string, file: string, variable: string): string | null {
  const full = path.join(folder, file);
  return existsSync(full) ? null : `${full} is absent; ${variable} tells where it is`;
}

export function readSpec(file: string): unknown {
  return JSON.parse(readFileSync(path.join(SPECS, file), 'utf8'));
}

/** The rows of a CSV file of facts, by the names of its columns. Fields may be quoted, but hold no line breaks. */
export function readFacts(file: string): Record<string, string>[] {
  const [header = [], ...rows] = readFileSync(path.join(FACTS, file), 'utf8')
    .trim()
    .split('\n')
    .map((line) =>
      [...line.matchAll(/("(?:[^"]|"")*"|[^,]*)(?:,|$)/g)]
        .map(([, field = '']) => field.replace(/^"|"$/g, '').replaceAll('""', '"'))
        .slice(0, -1),
    );
  return rows.map((row) => Object.fromEntries(header.map((name, i) => [name, row[i] ?? ''])));
}
