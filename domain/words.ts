/** How sentences and numbers are put together, wherever people read them. */

/** Digits in groups of three, as English has them: 12345 is `12,345`. No locale is asked, so that replays agree. */
export const groupThousands = (count: number | bigint | string): string =>
  String(count).replace(/\B(?=(\d{3})+$)/g, ',');

/** 1234567 of exponent 2 is `12,345.67`. Exact at any size. */
export function formatMinor(minor: bigint, exponent: number): string {
  const digits = (minor < 0n ? -minor : minor).toString().padStart(exponent + 1, '0');
  const whole = digits.slice(0, digits.length - exponent);
  const fraction = exponent === 0 ? '' : `.${digits.slice(-exponent)}`;
  return `${minor < 0n ? '-' : ''}${groupThousands(whole)}${fraction}`;
}

/** `1 object`, `12,345 objects`. */
export const countOf = (count: number, noun: string): string =>
  `${groupThousands(count)} ${noun}${count === 1 ? '' : 's'}`;

/** On one line, one after the other: each with its full stop, empty ones left out. */
export const sentences = (...each: readonly string[]): string =>
  each
    .map((text) => text.replace(/\s+/g, ' ').trim())
    .filter((text) => text !== '')
    .map((text) => (/[.!?]$/.test(text) ? text : `${text}.`))
    .join(' ');
