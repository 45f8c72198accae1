/** A step that threw, as data for the state machine. `activities/failures.ts` wrote what is read here. */
import { ActivityFailure, ApplicationFailure, TimeoutFailure } from '@temporalio/workflow';
import type { StepFailure } from '../activities/contract';
import { ERRORS } from '../domain/errors';
import type { ErrorCode } from '../domain/errors';
import { sentences } from '../domain/words';

const isCode = (type: string | null | undefined): type is ErrorCode =>
  typeof type === 'string' && Object.hasOwn(ERRORS, type);

/** Rethrows what no activity has thrown: that is a defect of the workflow, which its task must show. */
export function stepFailure(thrown: unknown): StepFailure {
  if (!(thrown instanceof ActivityFailure)) throw thrown;
  const cause = thrown.cause;
  if (cause instanceof ApplicationFailure) {
    const code = isCode(cause.type) ? cause.type : 'internal';
    return {
      code,
      message: sentences(cause.message),
      remedy: ERRORS[code].remedy,
      retryAfterMs: null,
    };
  }
  const what = cause instanceof TimeoutFailure ? 'was not finished in time' : 'failed';
  return {
    code: 'internal',
    message: `The step ${thrown.activityType} ${what}.`,
    remedy: 'Check that the workers are up.',
    retryAfterMs: null,
  };
}
