import { InvalidArgumentError } from '@commander-js/extra-typings';
import { IANAZone } from 'luxon';

/** Whether the time zone database has this name, in this very spelling: accounts are found by it. */
export function isTimeZone(name: string): boolean {
  if (!/^[A-Za-z]/.test(name) || !IANAZone.isValidZone(name)) return false;
  const { timeZone } = new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions();
  return timeZone === name || timeZone.toLowerCase() !== name.toLowerCase();
}

/** A parser for an option that takes a time zone. */
export function parseTimeZone(name: string): string {
  if (isTimeZone(name)) return name;
  throw new InvalidArgumentError('Expected an IANA name such as Europe/Berlin.');
}
