/** Who is measured, as data: Recoup, the floors, and the peers. */
import { fileURLToPath } from 'node:url';

const script = (path) => fileURLToPath(new URL(path, import.meta.url));
/** As many as Recoup has lanes. */
const FLOOR_RANGES = 8;
const LOOK_LIMIT_MS = 5_000;

/**
 * @typedef {object} Contender
 * @property {string} name
 * @property {'recoup' | 'floor' | 'peer as shipped' | 'peer driven'} kind
 * @property {string} [script]  its process; Recoup has its own way
 * @property {number} [ranges]  into how many ranges of creation times its work is cut from outside
 * @property {boolean} stores   whether it has a database
 * @property {Record<string, number>} rows  rows that each table must hold afterwards, for each invoice
 * @property {() => Promise<string | null>} [lacks]  what it lacks on this machine, so that it is left out; null for nothing
 */

/** Where @stripe/sync-engine looks for the specification that it makes its tables from. */
const OPENAPI_COMMITS = 'https://api.github.com/repos/stripe/openapi/commits?per_page=1';

async function lacksOpenApi() {
  if (process.env.STRIPE_OPENAPI_SPEC) return null;
  const found = await fetch(OPENAPI_COMMITS, { signal: AbortSignal.timeout(LOOK_LIMIT_MS) }).then(
    ({ ok }) => ok,
    () => false,
  );
  return found
    ? null
    : "it needs Stripe's OpenAPI specification of API version 2020-08-27: GitHub does not answer, and STRIPE_OPENAPI_SPEC names no file with it";
}

/** @type {readonly Contender[]} in the order of their turn */
export const CONTENDERS = [
  {
    name: 'recoup',
    kind: 'recoup',
    stores: true,
    rows: { raw_object: 1, invoice: 1, invoice_line: 2 },
  },
  {
    name: 'walk',
    kind: 'floor',
    script: script('floor.mjs'),
    ranges: FLOOR_RANGES,
    stores: false,
    rows: {},
  },
  {
    name: 'copy',
    kind: 'floor',
    script: script('floor.mjs'),
    ranges: FLOOR_RANGES,
    stores: true,
    rows: { invoice: 1 },
  },
  {
    name: 'supabase',
    kind: 'peer as shipped',
    script: script('peers/supabase.mjs'),
    ranges: 1,
    stores: true,
    rows: { 'stripe.invoices': 1 },
  },
  {
    name: 'supabase-16',
    kind: 'peer driven',
    script: script('peers/supabase.mjs'),
    ranges: 16,
    stores: true,
    rows: { 'stripe.invoices': 1 },
  },
  {
    name: 'stripe',
    kind: 'peer as shipped',
    script: script('peers/stripe.mjs'),
    ranges: 1,
    stores: true,
    rows: { 'stripe.invoices': 1 },
    lacks: lacksOpenApi,
  },
];

export const PEERS = CONTENDERS.filter(({ kind }) => kind.startsWith('peer')).map(
  ({ name }) => name,
);
