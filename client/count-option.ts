import { InvalidArgumentError } from '@commander-js/extra-typings';

/** A parser for an option that takes a whole number from 1 to `max`. */
export const parseCount =
  (max: number) =>
  (text: string): number => {
    const count = Number(text);
    if (/^\d+$/.test(text) && count >= 1 && count <= max) return count;
    throw new InvalidArgumentError(`Expected a whole number from 1 to ${max}.`);
  };
