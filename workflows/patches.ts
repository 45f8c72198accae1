/**
 * Every `patched()` id lives here, with its date and the condition under which it goes: first `deprecatePatch`, once no
 * running history is older; then nothing, once none is left that carries it. No other file calls `patched`. Evaluate a patch
 * once into a constant: `patched` does not remember a false.
 *
 * Empty as long as each change of the workflows replays the histories in test/histories.
 */
export const PATCHES = {} as const satisfies Record<string, { since: string; until: string }>;
