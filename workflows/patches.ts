import { patched } from '@temporalio/workflow';

/**
 * Every `patched()` id lives here, with its date and the condition under which it goes: first `deprecatePatch`, once no
 * running history is older; then nothing, once none is left that carries it. No other file calls `patched`. Evaluate a patch
 * once into a constant: `patched` does not remember a false.
 */
export const PATCHES = {
  /** A backfill learns the provider from the opening of its run instead of a step before it. */
  'provider-from-open-run': {
    since: '2026-11-21',
    until: 'no backfill is open that was started before it',
  },
} as const satisfies Record<string, { since: string; until: string }>;

export const isPatched = (id: keyof typeof PATCHES): boolean => patched(id);
