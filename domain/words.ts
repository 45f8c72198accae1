/** How sentences and numbers are put together, wherever people read them. */

/** Digits in groups of three, as English has them: 12345 is `12,345`. No locale is asked, so that replays agree. */
export const groupThousands = (count: number | bigint | string): string =>
  String(count).replace(/\B(?=(\d{3})+$)/g, ',');

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
