/** Beats for every step that has a heartbeat timeout, and by that hears of cancellation: while this process lives, so do they. */
import { Context } from '@temporalio/activity';
import type { ActivityInterceptorsFactory } from '@temporalio/worker';

/** Beats per heartbeat timeout, so that one may get lost. */
const BEATS = 3;

export const heartbeat: ActivityInterceptorsFactory = () => ({
  inbound: {
    async execute(input, next) {
      const context = Context.current();
      const { heartbeatTimeoutMs } = context.info;
      if (heartbeatTimeoutMs === undefined) return next(input);
      const beat = setInterval(() => context.heartbeat(), heartbeatTimeoutMs / BEATS);
      try {
        return await next(input);
      } finally {
        clearInterval(beat);
      }
    },
  },
});
