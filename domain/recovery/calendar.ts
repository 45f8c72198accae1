/** Days and hours where the customer lives. A local day is its number since 1 January 1970, which was a Thursday. */
import { IANAZone } from 'luxon';

export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;

/** Where most people of a country live, for customers whose own zone is not known. */
const ZONE_OF_COUNTRY: Readonly<Record<string, string>> = {
  AR: 'America/Argentina/Buenos_Aires',
  AT: 'Europe/Vienna',
  AU: 'Australia/Sydney',
  BE: 'Europe/Brussels',
  BR: 'America/Sao_Paulo',
  CA: 'America/Toronto',
  CH: 'Europe/Zurich',
  CL: 'America/Santiago',
  CO: 'America/Bogota',
  CZ: 'Europe/Prague',
  DE: 'Europe/Berlin',
  DK: 'Europe/Copenhagen',
  ES: 'Europe/Madrid',
  FI: 'Europe/Helsinki',
  FR: 'Europe/Paris',
  GB: 'Europe/London',
  GR: 'Europe/Athens',
  HK: 'Asia/Hong_Kong',
  HU: 'Europe/Budapest',
  IE: 'Europe/Dublin',
  IL: 'Asia/Jerusalem',
  IN: 'Asia/Kolkata',
  IT: 'Europe/Rome',
  JP: 'Asia/Tokyo',
  KR: 'Asia/Seoul',
  LU: 'Europe/Luxembourg',
  MX: 'America/Mexico_City',
  NL: 'Europe/Amsterdam',
  NO: 'Europe/Oslo',
  NZ: 'Pacific/Auckland',
  PL: 'Europe/Warsaw',
  PT: 'Europe/Lisbon',
  RO: 'Europe/Bucharest',
  SE: 'Europe/Stockholm',
  SG: 'Asia/Singapore',
  SK: 'Europe/Bratislava',
  TR: 'Europe/Istanbul',
  US: 'America/Chicago',
  ZA: 'Africa/Johannesburg',
};

/** The zone of a customer: their own, else that of their country, else UTC. */
export function zoneOf(customer: {
  readonly timeZone: string | null;
  readonly country: string | null;
}): IANAZone {
  for (const name of [customer.timeZone, ZONE_OF_COUNTRY[customer.country ?? '']]) {
    const zone = name ? IANAZone.create(name) : null;
    if (zone?.isValid) return zone;
  }
  return IANAZone.create('UTC');
}

const localMs = (zone: IANAZone, atMs: number): number => atMs + zone.offset(atMs) * 60_000;

export const localDay = (zone: IANAZone, atMs: number): number =>
  Math.floor(localMs(zone, atMs) / DAY_MS);

/** The instant of that hour of that local day; an hour that clocks skip is the one after it. */
export function atHour(zone: IANAZone, day: number, hour: number): number {
  const wallMs = day * DAY_MS + hour * HOUR_MS;
  const guessMs = wallMs - zone.offset(wallMs) * 60_000;
  return wallMs - zone.offset(guessMs) * 60_000;
}

/** The first instant from `atMs` on whose local hour is at least `fromHour` and less than `toHour`. */
export function withinHours(
  zone: IANAZone,
  atMs: number,
  hours: { readonly fromHour: number; readonly toHour: number },
): number {
  const day = localDay(zone, atMs);
  const hour = (localMs(zone, atMs) - day * DAY_MS) / HOUR_MS;
  if (hour < hours.fromHour) return atHour(zone, day, hours.fromHour);
  return hour < hours.toHour ? atMs : atHour(zone, day + 1, hours.fromHour);
}

/** 0 is Sunday. */
export const weekday = (day: number): number => (day + 4) % 7;

/** The day of that date; month 12 is January of the next year, day 0 the last one of the month before. */
export const dayOf = (year: number, month: number, date: number): number =>
  Date.UTC(year, month, date) / DAY_MS;

/** Year, month (0 is January) and date of a day. */
export function dateOf(day: number): { year: number; month: number; date: number } {
  const date = new Date(day * DAY_MS);
  return { year: date.getUTCFullYear(), month: date.getUTCMonth(), date: date.getUTCDate() };
}
