/**
 * Reads the codes of a declined payment.
 *
 * Six fields may speak, from the most specific to the least: the network's advice, the network's decline code, what the provider
 * itself did, its advice, its decline code, its failure code. The rule by which they come to one decline:
 *
 * - Whether it may be tried again is the strictest of what the known codes say (`RETRYABLES`). Of those that say so the most
 *   specific decides (`by`).
 * - When, is what the most specific of those says that names a time at all; the class is that of the most specific of those that
 *   is not vague. A less specific one only fills the gap.
 * - Why, is what the most specific of all codes says that is not vague.
 * - A code that no vocabulary holds is soft, is waited for as after a decline without a reason, and bounds the tries.
 *
 * So no further code ever loosens what may be done, whichever field it comes in, and a less specific one never hastens it.
 */
import { VOCABULARIES } from './codes';
import { DAY_MS, retry, type CodeTable } from './codes/meaning';
import {
  RETRYABLES,
  type CodeMeaning,
  type CodeRef,
  type Decline,
  type DeclineCodes,
} from './decline';
import { REASONS, type Reason } from './reasons';

export interface Vocabulary {
  readonly name: string;
  readonly codes: CodeTable;
}

/** A field that the provider itself fills. */
export type ProviderField = 'outcomeType' | 'adviceCode' | 'declineCode' | 'failureCode';

/** A provider's own part of the reading. */
export interface ProviderVocabularies {
  /** The scheme of a method that is no card, where there is a vocabulary of it: for example `us_bank_account` is `ach`. */
  readonly schemes: Readonly<Record<string, string>>;
  /** Where the codes of a field are looked up: the first that holds a code says what it means. */
  readonly lookup: (
    field: ProviderField,
    codes: DeclineCodes,
  ) => readonly [Vocabulary, ...Vocabulary[]];
  /** Values that say nothing about the decline, by field. */
  readonly silent: Readonly<Partial<Record<ProviderField, readonly string[]>>>;
}

/** Vocabularies of network advice, by the network's vocabulary. */
const ADVICE: Readonly<Record<string, string>> = { mastercard: 'mastercard_mac' };
const PROVIDER_FIELDS = ['outcomeType', 'adviceCode', 'declineCode', 'failureCode'] as const;

/** As after a decline without a reason. */
const UNKNOWN_DELAY_MS = 2 * DAY_MS;
const NOTHING_KNOWN = { ref: null, meaning: retry('soft', 'declined', UNKNOWN_DELAY_MS) };

type Reading = CodeRef & { readonly meaning: CodeMeaning | null };

/** Pure; never throws, whatever the codes are. */
export function readDecline(codes: DeclineCodes, vocabularies: ProviderVocabularies): Decline {
  const readings = readAll(codes, vocabularies);
  const known = readings.flatMap(({ meaning, ...ref }) => (meaning ? [{ ref, meaning }] : []));
  const strictest = Math.max(...known.map(({ meaning }) => strictness(meaning)));
  const deciding = known.filter(({ meaning }) => strictness(meaning) === strictest);
  const [{ ref: by, meaning } = NOTHING_KNOWN] = deciding;
  const { retryable } = meaning;
  const { reason, payday = false } = mostTelling(known) ?? meaning;
  const unmapped = unmappedOf(readings);
  const statedMs = deciding.find((each) => each.meaning.delayMs !== null)?.meaning.delayMs ?? null;
  const isBlind = unmapped !== null && retryable === 'yes';
  return {
    reason,
    class: (mostTelling(deciding) ?? meaning).class,
    retryable,
    delayMs: isBlind ? Math.max(statedMs ?? 0, UNKNOWN_DELAY_MS) : statedMs,
    ...(retryable === 'yes' && payday ? { payday } : {}),
    by,
    known: known.map(({ ref }) => ref),
    unmapped,
  };
}

/** Every code that was given and says something, the most specific first. */
function readAll(
  codes: DeclineCodes,
  { schemes, lookup, silent }: ProviderVocabularies,
): Reading[] {
  const { cardBrand, methodType, networkAdviceCode, networkDeclineCode } = codes;
  const network = cardBrand ?? own(schemes, methodType ?? '') ?? methodType ?? 'network';
  const advice = own(ADVICE, network) ?? `${network}_advice`;
  return [
    ...read(networkAdviceCode, [shared(advice)]),
    ...read(networkDeclineCode, [shared(network)]),
    ...PROVIDER_FIELDS.flatMap((field) =>
      silent[field]?.includes(codes[field] ?? '') ? [] : read(codes[field], lookup(field, codes)),
    ),
  ];
}

function read(code: string | null, where: readonly [Vocabulary, ...Vocabulary[]]): Reading[] {
  if (code === null) return [];
  const { name, codes } = where.find((each) => own(each.codes, code) !== undefined) ?? where[0];
  return [{ vocabulary: name, code, meaning: own(codes, code) ?? null }];
}

/** The most specific code that no vocabulary holds; a decline without any code is as dark as one with an unknown one. */
function unmappedOf(readings: readonly Reading[]): string | null {
  if (readings.length === 0) return 'code=none';
  const unmapped = readings.find(({ meaning }) => meaning === null);
  return unmapped ? `${unmapped.vocabulary}=${unmapped.code}` : null;
}

/** A network that nobody has described here has a vocabulary without codes: all that it says is unmapped. */
const shared = (name: string): Vocabulary => ({ name, codes: own(VOCABULARIES, name) ?? {} });

/** Codes come from outside: `constructor` is none that a table holds. */
const own = <T>(table: Readonly<Record<string, T>>, key: string): T | undefined =>
  Object.hasOwn(table, key) ? table[key] : undefined;

const mostTelling = (known: readonly { meaning: CodeMeaning }[]): CodeMeaning | undefined =>
  known.find(({ meaning }) => (REASONS[meaning.reason] as Reason).vague !== true)?.meaning;
const strictness = ({ retryable }: CodeMeaning): number => RETRYABLES.indexOf(retryable);
