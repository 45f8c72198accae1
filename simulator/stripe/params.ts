/** Parameters of a request: decoded, and read by a table of readers that refuse what Stripe would refuse. */
import { invalidRequest } from './errors';
import type { CreatedWindow } from './list';

/** A decoded parameter: `a[b][c]=x` is a tree of hashes, and a list is one with the keys 0, 1, 2, … */
type Raw = string | RawHash;
export interface RawHash {
  [name: string]: Raw;
}

/** Decodes a query string or a form body with nested brackets, as Stripe's clients write them. */
export function decodeForm(text: string): RawHash {
  const root: RawHash = Object.create(null) as RawHash;
  for (const [name, value] of new URLSearchParams(text)) {
    const path = name.match(/[^[\]]+|\[\]/g) ?? [name];
    let hash = root;
    for (const [depth, part] of path.entries()) {
      const key = part === '[]' ? String(Object.keys(hash).length) : part;
      if (depth === path.length - 1) {
        hash[key] = value;
        break;
      }
      const next = hash[key];
      hash = typeof next === 'object' ? next : (hash[key] = Object.create(null) as RawHash);
    }
  }
  return root;
}

/** Reads one parameter or throws Stripe's 400; `name` is the parameter's full name. */
type Reader<T> = (raw: Raw, name: string) => T;
/** What readers a request takes, by parameter; `V` are the values that they give. */
export type ParamSpec<V> = { readonly [K in keyof V]: Reader<V[K]> };

/** Checks a whole set of parameters: one that `spec` lacks is 400 `parameter_unknown`, as at Stripe. */
export function readParams<V extends object>(
  spec: ParamSpec<V>,
  raw: RawHash,
  within = '',
): Partial<V> {
  const values: Record<string, unknown> = {};
  const readers: Readonly<Record<string, Reader<unknown>>> = spec;
  for (const [key, value] of Object.entries(raw)) {
    const name = within === '' ? key : `${within}[${key}]`;
    const read = Object.hasOwn(readers, key) ? readers[key] : undefined;
    if (read === undefined)
      throw invalidRequest(`Received unknown parameter: ${name}`, {
        code: 'parameter_unknown',
        param: name,
      });
    values[key] = read(value, name);
  }
  return values as Partial<V>;
}

export const text: Reader<string> = (raw, name) => {
  if (typeof raw !== 'string') throw invalidRequest('Invalid string.', { param: name });
  if (raw === '')
    throw invalidRequest(
      `You passed an empty string for '${name}'. We assume empty values are an attempt to unset a parameter; however '${name}' cannot be unset. You should remove '${name}' from your request or supply a non-empty value.`,
      { code: 'parameter_invalid_empty', param: name },
    );
  return raw;
};

export const flag: Reader<boolean> = (raw, name) => {
  if (raw !== 'true' && raw !== 'false')
    throw invalidRequest(`Invalid boolean: ${shown(raw)}`, { param: name });
  return raw === 'true';
};

export function oneOf<const V extends string>(...values: readonly V[]): Reader<V> {
  return (raw, name) => {
    const value = values.find((known) => known === raw);
    if (value === undefined)
      throw invalidRequest(`Invalid ${name}: must be one of ${values.join(', ')}`, { param: name });
    return value;
  };
}

export function integer({ min, max }: { min: number; max: number }): Reader<number> {
  return (raw, name) => {
    if (typeof raw !== 'string' || !/^-?\d{1,15}$/.test(raw))
      throw invalidInteger(`Invalid integer: ${shown(raw)}`, name);
    const value = Number(raw);
    if (value > max)
      throw invalidInteger(
        `This value must be less than or equal to ${max} (it currently is '${value}').`,
        name,
      );
    if (value < min)
      throw invalidInteger(`This value must be greater than or equal to ${min}.`, name);
    return value;
  };
}

/** Unix seconds; Stripe takes them as plain integers. */
const instant = integer({ min: 0, max: Number.MAX_SAFE_INTEGER });

const rangeBounds = { gt: instant, gte: instant, lt: instant, lte: instant };

/** `created=123` or `created[gte]=…`; several bounds are all applied. */
export const createdRange: Reader<CreatedWindow> = (raw, name) => {
  if (typeof raw === 'string') {
    const exact = instant(raw, name);
    return { from: exact, to: exact };
  }
  const { gt = -1, gte = 0, lt = Infinity, lte = Infinity } = readParams(rangeBounds, raw, name);
  return { from: Math.max(gt + 1, gte), to: Math.min(lt - 1, lte) };
};

/** A list of at most `max` strings. */
export function texts({ max }: { max: number }): Reader<string[]> {
  return (raw, name) => {
    if (typeof raw === 'string') throw invalidRequest('Invalid array', { param: name });
    const values = Object.entries(raw).map(([key, value]) => text(value, `${name}[${key}]`));
    if (values.length > max)
      throw invalidRequest(`Array ${name} exceeded maximum ${max} allowed elements.`, {
        param: name,
      });
    return values;
  };
}

const MAX_EXPAND_PATHS = 100;

export const expandParam = texts({ max: MAX_EXPAND_PATHS });

export function hash<V extends object>(spec: ParamSpec<V>): Reader<Partial<V>> {
  return (raw, name) => {
    if (typeof raw === 'string') throw invalidRequest('Invalid object', { param: name });
    return readParams(spec, raw, name);
  };
}

function invalidInteger(message: string, param: string) {
  return invalidRequest(message, { code: 'parameter_invalid_integer', param });
}

function shown(raw: Raw): string {
  return typeof raw === 'string' ? raw : JSON.stringify(raw);
}
