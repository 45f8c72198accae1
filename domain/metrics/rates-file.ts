/** The file that `recoup metrics rates import` reads: `currency,date,rate`, a rate a line. */
import { RecoupError } from '../errors';
import { wrongFields } from '../wrong-fields';
import { rateSchema } from './compute-input';
import type { FxRate } from './fx';

const HEADER = ['currency', 'date', 'rate'] as const;
const HEADER_TEXT = HEADER.join(',');
/** Thirty currencies over thirty years, by day. */
export const MAX_RATES = 400_000;
/** Whoever has more wrong lines has one mistake in all of them. */
const MAX_WRONG_LINES = 5;

/**
 * A rate is what one unit of `currency` is worth in the reporting currency. A line that is there twice counts once. Errors:
 * `invalid_input`, naming each of the first wrong lines by its number and what was expected there.
 */
export function readRatesFile(text: string, reportingCurrency: string): FxRate[] {
  const [header = '', ...lines] = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  const wrong: string[] = [];
  if (header.trim() !== HEADER_TEXT) wrong.push(`line 1: expected the header "${HEADER_TEXT}"`);
  if (lines.length > MAX_RATES) wrong.push(`expected at most ${String(MAX_RATES)} lines`);
  const known = new Map<string, { readonly rate: FxRate; readonly line: number }>();
  for (const [index, content] of lines.slice(0, MAX_RATES).entries()) {
    if (wrong.length >= MAX_WRONG_LINES) break;
    if (content.trim() === '') continue;
    const line = index + 2;
    const read = readLine(content, reportingCurrency);
    if (typeof read === 'string') {
      wrong.push(`line ${String(line)}: ${read}`);
      continue;
    }
    const key = `${read.currency} ${read.date}`;
    const before = known.get(key);
    if (before && before.rate.rate !== read.rate) {
      wrong.push(
        `line ${String(line)}: expected ${before.rate.rate}, as line ${String(before.line)} has it for ${key}`,
      );
    }
    known.set(key, before ?? { rate: read, line });
  }
  if (wrong.length > 0) {
    throw new RecoupError('invalid_input', `The rates are wrong: ${wrong.join('; ')}.`);
  }
  return [...known.values()].map(({ rate }) => rate);
}

/** The rate, or what is wrong with the line. */
function readLine(content: string, reportingCurrency: string): FxRate | string {
  const values = content.split(',').map((value) => value.trim());
  if (values.length !== HEADER.length) {
    return `expected ${String(HEADER.length)} values, such as "USD,2026-03-29,0.9217"`;
  }
  const [currency, date, rate] = values;
  const parsed = rateSchema.safeParse({ currency, date, rate });
  if (!parsed.success) return wrongFields(parsed.error);
  if (currency === reportingCurrency) return `currency: expected another one than ${currency}`;
  return parsed.data;
}
