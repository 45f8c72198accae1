/**
 * The pure part of running a case: what is known of it, and an event, give what is known after it and the lines of its story;
 * and what is to be done next. The workflow adds steps, timers and what people see; a bench adds a world in memory.
 */
import { decideCase } from './decide';
import type { CaseEffect, CaseEvent } from './decide';
import { memoryOf } from './memory';
import type { CaseMemory } from './memory';
import type { RecoveryPolicy } from './policy';
import type { CaseFacts, CaseRecord } from './record';
import { isTerminal } from './states';
import type { CaseState } from './states';
import { WORK } from './work';
import type { CaseStepName } from './work';

export type CaseTask =
  /** Nobody runs it any more; `record` first. */
  | { readonly do: 'end' }
  | { readonly do: 'step'; readonly step: CaseStepName }
  /** Say that it waits for its customer, then `told`. */
  | { readonly do: 'tell' }
  | { readonly do: 'apply'; readonly event: CaseEvent }
  /** `record` first. Null: until somebody says something. */
  | { readonly do: 'wait'; readonly untilMs: number | null };

interface Moment {
  /** By the account's clock. */
  readonly nowMs: number;
  readonly policy: RecoveryPolicy;
}

const IN_FLIGHT: readonly CaseState[] = ['charging', 'unknown', 'pending_settlement'];

/** Takes a case up from its row: what was under way when its last runner ended is looked up, never done again. */
export function takeUp(facts: CaseFacts, policy: RecoveryPolicy): CaseMemory {
  const memory = memoryOf(facts);
  const moment = { nowMs: facts.nowMs, policy };
  const { state, openAttempt, desired } = facts;
  if (WORK[state].kind === 'none') return memory;
  return [
    ...catchUp(state, openAttempt),
    ...(desired === 'run' || desired === stateWanted(state) ? [] : [{ type: desired } as const]),
  ].reduce<CaseMemory>((known, event) => happen(known, event, moment), memory);
}

/** A campaign that wants its cases paused has written so, whether or not a runner was there to hear it. */
const stateWanted = (state: CaseState): 'pause' | null => (state === 'paused' ? 'pause' : null);

function catchUp(state: CaseState, open: CaseFacts['openAttempt']): CaseEvent[] {
  const because = 'The case was taken up anew.';
  if (state === 'charging') {
    return [{ type: open?.state === 'pending' ? 'pending' : 'outcome_unknown', because }];
  }
  if (open === null || IN_FLIGHT.includes(state) || state === 'needs_human') return [];
  return [{ type: open.state === 'pending' ? 'pending' : 'outcome_unknown', because }];
}

/** Something has happened that the case did not ask for. */
export function happen(memory: CaseMemory, event: CaseEvent, moment: Moment): CaseMemory {
  return afterwards(apply(memory, event, { ...moment, answered: false }), moment);
}

/** A step that was begun in `memory.state` has answered; whatever happened meanwhile is in `memory` already. */
export function answer(
  memory: CaseMemory,
  given: {
    readonly step: CaseStepName;
    readonly event: CaseEvent;
    /** The state in which the step was begun. */
    readonly begunIn: CaseState;
    /** Number of the attempt that was made or found; null when none was. */
    readonly attempt?: number | null;
  },
  moment: Moment,
): CaseMemory {
  const { step, event, begunIn, attempt } = given;
  const answered = memory.state === begunIn;
  const failed = event.type === 'step_failed';
  const looked = step === 'check' || step === 'lookup';
  const known: CaseMemory = {
    ...memory,
    // A refused claim leaves no number behind; one that was made counts, whatever became of it.
    ...(step === 'charge' && attempt === null && { open: null }),
    ...(typeof attempt === 'number' && { open: attempt }),
    ...(looked && !failed && { hasNews: false }),
    ...(step === 'plan' &&
      !failed && { decision: { because: event.because ?? '', facts: event.facts ?? null } }),
  };
  const next = apply(known, event, { ...moment, answered });
  if (step === 'charge' && next.state === 'charging') {
    // It says nothing of the attempt, so that nobody knows; charging again is not for whoever does not know.
    return apply(next, { type: 'outcome_unknown' }, { ...moment, answered });
  }
  return afterwards(answered ? unhurried(next, begunIn, moment) : next, moment);
}

/** A step that leaves the case where it was, with the same step to do at once, is tried again only after a wait. */
function unhurried(memory: CaseMemory, before: CaseState, moment: Moment): CaseMemory {
  if (memory.state !== before) return memory;
  if (taskOf(memory, moment).do !== 'step') return memory;
  const { backoffFirstMs, backoffMaxMs } = moment.policy;
  const delayMs = Math.min(backoffFirstMs * 2 ** memory.fruitless, backoffMaxMs);
  return { ...memory, fruitless: memory.fruitless + 1, tryAgainAtMs: moment.nowMs + delayMs };
}

/** What was remembered while an attempt was in flight, or wanted before it came to light, takes effect once none is. */
function afterwards(memory: CaseMemory, moment: Moment): CaseMemory {
  const { remembered, open } = memory;
  if (open !== null) return memory;
  const become = (known: CaseMemory, event: CaseEvent): CaseMemory =>
    isTerminal(known.state) ? known : apply(known, event, { ...moment, answered: false });
  const after = remembered.reduce(become, { ...memory, remembered: [] });
  const isUnwanted = after.state === 'planning' && after.desired !== 'run';
  return isUnwanted ? become(after, { type: after.desired }) : after;
}

function apply(
  memory: CaseMemory,
  event: CaseEvent,
  moment: Moment & { readonly answered: boolean },
): CaseMemory {
  const { nowMs } = moment;
  const { state: from, dueAtMs } = memory;
  const decision = decideCase(from, event, {
    ...moment,
    fruitless: memory.fruitless,
    lookups: memory.lookups,
    due: dueAtMs !== null && dueAtMs <= nowMs,
    attemptOpen: memory.open !== null,
    remembered: memory.remembered,
    recovery: memory.recovery,
  });
  const { next, because } = decision;
  const line = {
    sequence: memory.transitions + 1,
    from,
    event: event.type,
    to: next,
    because,
    facts: event.facts ?? null,
    atMs: nowMs,
  };
  const moved: CaseMemory = {
    ...memory,
    transitions: memory.transitions + 1,
    unrecorded: [...memory.unrecorded, line],
    nowMs: Math.max(memory.nowMs, nowMs),
    state: next,
    ...(next !== from && {
      because,
      sinceMs: nowMs,
      dueAtMs: null,
      tryAgainAtMs: null,
      owesWord: false,
    }),
    ...attemptsAfter(memory, event, next),
  };
  return decision.effects.reduce(perform, moved);
}

/** Which attempt is in flight in the next state, and how many have an outcome. */
function attemptsAfter(
  { attempts, open }: CaseMemory,
  { type, attempt }: CaseEvent,
  next: CaseState,
): Pick<CaseMemory, 'attempts' | 'open'> {
  if (IN_FLIGHT.includes(next)) return { attempts, open: attempt ?? open ?? attempts + 1 };
  if (next === 'needs_human' && type !== 'refused') return { attempts, open };
  return { attempts: Math.max(attempts, open ?? 0), open: null };
}

function perform(memory: CaseMemory, effect: CaseEffect): CaseMemory {
  switch (effect.type) {
    case 'write_desired':
      // A cancel is for good, also where it waits for the outcome of an attempt.
      return memory.desired === 'cancel' ? memory : { ...memory, desired: effect.desired };
    case 'remember': {
      const others = memory.remembered.filter(({ type }) => type !== effect.event.type);
      return { ...memory, remembered: [...others, effect.event] };
    }
    case 'forget_pause':
      return { ...memory, remembered: memory.remembered.filter(({ type }) => type !== 'pause') };
    case 'wait_until':
      return { ...memory, dueAtMs: effect.atMs };
    case 'count_lookups':
      return { ...memory, lookups: effect.lookups };
    case 'try_again':
      return { ...memory, tryAgainAtMs: effect.atMs, fruitless: effect.fruitless };
    case 'set_attention':
      return { ...memory, attention: effect.attention };
    case 'set_recovery':
      return { ...memory, recovery: effect.recovery };
    case 'tell_customer':
      return { ...memory, owesWord: true };
  }
}

/** What is to be done now. */
export function taskOf(memory: CaseMemory, { nowMs, policy }: Moment): CaseTask {
  const { state, dueAtMs, tryAgainAtMs, open } = memory;
  const work = WORK[state];
  if (work.kind === 'none') return { do: 'end' };
  if (memory.owesWord) return { do: 'tell' };
  const held = tryAgainAtMs !== null && tryAgainAtMs > nowMs;
  const over = memory.windowEndsAtMs <= nowMs;
  if (work.kind === 'step') {
    if (held && over) return APPLY_WINDOW_ENDED;
    return held ? { do: 'wait', untilMs: tryAgainAtMs } : { do: 'step', step: work.step };
  }
  if (isLookedUpInVain(memory, { nowMs, policy })) return APPLY_LOOKUPS_ENDED;
  const due = dueAtMs !== null && dueAtMs <= nowMs;
  if (due && work.then === 'timer_fired') return { do: 'apply', event: { type: 'timer_fired' } };
  if (work.windowed && over) return APPLY_WINDOW_ENDED;
  if (!held && memory.hasNews) {
    return { do: 'step', step: open === null ? work.look : 'lookup' };
  }
  if (!held && due && work.then !== null && work.then !== 'timer_fired') {
    return { do: 'step', step: work.then };
  }
  const ends = [
    ...(dueAtMs === null ? [] : [held ? Math.max(dueAtMs, tryAgainAtMs) : dueAtMs]),
    ...(held && memory.hasNews ? [tryAgainAtMs] : []),
    ...(work.windowed ? [memory.windowEndsAtMs] : []),
  ];
  return { do: 'wait', untilMs: ends.length === 0 ? null : Math.min(...ends) };
}

const APPLY_WINDOW_ENDED: CaseTask = { do: 'apply', event: { type: 'window_ended' } };
const APPLY_LOOKUPS_ENDED: CaseTask = { do: 'apply', event: { type: 'lookups_ended' } };

function isLookedUpInVain(memory: CaseMemory, { nowMs, policy }: Moment): boolean {
  if (memory.state === 'unknown') return memory.lookups >= policy.lookupDelaysMs.length;
  return memory.state === 'pending_settlement' && nowMs - memory.sinceMs >= policy.settleWithinMs;
}

/** Somebody has seen something of the invoice. */
export const hear = (memory: CaseMemory): CaseMemory => ({ ...memory, hasNews: true });

/** It is now so late by the account's clock, which never goes back. */
export const clockAt = (memory: CaseMemory, nowMs: number): CaseMemory => ({
  ...memory,
  nowMs: Math.max(memory.nowMs, nowMs),
});

/** Somebody was told that it waits for its customer, or nobody wants to be. */
export const told = (memory: CaseMemory): CaseMemory => ({ ...memory, owesWord: false });

/** When something is done of the case by itself, telling the customer aside; null when only people and news are waited for, or the case has ended. */
export function nextActionAtMs(memory: CaseMemory, moment: Moment): number | null {
  const task = taskOf(told(memory), moment);
  if (task.do === 'end') return null;
  return task.do === 'wait' ? task.untilMs : moment.nowMs;
}

/** What is to be stored; null when all is. */
export function recordOf(memory: CaseMemory, moment: Moment): CaseRecord | null {
  const { unrecorded: transitions, state, because, attention, recovery } = memory;
  if (transitions.length === 0) return null;
  const atMs = nextActionAtMs(memory, moment);
  return { transitions, state, because, attention, nextActionAtMs: atMs, recovery };
}

/** The record was stored; what has happened since is kept. */
export function recorded(memory: CaseMemory, record: CaseRecord | null): CaseMemory {
  const stored = record?.transitions.at(-1)?.sequence ?? 0;
  const unrecorded = memory.unrecorded.filter(({ sequence }) => sequence > stored);
  return { ...memory, unrecorded };
}

/** What a step that threw means: of a payment nobody knows whether it happened. */
export function failureOf(
  step: CaseStepName,
  failure: { readonly because: string; readonly retryAfterMs: number | null },
): CaseEvent {
  const { because, retryAfterMs } = failure;
  return step === 'charge'
    ? { type: 'outcome_unknown', because }
    : { type: 'step_failed', because, retryAfterMs };
}
