/** Draws names, places and currencies. */
import type { Currency } from './model';
import type { Random } from './random';

/** Where customers come from. */
const PLACES: [{ country: string; timeZone: string; currency: Currency }, number][] = [
  [{ country: 'DE', timeZone: 'Europe/Berlin', currency: 'eur' }, 14],
  [{ country: 'FR', timeZone: 'Europe/Paris', currency: 'eur' }, 10],
  [{ country: 'NL', timeZone: 'Europe/Amsterdam', currency: 'eur' }, 6],
  [{ country: 'ES', timeZone: 'Europe/Madrid', currency: 'eur' }, 6],
  [{ country: 'IT', timeZone: 'Europe/Rome', currency: 'eur' }, 6],
  [{ country: 'US', timeZone: 'America/New_York', currency: 'usd' }, 28],
  [{ country: 'US', timeZone: 'America/Los_Angeles', currency: 'usd' }, 10],
  [{ country: 'JP', timeZone: 'Asia/Tokyo', currency: 'jpy' }, 12],
  [{ country: 'KW', timeZone: 'Asia/Kuwait', currency: 'kwd' }, 8],
];

const FIRST = [
  'Ada',
  'Bruno',
  'Chiara',
  'Dmitri',
  'Elif',
  'Farid',
  'Greta',
  'Hugo',
  'Ines',
  'Jonas',
  'Keiko',
  'Layla',
  'Marek',
  'Noor',
  'Oskar',
  'Priya',
  'Quentin',
  'Rosa',
  'Sven',
  'Tomoko',
  'Umar',
  'Vera',
  'Wanda',
  'Yusuf',
  'Zoe',
];
const LAST = [
  'Abel',
  'Brandt',
  'Castillo',
  'Dubois',
  'Eriksen',
  'Ferrari',
  'Goldberg',
  'Hayashi',
  'Ivanov',
  'Jansen',
  'Kowalski',
  'Laurent',
  'Moretti',
  'Nakamura',
  'Okafor',
  'Petrov',
  'Quist',
  'Rahman',
  'Schneider',
  'Tanaka',
  'Unger',
  'Vargas',
  'Weber',
  'Yamada',
  'Zimmer',
];

interface Person {
  name: string;
  email: string;
  country: string;
  timeZone: string;
  currency: Currency;
}

/** Draws a person; `index` keeps e-mail addresses apart. A wish for a currency decides the place. */
export function drawPerson(
  choices: Random,
  { index, currency }: { index: number; currency?: Currency | undefined },
): Person {
  const [first, last] = [choices.pick(FIRST), choices.pick(LAST)];
  const place = choices.weighted(
    PLACES.filter(([each]) => currency === undefined || each.currency === currency),
  );
  const email = `${first}.${last}.${String(index)}@example.com`.toLowerCase();
  return { name: `${first} ${last}`, email, ...place };
}
