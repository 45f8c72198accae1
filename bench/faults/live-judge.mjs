/** What has come of a storm, by the simulator's ledger and by ours. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { ROOT } from '../../dev/paths.mjs';
import { ACCOUNT } from './live-stack.mjs';

const require = createRequire(import.meta.url);
const { SIMULATED_WIRE } = require(join(ROOT, 'dist', 'domain', 'recovery', 'policy.js'));

/** What ends collecting between the last look and the request nobody can see: no longer than a claim may be sent. */
const GRACE_SECONDS = SIMULATED_WIRE.sendWithinMs / 1_000 + 1;
const INVOICES_PER_QUESTION = 50;
const DAY_MS = 86_400_000;

/** The networks' best-known limits, on their own: no code is shared with what keeps to them. So many failed tries, the first included. */
const LIMITS = {
  visa: [{ most: 21, windowMs: 30 * DAY_MS }],
  mastercard: [
    { most: 10, windowMs: DAY_MS },
    { most: 35, windowMs: 30 * DAY_MS },
  ],
};
/** Visa's category 1: never tried again. */
const NEVER = ['04', '07', '12', '14', '15', '41', '43', '46', '57', 'R0', 'R1', 'R3'];

/**
 * @param {{ stack: any, pool: import('pg').Pool, canceled: ReadonlyMap<string, number> }} options
 * @returns {Promise<{ verdict: object, findings: string[] }>} the counts, and what each of them is about
 */
export async function judgeLive({ stack, pool, canceled }) {
  const { rows: cases } = await pool.query(
    'select invoice_id as invoice, state from recovery_case where account_id = $1 order by 1',
    [ACCOUNT],
  );
  const { rows: attempts } = await pool.query(
    `select invoice_id as invoice, number, attempt.state, settled_by as "settledBy", send_before as "sendBefore",
       intended_at as "intendedAt", idempotency_key as key, recovery_case.state as "caseState", note
     from recovery_attempt as attempt join recovery_case using (account_id, invoice_id)
     where account_id = $1 order by 1, 2`,
    [ACCOUNT],
  );
  const oracle = await stack.control(`/_oracle/charges?graceSeconds=${GRACE_SECONDS}`);
  const stories = await readStories(stack, cases);
  const name = ({ invoice, number }) => `${invoice}/${number}`;
  const doubles = oracle.doubleCharges.map((each) => JSON.stringify(each));
  const forbidden = [
    ...oracle.forbiddenCharges.map((each) => JSON.stringify(each)),
    ...attempts
      .filter((attempt) => isAfter(canceled.get(attempt.invoice), attempt))
      .map((attempt) => `${name(attempt)} was begun after its case was canceled`),
  ];
  const breaches = breachesOf(stories, attempts);
  const open = attempts.filter(
    ({ state, caseState }) =>
      ['intended', 'unknown', 'pending'].includes(state) && caseState !== 'needs_human',
  );
  const unresolved = open.map(
    (each) => `${name(each)} is ${each.state}, its case ${each.caseState}`,
  );
  const wrong = wrongOutcomes(stories, attempts);
  const verdict = {
    liveCases: cases.length,
    attempts: attempts.length,
    doubleCharges: doubles.length,
    forbiddenCharges: forbidden.length,
    ceilingBreaches: breaches.length,
    wrongOutcomes: wrong.length,
    unresolved: unresolved.length,
    needsHuman: cases.filter(({ state }) => state === 'needs_human').length,
  };
  const told = { double: doubles, forbidden, ceiling: breaches, wrong, unresolved };
  const findings = Object.entries(told).flatMap(([kind, texts]) =>
    texts.map((text) => `${kind}: ${text}`),
  );
  return { verdict, findings };
}

/** What each of our outcomes must be in the ledger of the service, where the attempt is found by its key. */
const OUTCOMES = {
  succeeded: ['succeeded'],
  declined: ['failed'],
  returned: ['failed'],
  absent: [undefined],
};

function wrongOutcomes(stories, attempts) {
  const charges = stories.flatMap((story) => story.charges);
  const results = new Map(charges.map(({ idempotencyKey, result }) => [idempotencyKey, result]));
  return attempts
    .filter(({ state, key }) => OUTCOMES[state]?.includes(results.get(key)) === false)
    .map(({ invoice, number, state, settledBy, note, key }) => {
      const known = `${invoice}/${number} is ${state} by ${settledBy} (${note})`;
      return `${known}, and the service has it ${results.get(key)}`;
    });
}

const isAfter = (canceledAtMs, { sendBefore, settledBy }) =>
  canceledAtMs !== undefined &&
  settledBy !== 'fence' &&
  sendBefore.getTime() - SIMULATED_WIRE.sendWithinMs > canceledAtMs;

async function readStories(stack, cases) {
  const stories = [];
  for (let at = 0; at < cases.length; at += INVOICES_PER_QUESTION) {
    const page = cases.slice(at, at + INVOICES_PER_QUESTION).map(({ invoice }) => invoice);
    stories.push(...(await stack.control(`/_oracle/ledger?invoice=${page.join(',')}`)));
  }
  return stories;
}

/** Charges of ours that were one too many. What others charge after an attempt was intended, nobody who makes it can know. */
function breachesOf(stories, attempts) {
  const intendedAt = new Map(attempts.map(({ key, intendedAt: at }) => [key, at.getTime()]));
  const charges = stories.flatMap(({ invoice, charges: made }) =>
    made.map((charge) => ({ ...charge, invoice, atMs: Date.parse(charge.at) })),
  );
  return charges
    .filter(({ by }) => by === 'api')
    .flatMap(({ id, invoice, credential, network, idempotencyKey }) => {
      const at = intendedAt.get(idempotencyKey);
      const failed = charges.filter(
        (other) => other.credential === credential && other.result === 'failed' && other.atMs < at,
      );
      const never = failed.find((other) => NEVER.includes(other.networkDeclineCode));
      const used = (LIMITS[network] ?? []).filter(
        ({ most, windowMs }) => failed.filter(({ atMs }) => atMs > at - windowMs).length >= most,
      );
      const text = `${id} of ${invoice} (${network})`;
      return [
        ...(network === 'visa' && never
          ? [`${text} after ${never.networkDeclineCode} of ${never.id}`]
          : []),
        ...used.map(({ most }) => `${text} after ${most} others`),
      ];
    });
}
