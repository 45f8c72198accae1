/**
 * How a failure becomes one line and an exit code: 2 when the caller asked for something wrong, 1 when something failed.
 */
import { ConfigError } from '../config/config';
import { translateDatabaseError } from '../db/errors';
import { asRecoupError } from '../domain/errors';
import { sentences } from '../domain/words';

export type ExitCode = 0 | 1 | 2;

/** What is wrong and what to do, each as a sentence. */
export class CliError extends Error {
  constructor(
    message: string,
    readonly remedy: string,
    readonly exitCode: ExitCode,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'CliError';
  }
}

/** The caller asked for something wrong: exit code 2, and nothing was changed. */
export const wrongUse = (message: string, remedy: string, cause?: unknown): CliError =>
  new CliError(message, remedy, 2, { cause });

/** Something failed: exit code 1. */
export const failed = (message: string, remedy: string, cause?: unknown): CliError =>
  new CliError(message, remedy, 1, { cause });

export interface Described {
  /** `recoup: <what is wrong>. <what to do>.` on one line. */
  readonly line: string;
  readonly exitCode: ExitCode;
}

export function describe(thrown: unknown): Described {
  if (thrown instanceof CliError) return described(thrown.message, thrown.remedy, thrown.exitCode);
  if (thrown instanceof ConfigError) return described(thrown.message, '', 2);
  if (thrown instanceof Error && 'code' in thrown && thrown.code === UNDEFINED_TABLE) {
    return described('The database has no tables yet', 'Start a worker, which lays them.', 1);
  }
  const error = asRecoupError(translateDatabaseError(thrown));
  const remedy = error.code === 'database_unavailable' ? CHECK_DATABASE : error.remedy;
  return described(error.message, remedy, error.scope === 'input' ? 2 : 1);
}

/** SQLSTATE. */
const UNDEFINED_TABLE = '42P01';

const CHECK_DATABASE = 'Start the local stack with `npm start`, or check DATABASE_URL.';

function described(message: string, remedy: string, exitCode: ExitCode): Described {
  return { line: `recoup: ${sentences(message, remedy)}`, exitCode };
}
