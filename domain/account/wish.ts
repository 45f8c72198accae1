/** What an account was asked to read, and what is kept of it while something else is at work. */

export interface Wish {
  /** `sync`: what is new, and what changed. `changes`: only the objects that hints name. */
  readonly kind: 'sync' | 'changes';
  /** Exclusive end of the window, as ISO instant; null means the provider's clock when it begins. */
  readonly to: string | null;
}

/** No end is the latest one: whoever named none wants everything. */
const reaches = (to: string | null, other: string | null): boolean =>
  to === null || (other !== null && Date.parse(to) >= Date.parse(other));

/** One wish that serves both: a sync reads changes too. */
export function mergeWishes(kept: Wish | null, wish: Wish): Wish {
  if (kept === null || kept.kind === 'changes') return wish.kind === 'sync' ? wish : (kept ?? wish);
  return wish.kind === 'changes' || reaches(kept.to, wish.to) ? kept : wish;
}

/**
 * Whether a run at work serves a wish that comes now. Changes are told once, and may be told when the run at work has read its
 * hints already: they always have a run of their own afterwards.
 */
export function serves(atWork: { readonly kind: string; readonly to: string | null }, wish: Wish) {
  return wish.kind === 'sync' && atWork.kind === 'sync' && reaches(atWork.to, wish.to);
}
