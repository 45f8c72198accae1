/** Counts charges against the networks' best-known limits, on its own: it shares no code with what keeps to them. */

const DAY_MS = 86_400_000;

/** One charge of a credential, whoever made it. */
export interface Tried {
  readonly id: string;
  /** Epoch milliseconds. */
  readonly atMs: number;
  readonly credential: string;
  /** Card brand or direct-debit scheme. */
  readonly network: string;
  /** Decimal minor units. */
  readonly amountMinor: string;
  readonly hasFailed: boolean;
  readonly networkDeclineCode: string | null;
  readonly networkAdviceCode: string | null;
  /** When the attempt was intended, for one of ours; null for what others made. */
  readonly intendedAtMs: number | null;
}

interface Limit {
  /** Declined tries, the first one included, after which no further one is allowed. */
  readonly tries: number;
  readonly days: number;
  /** Whether tries of other amounts are counted for themselves. */
  readonly ofAmount: boolean;
}

const LIMITS: Readonly<Record<string, readonly Limit[]>> = {
  visa: [{ tries: 21, days: 30, ofAmount: true }],
  mastercard: [
    { tries: 10, days: 1, ofAmount: false },
    { tries: 35, days: 30, ofAmount: true },
  ],
};
/** Of Visa's category 1. */
const VISA_NEVER = new Set([
  '04',
  '07',
  '12',
  '14',
  '15',
  '41',
  '43',
  '46',
  '57',
  'R0',
  'R1',
  'R3',
]);
const MASTERCARD_NEVER = new Set(['03', '21']);

/**
 * Our charges that no network would have allowed, each with what it breaks. What others charge after an attempt was intended,
 * nobody who makes it can know.
 */
export function breachesOf(charges: readonly Tried[]): string[] {
  const byCredential = new Map<string, Tried[]>();
  for (const charge of charges) {
    const others = byCredential.get(charge.credential);
    if (others === undefined) byCredential.set(charge.credential, [charge]);
    else others.push(charge);
  }
  return charges.flatMap((charge) => breachedBy(charge, byCredential.get(charge.credential) ?? []));
}

function breachedBy(
  { id, network, amountMinor, intendedAtMs: atMs }: Tried,
  ofCredential: readonly Tried[],
): string[] {
  if (atMs === null) return [];
  // Services tell time to the second: a charge may seem to be older than its own intent.
  const failed = ofCredential.filter(
    (other) => other.id !== id && other.hasFailed && other.atMs < atMs,
  );
  const never = failed.find(isNever);
  const used = (LIMITS[network] ?? []).filter(({ tries, days, ofAmount }) => {
    const counted = failed.filter(
      (other) =>
        other.atMs > atMs - days * DAY_MS && (!ofAmount || other.amountMinor === amountMinor),
    );
    return counted.length >= tries;
  });
  return [
    ...(never === undefined ? [] : [`${id} after ${never.id}, never to be tried`]),
    ...used.map(({ tries, days }) => `${id} after ${String(tries)} others in ${String(days)} days`),
  ];
}

function isNever({ network, networkDeclineCode, networkAdviceCode }: Tried): boolean {
  return network === 'visa'
    ? VISA_NEVER.has(networkDeclineCode ?? '')
    : network === 'mastercard' && MASTERCARD_NEVER.has(networkAdviceCode ?? '');
}
