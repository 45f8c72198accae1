/** What a campaign is told on the command line, exactly as far as it goes. */
import { InvalidArgumentError } from '@commander-js/extra-typings';
import type { Kysely } from 'kysely';
import { readExponent } from '../db/repositories/candidates';
import type { Database } from '../db/schema';
import { isoExponent } from '../domain/currency';
import { DECLINE_CLASSES, type DeclineClass } from '../domain/recovery/decline';
import { WHOLE_BP } from '../domain/recovery/holdout';
import { DEFAULT_TERMS, MAX_HOLDOUT_BP, type CampaignTerms } from '../domain/recovery/terms';
import { requireWindow } from './window';
import { wrongUse } from './errors';

export interface TermsOptions {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly minAmount?: string | undefined;
  readonly maxAmount?: string | undefined;
  readonly currency?: string | undefined;
  readonly classes?: readonly DeclineClass[] | undefined;
  readonly windowDays: number;
  readonly maxAttempts: number;
  readonly holdout: number;
  readonly budget?: number | undefined;
}

/** A parser for a share of at most half: `10%`, `2.5%`; in basis points. */
export function parseShare(text: string): number {
  const [, whole = '', part = ''] = /^(\d{1,2})(?:\.(\d{1,2}))?%$/.exec(text) ?? [];
  const bp = Number(whole + part.padEnd(2, '0'));
  if (whole !== '' && bp <= MAX_HOLDOUT_BP) return bp;
  const most = `${(MAX_HOLDOUT_BP * 100) / WHOLE_BP}%`;
  throw new InvalidArgumentError(`Expected a share from 0% to ${most}, such as 10% or 2.5%.`);
}

/** A parser for a comma-separated list. */
export function parseClasses(text: string): DeclineClass[] {
  const names = text.split(',').map((name) => name.trim());
  return names.map((name) => {
    const known = DECLINE_CLASSES.find((each) => each === name);
    if (known !== undefined) return known;
    throw new InvalidArgumentError(
      `There is no class "${name}". Known: ${DECLINE_CLASSES.join(', ')}.`,
    );
  });
}

/** Errors: exit code 2, naming the option. */
export async function readTerms(
  db: Kysely<Database>,
  accountId: string,
  options: TermsOptions,
): Promise<CampaignTerms> {
  const { minAmount, maxAmount, classes, windowDays, maxAttempts, holdout, budget } = options;
  const currency = options.currency?.toUpperCase() ?? null;
  const window = requireWindow(options);
  const amounts = await readAmounts(db, accountId, { currency, minAmount, maxAmount });
  return {
    ...DEFAULT_TERMS,
    ...window,
    ...amounts,
    currency,
    classes: classes ?? null,
    windowDays,
    maxAttempts,
    holdoutBp: holdout,
    budgetAttempts: budget ?? null,
  };
}

async function readAmounts(
  db: Kysely<Database>,
  accountId: string,
  options: {
    readonly currency: string | null;
    readonly minAmount: string | undefined;
    readonly maxAmount: string | undefined;
  },
): Promise<Pick<CampaignTerms, 'minAmountMinor' | 'maxAmountMinor'>> {
  const { currency, minAmount, maxAmount } = options;
  if (currency === null) {
    if (minAmount === undefined && maxAmount === undefined)
      return { minAmountMinor: null, maxAmountMinor: null };
    throw wrongUse(
      '--min-amount and --max-amount need a currency',
      'Give --currency, for example eur.',
    );
  }
  const exponent = (await readExponent(db, { accountId, currency })) ?? isoExponent(currency);
  if (exponent === null) {
    throw wrongUse(`--currency: there is no ${currency}`, 'Give an ISO 4217 code such as eur.');
  }
  const minorOf = (option: string, text: string | undefined): string | null =>
    text === undefined ? null : String(parseMinor(option, text, { currency, exponent }));
  const minAmountMinor = minorOf('--min-amount', minAmount);
  const maxAmountMinor = minorOf('--max-amount', maxAmount);
  if (minAmountMinor !== null && maxAmountMinor !== null) {
    if (BigInt(minAmountMinor) > BigInt(maxAmountMinor))
      throw wrongUse('--min-amount is more than --max-amount', 'Turn them round.');
  }
  return { minAmountMinor, maxAmountMinor };
}

/** `10.50` of exponent 2 is 1050n: digit by digit, at any size. Errors: exit code 2. */
export function parseMinor(
  option: string,
  text: string,
  { currency, exponent }: { readonly currency: string; readonly exponent: number },
): bigint {
  const [, whole, fraction = ''] = /^(\d+)(?:\.(\d+))?$/.exec(text) ?? [];
  if (whole === undefined) {
    throw wrongUse(
      `${option}: "${text}" is no amount of ${currency}`,
      `Give it as ${exponent === 0 ? '1050' : `10.${'5'.padEnd(exponent, '0')}`}.`,
    );
  }
  if (fraction.length > exponent) {
    const decimals = exponent === 0 ? 'no decimals' : `${exponent} decimals`;
    throw wrongUse(`${option}: ${currency} has ${decimals}, and "${text}" has more`, 'Round it.');
  }
  return BigInt(whole + fraction.padEnd(exponent, '0'));
}
