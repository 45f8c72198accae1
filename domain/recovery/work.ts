/** Which step a state asks for. Whoever runs a case, the workflow or a bench in memory, reads it here. */
import type { CaseState } from './states';

/** Steps that look at a case, pay, or look a payment up. */
export type CaseStepName = 'plan' | 'check' | 'charge' | 'lookup';

export type Work =
  /** Nobody runs a case in this state. */
  | { readonly kind: 'none' }
  | { readonly kind: 'step'; readonly step: CaseStepName }
  | {
      readonly kind: 'wait';
      /** What its end brings: a step, or the event `timer_fired`; null when only people and news end it. */
      readonly then: CaseStepName | 'timer_fired' | null;
      /** What news are followed by. */
      readonly look: 'check' | 'lookup';
      /** Whether the end of the case's window ends the wait, too. */
      readonly windowed: boolean;
    };

const none: Work = { kind: 'none' };
const step = (name: CaseStepName): Work => ({ kind: 'step', step: name });

export const WORK: Readonly<Record<CaseState, Work>> = {
  discovered: none,
  eligibility: none,
  holdout: none,
  monitoring: { kind: 'wait', then: 'check', look: 'check', windowed: true },
  planning: step('plan'),
  scheduled: { kind: 'wait', then: 'timer_fired', look: 'check', windowed: true },
  precheck: step('check'),
  charging: step('charge'),
  unknown: { kind: 'wait', then: 'lookup', look: 'lookup', windowed: false },
  pending_settlement: { kind: 'wait', then: 'lookup', look: 'lookup', windowed: false },
  awaiting_customer: { kind: 'wait', then: 'check', look: 'check', windowed: true },
  paused: { kind: 'wait', then: 'check', look: 'check', windowed: true },
  needs_human: { kind: 'wait', then: null, look: 'check', windowed: false },
  recovered_by_us: none,
  recovered_elsewhere: none,
  partially_recovered: none,
  exhausted: none,
  hard_stopped: none,
  canceled: none,
  excluded: none,
  reversed: none,
};
