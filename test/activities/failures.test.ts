import {
  ApplicationFailure,
  ApplicationFailureCategory,
  CancelledFailure,
} from '@temporalio/common';
import pino from 'pino';
import { classify, toStepFailure, withFailures } from '../../activities/failures';
import { ERRORS, RecoupError, type ErrorCode } from '../../domain/errors';

const SECRET = 'jane@example.com';

/** What Temporal is told when a step throws this. */
async function failureOf(thrown: unknown): Promise<ApplicationFailure> {
  const step = () => Promise.reject(thrown as Error);
  const steps = withFailures({ step }, pino({ level: 'silent' }));
  const failure: unknown = await steps.step().catch((error: unknown) => error);
  if (!(failure instanceof ApplicationFailure)) throw new Error('no failure of the application');
  return failure;
}

describe('a failed step', () => {
  it.each(Object.keys(ERRORS) as ErrorCode[])('is told by its code: %s', async (code) => {
    const failure = await failureOf(new RecoupError(code, 'What is wrong.'));
    expect(failure.type).toBe(code);
    expect(failure.nonRetryable).toBe(ERRORS[code].scope !== 'transient');
    expect(failure.category === ApplicationFailureCategory.BENIGN).toBe(
      ERRORS[code].scope === 'input',
    );
  });

  it('waits as long as the service asked', async () => {
    const failure = await failureOf(new RecoupError('rate_limited', '', { retryAfterMs: 7_000 }));
    expect(failure.nextRetryDelay).toBe(7_000);
  });

  it('takes nothing of an unforeseen error, its details or its cause into the history', async () => {
    const unforeseen = new TypeError(`cannot read ${SECRET}`);
    const known = new RecoupError('provider_unavailable', 'It answered 500.', {
      details: { body: SECRET },
      cause: unforeseen,
    });
    for (const thrown of [unforeseen, known]) {
      const failure = await failureOf(thrown);
      expect(JSON.stringify({ ...failure, stack: failure.stack })).not.toContain(SECRET);
      expect(failure.message).not.toContain(SECRET);
      expect(JSON.stringify(toStepFailure(classify(thrown)))).not.toContain(SECRET);
    }
    expect((await failureOf(unforeseen)).message).toContain('TypeError');
  });

  it('lets a cancellation pass', async () => {
    const canceled = new CancelledFailure('canceled');
    const step = () => Promise.reject(canceled);
    const steps = withFailures({ step }, pino({ level: 'silent' }));
    await expect(steps.step()).rejects.toBe(canceled);
  });
});
