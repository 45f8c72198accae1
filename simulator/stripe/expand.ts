/** The `expand` parameter: references and left-out fields replaced by whole objects. */
import { invalidRequest } from './errors';
import type { Permission } from './keys';
import type { Expandable, Noun, RenderContext } from './object-type';
import { expansionTargets } from './objects';

/** Stripe counts every part of the path, `data` included. */
const MAX_EXPAND_LEVELS = 4;

interface Expander {
  context: RenderContext;
  /** Throws 403 when the key may not read what would be expanded. */
  mayRead: (permission: Permission) => void;
}

interface Step {
  /** The hashes and arrays to go through before the field. */
  through: string[];
  field: string;
  expandable: Expandable;
}

/**
 * Checks an expand path against what objects of `noun` can expand and returns what carries it out on a rendered body,
 * so that a wrong path is refused even when the list is empty. Throws 400 as Stripe does.
 */
export function prepareExpand(
  paths: readonly string[],
  { noun, isList, mayRead }: { noun: Noun; isList: boolean; mayRead: Expander['mayRead'] },
): (body: object, context: RenderContext) => void {
  const plans = paths.map((path) => {
    const parts = path.split('.');
    if (parts.length > MAX_EXPAND_LEVELS)
      throw invalidRequest(
        `You cannot expand more than ${MAX_EXPAND_LEVELS} levels of a property. Property: ${path}`,
        { param: 'expand' },
      );
    const refuse = (hint = '') =>
      invalidRequest(`This property cannot be expanded (${path}).${hint}`, { param: 'expand' });
    if (isList && parts[0] !== 'data')
      throw refuse(` You may want to try expanding 'data.${path}' instead.`);
    const steps = stepsOf(noun, isList ? parts.slice(1) : parts);
    if (steps === undefined) throw refuse();
    for (const { expandable } of steps)
      if (
        (expandable.kind === 'reference' || expandable.kind === 'included') &&
        expandable.to !== null
      )
        mayRead(expansionTargets[expandable.to].permission);
    return steps;
  });
  return (body, context) => {
    for (const steps of plans)
      for (const owner of isList ? elementsOf(body) : [body]) expandWithin(owner, steps, context);
  };
}

/** The fields on the way, or undefined when one of them cannot be expanded. */
function stepsOf(noun: Noun | null, parts: readonly string[]): Step[] | undefined {
  if (noun === null || parts.length === 0) return undefined;
  for (const [key, expandable] of Object.entries(expansionTargets[noun].expandable)) {
    const keyParts = key.split('.');
    if (keyParts.some((part, i) => parts[i] !== part)) continue;
    const step = { through: keyParts.slice(0, -1), field: keyParts.at(-1) ?? key, expandable };
    let rest = parts.slice(keyParts.length);
    if (rest.length === 0) return [step];
    if (servesList(expandable)) {
      if (rest[0] !== 'data') return undefined;
      rest = rest.slice(1);
    }
    const following = stepsOf(expandable.to, rest);
    return following === undefined ? undefined : [step, ...following];
  }
  return undefined;
}

/** Embedded and included lists are list objects, whose elements stand under `data`. */
function servesList({ kind, to }: Expandable): boolean {
  return kind === 'embeddedList' || (kind === 'included' && to !== null);
}

function expandWithin(owner: object, steps: readonly Step[], context: RenderContext): void {
  const [step, ...following] = steps;
  if (step === undefined) return;
  const { expandable, field } = step;
  let holders = [owner];
  for (const part of step.through)
    holders = holders.flatMap((holder) => elementsOf(fieldOf(holder, part)));
  for (const holder of holders) {
    const value = fieldOf(holder, field);
    if (expandable.kind === 'included' && value === undefined) {
      const loaded = expandable.load(String(fieldOf(holder, 'id')), context);
      if (loaded !== undefined) setField(holder, field, loaded);
    }
    if (expandable.kind === 'reference')
      setField(holder, field, resolve(value, expandable.to, context));
    for (const child of elementsOf(fieldOf(holder, field))) expandWithin(child, following, context);
  }
}

/** Ids become objects; an object that another path has already put there stays. */
function resolve(value: unknown, to: Noun, context: RenderContext): unknown {
  if (Array.isArray(value)) return value.map((element: unknown) => resolve(element, to, context));
  if (typeof value !== 'string') return value;
  return expansionTargets[to].renderById(value, context) ?? value;
}

/** The objects at a field: its own, those of an array, or those of a list object. */
function elementsOf(value: unknown): object[] {
  if (Array.isArray(value)) return value.flatMap(elementsOf);
  if (typeof value !== 'object' || value === null) return [];
  return 'object' in value && value.object === 'list'
    ? elementsOf(fieldOf(value, 'data'))
    : [value];
}

function fieldOf(holder: object, name: string): unknown {
  return (holder as Record<string, unknown>)[name];
}

function setField(holder: object, name: string, value: unknown): void {
  (holder as Record<string, unknown>)[name] = value;
}
