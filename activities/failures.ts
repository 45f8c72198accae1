/**
 * The one place where an error of the taxonomy becomes a Temporal failure, or data for a report. What leaves here stands in
 * histories for ever: codes and safe messages only. The cause stays in the worker's log.
 */
import {
  ApplicationFailure,
  ApplicationFailureCategory,
  CancelledFailure,
} from '@temporalio/common';
import type { Logger } from 'pino';
import { codeOf, translateDatabaseError } from '../db/errors';
import { asRecoupError, RecoupError } from '../domain/errors';
import type { StepFailure } from './contract';

/** Wraps every step, so that whatever it throws leaves as a failure that the workflow can tell by its code. */
export function withFailures<Steps extends object>(steps: Steps, logger: Logger): Steps {
  const wrapped = Object.entries(steps).map(([name, step]: [string, unknown]) => {
    if (typeof step !== 'function') throw new TypeError(`Activity ${name} is not a function.`);
    return [
      name,
      async (...args: unknown[]): Promise<unknown> => {
        try {
          return await (step as (...args: unknown[]) => unknown)(...args);
        } catch (thrown) {
          if (thrown instanceof CancelledFailure || thrown instanceof ApplicationFailure) {
            throw thrown;
          }
          const error = classify(thrown);
          logger.warn({ activity: name, code: error.code, err: thrown }, 'step failed');
          throw toFailure(error);
        }
      },
    ];
  });
  return Object.fromEntries(wrapped) as Steps;
}

/** Whatever was thrown, as an error of the taxonomy. */
export const classify = (thrown: unknown): RecoupError =>
  asRecoupError(translateDatabaseError(thrown));

function toFailure(error: RecoupError): ApplicationFailure {
  return ApplicationFailure.create({
    type: error.code,
    message: safeMessage(error),
    nonRetryable: error.scope !== 'transient',
    // A wrong request is the caller's news, not the worker's trouble: no error log, no failure metric.
    ...(error.scope === 'input' && { category: ApplicationFailureCategory.BENIGN }),
    ...(error.retryAfterMs !== undefined && { nextRetryDelay: error.retryAfterMs }),
  });
}

/**
 * For data that Postgres does not take: the same page would be refused again and again. Null for whatever else was thrown.
 */
export function notStorable(resource: string, thrown: unknown): RecoupError | null {
  const state = /^(?:22|54)\w{3}$/.exec(codeOf(thrown) ?? '')?.[0];
  if (state === undefined) return null;
  const message = `Postgres refuses what was read of ${resource} objects (SQLSTATE ${state}).`;
  return new RecoupError('not_storable', message, { cause: thrown });
}

/** The error as it may be shown and stored. */
export const safeError = (error: RecoupError): RecoupError =>
  new RecoupError(error.code, safeMessage(error));

export const toStepFailure = (error: RecoupError): StepFailure => ({
  code: error.code,
  message: safeMessage(error),
  remedy: error.remedy,
  retryAfterMs: error.retryAfterMs ?? null,
});

/** The text of an unforeseen error may quote the data that it met. */
function safeMessage(error: RecoupError): string {
  if (error.code !== 'internal') return error.message;
  const name = error.cause instanceof Error ? error.cause.name : 'error';
  return `Unexpected ${name}: the worker's log has it.`;
}
