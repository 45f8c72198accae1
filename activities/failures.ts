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
import { translateDatabaseError } from '../db/errors';
import { asRecoupError, type RecoupError } from '../domain/errors';
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
