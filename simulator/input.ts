/** Reads what the control endpoints are sent; every complaint names the field. */

export type Fields = Readonly<Record<string, unknown>>;

/** The fields of an object that may have these and no others. */
export function fieldsOf(input: unknown, at: string, known: readonly string[]): Fields {
  if (typeof input !== 'object' || input === null || Array.isArray(input))
    throw new Error(`${at} must be an object.`);
  const unknown = Object.keys(input).find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new Error(`${at}.${unknown} is not known; use ${known.join(', ')}.`);
  return { ...input };
}

export function textOf(input: unknown, at: string): string {
  if (typeof input !== 'string' || input === '') throw new Error(`${at} must be a text.`);
  return input;
}

/** A whole number of at least `least`. */
export function countOf(input: unknown, at: string, least = 0): number {
  if (typeof input !== 'number' || !Number.isSafeInteger(input) || input < least)
    throw new Error(`${at} must be an integer of at least ${least}.`);
  return input;
}

/** From 0 (never) to 1 (always). */
export function shareOf(input: unknown, at: string): number {
  if (typeof input !== 'number' || !(input >= 0 && input <= 1))
    throw new Error(`${at} must be a number from 0 to 1.`);
  return input;
}
