/** Direct debits: when their result comes, how they are returned, and who takes his money back later. */
import { DAY } from './calendar';
import type { BankAccount, DebitScheme, Decline, Dispute } from './model';
import { Random } from './random';

interface Return {
  /** The scheme's code. */
  code: string;
  /** Stripe's word for it. */
  reason: string;
  /** Share among the returns of accounts that are alive or dead. */
  weight: number;
  kind: 'trouble' | 'dead';
  adviceCode: Decline['adviceCode'];
  message: string;
}

const NO_FUNDS = 'The customer’s account has insufficient funds to cover this payment.';
const CLOSED = 'The customer’s bank account has been closed.';
const NOT_AUTHORIZED = 'The customer has notified their bank that this payment was unauthorized.';

/** Reason codes of SEPA's R-transactions and Nacha's returns, with Stripe's failure codes. */
const RETURNS: Record<DebitScheme, readonly Return[]> = {
  sepa_debit: [
    row('AM04', 'insufficient_funds', 85, 'trouble', NO_FUNDS),
    row('MS03', 'generic_could_not_process', 15, 'trouble', 'The bank gave no reason.'),
    row('AC04', 'account_closed', 45, 'dead', CLOSED),
    row('MD01', 'debit_not_authorized', 40, 'dead', NOT_AUTHORIZED),
    row('AC06', 'bank_account_restricted', 15, 'dead', 'The bank account is restricted.'),
  ],
  us_bank_account: [
    row('R01', 'insufficient_funds', 90, 'trouble', NO_FUNDS),
    row('R09', 'insufficient_funds', 10, 'trouble', NO_FUNDS),
    row('R02', 'account_closed', 40, 'dead', CLOSED),
    row('R03', 'no_account', 20, 'dead', 'The bank account could not be located.'),
    row('R10', 'debit_not_authorized', 30, 'dead', NOT_AUTHORIZED),
    row('R08', 'payment_stopped', 10, 'dead', 'The customer has stopped this payment.'),
  ],
};

function row(
  code: string,
  reason: string,
  weight: number,
  kind: Return['kind'],
  message: string,
): Return {
  const adviceCode = kind === 'dead' ? 'do_not_try_again' : 'try_again_later';
  return { code, reason, weight, kind, adviceCode, message };
}

/** Draws a return code of the mix. */
export function drawReturn(random: Random, scheme: DebitScheme, kind: Return['kind']): string {
  return random.weighted(
    RETURNS[scheme].flatMap((each) => (each.kind === kind ? [[each.code, each.weight]] : [])),
  );
}

/** Accounts are in funds, or are not, for so long. */
const SPELL = 5 * DAY;
const SETTLEMENT_DAYS = { min: 2, max: 5 } as const;
/** Share of settled debits that come back after all, and when. */
const LATE_RETURN_SHARE = 0.04;
const LATE_RETURN_DAYS = { min: 3, max: 55 } as const;

export interface DebitResult {
  /** When it is known. */
  at: number;
  /** null: it succeeds. */
  returned: Decline | null;
  /** When it comes back although it had succeeded; null is never. */
  comesBackAt: number | null;
}

/** What becomes of a debit: a pure function of the account and the instant of its submission. */
export function resultOf(
  account: Pick<BankAccount, 'debit' | 'issuer'>,
  submittedAt: number,
): DebitResult {
  const { seed, troubleRate, diesAt, deadDecline } = account.issuer;
  const draw = (label: string): Random => new Random(`${seed}/debit ${label}`);
  const luck = draw(String(submittedAt));
  const at = submittedAt + luck.integer(SETTLEMENT_DAYS.min, SETTLEMENT_DAYS.max) * DAY;
  const inTrouble = draw(`spell ${String(Math.floor(at / SPELL))}`).chance(troubleRate);
  const isDead = diesAt !== null && at >= diesAt;
  const comesBack = luck.chance(LATE_RETURN_SHARE);
  const days = luck.integer(LATE_RETURN_DAYS.min, LATE_RETURN_DAYS.max);
  if (!isDead && !inTrouble)
    return { at, returned: null, comesBackAt: comesBack ? at + days * DAY : null };
  const code = isDead ? deadDecline : drawReturn(luck, account.debit, 'trouble');
  return { at, returned: returnOf(account.debit, code), comesBackAt: null };
}

/** Whether the account itself is at fault, so that the service does not try it again. */
export function isFinal(returned: Decline): boolean {
  return returned.adviceCode === 'do_not_try_again';
}

/** Why money comes back late: mostly since the customer says that he never agreed. */
export function lateReason(account: BankAccount, at: number): Dispute['reason'] {
  const unauthorised = new Random(`${account.issuer.seed}/late ${String(at)}`).chance(0.8);
  return unauthorised ? 'debit_not_authorized' : 'insufficient_funds';
}

function returnOf(scheme: DebitScheme, code: string): Decline {
  const found = RETURNS[scheme].find((each) => each.code === code);
  if (found === undefined) throw new Error(`${scheme} has no return code ${code}.`);
  return {
    code: found.reason,
    declineCode: found.reason,
    networkDeclineCode: code,
    networkAdviceCode: null,
    adviceCode: found.adviceCode,
    outcomeType: 'issuer_declined',
    message: found.message,
  };
}
