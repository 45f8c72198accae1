/** What operators type: one JSON object, refused with a message that names the field and shows a correct one. */
import { ApplicationFailure } from '@temporalio/workflow';
import { IANAZone } from 'luxon';
import { z } from 'zod';
import { SYNC_POLICY } from '../domain/account/budget';
import type { SyncPolicy } from '../domain/account/budget';
import { RECOVERY_POLICY } from '../domain/recovery/policy';
import type { RecoveryPolicy } from '../domain/recovery/policy';
import { parseWindow } from '../domain/sync/window';
import { CASE_NEWS, EXAMPLES, NIGHTLY_MAX_CONCURRENT } from './contract';
import type {
  AccountInput,
  BackfillInput,
  DeliverMessageInput,
  NightlyInput,
  PaymentRetryInput,
  RestateInput,
  RetryCampaignInput,
} from './contract';

const NAME_MAX_CHARS = 200;
const REASON_MAX_CHARS = 500;
const MOST_CONCURRENT = 10_000;

const name = z.string().min(1).max(NAME_MAX_CHARS);

const atLeast = (min: number, byDefault: number) => z.number().int().min(min).default(byDefault);

const zone = name.refine((text) => IANAZone.isValidZone(text), {
  error: 'expected an IANA name such as Europe/Berlin',
});

const policy = z
  .strictObject({
    backoffFirstMs: atLeast(1, SYNC_POLICY.backoffFirstMs),
    backoffMaxMs: atLeast(1, SYNC_POLICY.backoffMaxMs),
    alarmAfterFailures: atLeast(1, SYNC_POLICY.alarmAfterFailures),
    maxFailuresWithoutProgress: atLeast(0, SYNC_POLICY.maxFailuresWithoutProgress),
    maxFailuresWithProgress: atLeast(0, SYNC_POLICY.maxFailuresWithProgress),
    patienceMs: atLeast(0, SYNC_POLICY.patienceMs),
    gatherMs: atLeast(1, SYNC_POLICY.gatherMs),
  } satisfies Record<keyof SyncPolicy, z.ZodType>)
  .prefault({});

const accountSchema = z.strictObject({ account: name, policy, carried: z.unknown().optional() });

const backfillSchema = z
  .strictObject({
    account: name,
    run: name.optional(),
    from: z.string().optional(),
    to: z.string().optional(),
    resources: z.array(name).min(1, 'name at least one resource, or leave it out').optional(),
    refetch: z.boolean().optional(),
    policy,
    carried: z.unknown().optional(),
  })
  .superRefine(({ run, ...rest }, context) => {
    if (run === undefined) return;
    for (const field of ['from', 'to', 'refetch'] as const) {
      if (rest[field] === undefined) continue;
      const message = 'leave it out: the run has its window already';
      context.addIssue({ code: 'custom', path: [field], message });
    }
  })
  .transform(({ from, to, ...rest }, context) => {
    const parsed = parseWindow({ from, to });
    if (parsed.ok) return { ...rest, ...parsed.window };
    for (const { field, message } of parsed.problems) {
      context.addIssue({ code: 'custom', path: [field], message });
    }
    return z.NEVER;
  });

const updateSchema = z.strictObject({ reason: z.string().max(REASON_MAX_CHARS).optional() });
const changeSchema = updateSchema.extend({ what: z.enum(['credentials', 'configuration']) });
const retrySchema = updateSchema.extend({ resource: name.optional() });
const skipSchema = updateSchema.extend({ resource: name, always: z.boolean().optional() });
const wakeSchema = updateSchema.extend({
  what: z.enum(['sync', 'changes']),
  to: z.iso.datetime({ offset: true }).optional(),
});

const recoveryPolicy = z
  .strictObject({
    sendWithinMs: atLeast(1, RECOVERY_POLICY.sendWithinMs),
    paymentTimeoutMs: atLeast(1, RECOVERY_POLICY.paymentTimeoutMs),
    settleMs: atLeast(0, RECOVERY_POLICY.settleMs),
    lookupDelaysMs: z
      .array(z.number().int().min(0))
      .min(1)
      .default([...RECOVERY_POLICY.lookupDelaysMs]),
    lookAgainMs: atLeast(1, RECOVERY_POLICY.lookAgainMs),
    settlementDelaysMs: z
      .array(z.number().int().min(1))
      .min(1)
      .default([...RECOVERY_POLICY.settlementDelaysMs]),
    settleWithinMs: atLeast(1, RECOVERY_POLICY.settleWithinMs),
    providerRetryGraceMs: atLeast(0, RECOVERY_POLICY.providerRetryGraceMs),
    maxIdleProviderRetries: atLeast(0, RECOVERY_POLICY.maxIdleProviderRetries),
    backoffFirstMs: atLeast(1, RECOVERY_POLICY.backoffFirstMs),
    backoffMaxMs: atLeast(1, RECOVERY_POLICY.backoffMaxMs),
    alarmAfterFailures: atLeast(1, RECOVERY_POLICY.alarmAfterFailures),
  } satisfies Record<keyof RecoveryPolicy, z.ZodType>)
  .prefault({});

const caseSchema = z.strictObject({
  account: name,
  invoice: name,
  policy: recoveryPolicy,
  carried: z.unknown().optional(),
});
const resolveSchema = z.strictObject({
  outcome: z.enum(['succeeded', 'declined', 'absent']),
  reason: z.string().trim().min(1, 'say why: it is kept').max(REASON_MAX_CHARS),
});
const reopenSchema = resolveSchema.pick({ reason: true });
const newsSchema = z.strictObject({ what: z.enum(CASE_NEWS) });
const tickSchema = z.strictObject({ nowMs: z.number().int().min(0) });

const nightlySchema = z.strictObject({
  timeZone: zone.nullable().default(null),
  except: z.array(zone).default([]),
  maxConcurrent: z.number().int().min(1).max(MOST_CONCURRENT).default(NIGHTLY_MAX_CONCURRENT),
  carried: z.unknown().optional(),
});

const restateSchema = z.strictObject({ account: name, rows: z.boolean().default(false) });

const deliverSchema = z.strictObject({ account: name, message: name });
const campaignSchema = z.strictObject({ campaign: name, carried: z.unknown().optional() });

/** A wrong input fails for good: trying again would not mend it. */
export function invalidInput(message: string, example: unknown): ApplicationFailure {
  return ApplicationFailure.nonRetryable(
    `${message} Correct is for example: ${JSON.stringify(example)}`,
    'invalid_input',
  );
}

function check<T>(schema: z.ZodType<T>, given: unknown, example: unknown): T {
  const result = schema.safeParse(given);
  if (result.success) return result.data;
  throw invalidInput(`Invalid input: ${result.error.issues.map(describe).join('; ')}.`, example);
}

function describe(issue: z.core.$ZodIssue): string {
  if (issue.code === 'unrecognized_keys') {
    return `unknown field ${issue.keys.map((key) => JSON.stringify(key)).join(', ')}`;
  }
  const field = issue.path.join('.');
  return field === ''
    ? `expected one JSON object (${issue.message})`
    : `${field}: ${issue.message}`;
}

export interface CheckedAccountInput {
  readonly account: string;
  readonly policy: SyncPolicy;
  readonly carried: unknown;
}

/** Throws ApplicationFailure `invalid_input`. */
export function checkAccountInput(given: AccountInput): CheckedAccountInput {
  const input = check(accountSchema, given, EXAMPLES.account);
  return { ...input, carried: input.carried };
}

export interface CheckedBackfillInput extends CheckedAccountInput {
  /** Instants as ISO strings in UTC. */
  readonly from: string | null;
  readonly to: string | null;
  readonly resources: readonly string[] | null;
  readonly refetch: boolean;
  /** A run that has ended and is taken up again; its own window counts. */
  readonly run: string | null;
}

/** Throws ApplicationFailure `invalid_input`. */
export function checkBackfillInput(given: BackfillInput): CheckedBackfillInput {
  const input = check(backfillSchema, given, EXAMPLES.backfill);
  return {
    account: input.account,
    from: input.from,
    to: input.to,
    resources: input.resources ?? null,
    refetch: input.refetch ?? false,
    run: input.run ?? null,
    policy: input.policy,
    carried: input.carried,
  };
}

export function invalidBackfill(message: string): ApplicationFailure {
  return invalidInput(message, EXAMPLES.backfill);
}

/** Validators of updates. Synchronous on purpose: a rejected async one would stall the whole workflow. */
export function checkUpdate(given: unknown): void {
  check(updateSchema, given ?? {}, EXAMPLES.update);
}

export function checkChange(given: unknown): void {
  check(changeSchema, given ?? {}, EXAMPLES.accountChanged);
}

export function checkRetry(given: unknown): void {
  check(retrySchema, given ?? {}, EXAMPLES.retry);
}

export function checkSkip(given: unknown): void {
  check(skipSchema, given, EXAMPLES.skip);
}

export interface ReadWake {
  readonly wish: z.infer<typeof wakeSchema> | null;
  readonly refused: string | null;
}

export function readWake(given: unknown): ReadWake {
  const { value: wish, refused } = read(wakeSchema, given, EXAMPLES.wake);
  return { wish, refused };
}

interface Read<T> {
  readonly value: T | null;
  readonly refused: string | null;
}

/** Signals have no validator: what is wrong comes back as a sentence. */
function read<T>(schema: z.ZodType<T>, given: unknown, example: unknown): Read<T> {
  try {
    return { value: check(schema, given, example), refused: null };
  } catch (thrown) {
    if (!(thrown instanceof ApplicationFailure)) throw thrown;
    return { value: null, refused: thrown.message };
  }
}

export interface CheckedCaseInput {
  readonly account: string;
  readonly invoice: string;
  readonly policy: RecoveryPolicy;
  readonly carried: unknown;
}

/** Throws ApplicationFailure `invalid_input`. */
export function checkCaseInput(given: PaymentRetryInput): CheckedCaseInput {
  const input = check(caseSchema, given, EXAMPLES.paymentRetry);
  return { ...input, carried: input.carried };
}

export function checkResolve(given: unknown): void {
  check(resolveSchema, given, EXAMPLES.resolve);
}

export function checkReopen(given: unknown): void {
  check(reopenSchema, given, EXAMPLES.update);
}

export const readCaseNews = (given: unknown): Read<z.infer<typeof newsSchema>> =>
  read(newsSchema, given, EXAMPLES.caseNews);

export const readTick = (given: unknown): Read<z.infer<typeof tickSchema>> =>
  read(tickSchema, given, EXAMPLES.tick);

export interface CheckedNightlyInput {
  readonly timeZone: string | null;
  readonly except: readonly string[];
  readonly maxConcurrent: number;
  readonly carried: unknown;
}

/** Throws ApplicationFailure `invalid_input`. */
export function checkNightlyInput(given: NightlyInput | undefined): CheckedNightlyInput {
  const input = check(nightlySchema, given ?? {}, EXAMPLES.nightlySync);
  return { ...input, carried: input.carried };
}

/** Throws ApplicationFailure `invalid_input`. */
export const checkCampaignInput = (
  given: RetryCampaignInput,
): Pick<RetryCampaignInput, 'campaign' | 'carried'> =>
  check(campaignSchema, given, EXAMPLES.retryCampaign);

/** Throws ApplicationFailure `invalid_input`. */
export const checkDeliverInput = (given: DeliverMessageInput): DeliverMessageInput =>
  check(deliverSchema, given, EXAMPLES.deliverMessage);

export const checkRestateInput = (given: RestateInput): { account: string; rows: boolean } =>
  check(restateSchema, given, EXAMPLES.restateMetrics);
