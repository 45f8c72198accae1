/** The steps of `check`, in any warehouse: one after the other, up to the first that fails. */
import { countOf, sentences } from '../domain/words';
import { NEWEST_SCHEMA } from './migrations';
import type { Finding } from './port';
import { TABLE_NAMES } from './tables';
import { VIEWS } from './views';

/** What is said of a schema that is there, and of a dry load that worked. */
export const schemaWords = (): string =>
  `${countOf(TABLE_NAMES.length, 'table')} and ${countOf(VIEWS.length, 'view')}, schema ${String(NEWEST_SCHEMA)}`;
export const DRY_LOAD = 'one row into every table, rolled back';

export interface Step {
  readonly name: string;
  /** What was found; throws what is wrong. */
  run(): Promise<string>;
  /** What mends it. */
  remedy?(error: unknown): readonly string[];
}

export async function runSteps(steps: readonly Step[]): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const { name, run, remedy } of steps) {
    try {
      findings.push({ name, ok: true, detail: await run(), remedy: [] });
    } catch (error) {
      findings.push({ name, ok: false, detail: problemOf(error), remedy: remedy?.(error) ?? [] });
      break;
    }
  }
  return findings;
}

/** With the warehouse's own words, which a log or a history must not have, but the person who asks may. */
function problemOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const own = error.cause instanceof Error ? error.cause.message : '';
  return sentences(error.message, own);
}
