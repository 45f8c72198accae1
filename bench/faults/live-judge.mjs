/** What has come of a storm, by the simulator's ledger and by ours. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { ROOT } from '../../dev/paths.mjs';
import { ACCOUNT } from '../live/stack.mjs';

const require = createRequire(import.meta.url);
const { breachesOf } = require(join(ROOT, 'dist', 'bench', 'faults', 'ceilings.js'));
const { SIMULATED_WIRE } = require(join(ROOT, 'dist', 'domain', 'recovery', 'policy.js'));

/** What ends collecting between the last look and the request nobody can see: no longer than a claim may be sent. */
const GRACE_SECONDS = SIMULATED_WIRE.sendWithinMs / 1_000 + 1;
const INVOICES_PER_QUESTION = 50;

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
  const breaches = breachesOf(triedIn(stories, attempts));
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

/** The service's charges, each of ours with when it was intended. */
function triedIn(stories, attempts) {
  const intended = new Map(attempts.map(({ key, intendedAt }) => [key, intendedAt.getTime()]));
  return stories.flatMap(({ charges }) =>
    charges.map((charge) => {
      const atMs = Date.parse(charge.at);
      return {
        ...charge,
        atMs,
        hasFailed: charge.result === 'failed',
        // The story of an invoice does not tell it.
        networkAdviceCode: null,
        // One that our ledger does not know is held against what was before it.
        intendedAtMs: charge.by === 'api' ? (intended.get(charge.idempotencyKey) ?? atMs) : null,
      };
    }),
  );
}
