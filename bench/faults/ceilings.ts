/** Counts charges against the networks' best-known limits, on its own: it shares no code with what keeps to them. */
import type { Attempt } from '../../domain/recovery/attempt';
import type { Charge } from '../../simulator/world/model';
import type { World } from '../../simulator/world/world';

const DAY_SECONDS = 86_400;
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
 * The charges by the API that no network would have allowed, each with what it breaks. What others charge after an attempt was
 * intended, nobody who makes it can know.
 */
export function breachesOf(world: World, attempts: readonly Attempt[]): string[] {
  const intendedAt = new Map(
    attempts.map((attempt) => [attempt.idempotencyKey, attempt.intendedAt.getTime() / 1000]),
  );
  const byCredential = new Map<string, Charge[]>();
  for (const charge of world.charges.all) {
    const { fingerprint } = world.paymentMethods.get(charge.paymentMethod);
    const others = byCredential.get(fingerprint);
    if (others === undefined) byCredential.set(fingerprint, [charge]);
    else others.push(charge);
  }
  const breaches: string[] = [];
  for (const charges of byCredential.values()) {
    charges.forEach((charge, index) => {
      const origin = world.origins.get(charge.id);
      if (origin?.by !== 'api') return;
      const at = intendedAt.get(origin.request.idempotencyKey ?? '') ?? charge.created;
      const method = world.paymentMethods.get(charge.paymentMethod);
      const brand = method.debit ?? method.brand;
      const failed = charges
        .slice(0, index)
        .filter(({ status, created }) => status === 'failed' && created < at);
      const never = failed.find((each) => isNever(brand, each));
      if (never !== undefined) breaches.push(`${charge.id} after ${never.id}, never to be tried`);
      for (const { tries, days, ofAmount } of LIMITS[brand] ?? []) {
        const since = charge.created - days * DAY_SECONDS;
        const counted = failed.filter(
          ({ created, amountMinor }) =>
            created > since && (!ofAmount || amountMinor === charge.amountMinor),
        );
        if (counted.length >= tries) {
          breaches.push(
            `${charge.id} is try ${String(counted.length + 1)} in ${String(days)} days`,
          );
        }
      }
    });
  }
  return breaches;
}

function isNever(brand: string, { decline }: Charge): boolean {
  if (decline === null) return false;
  return brand === 'visa'
    ? VISA_NEVER.has(decline.networkDeclineCode ?? '')
    : brand === 'mastercard' && MASTERCARD_NEVER.has(decline.networkAdviceCode ?? '');
}
