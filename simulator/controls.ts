/** What can be asked and told beside the API: control of the service, and its oracle. None of this is Stripe's. */
import type { Clock } from './clock';
import { parseFaultRules, type FaultPlan } from './faults';
import { countOf, fieldsOf, textOf } from './input';
import { judge, storiesOf } from './oracle/charges';
import { ledger } from './oracle/ledger';
import { mrr, mrrAt, untraced } from './oracle/mrr';
import { booked, BOOKED_KINDS } from './oracle/objects';
import { policyFrom } from './oracle/policy';
import { totals } from './oracle/totals';
import type { RequestLog } from './request-log';
import type { StripeApi } from './stripe/api';
import { parseKeys } from './stripe/keys';
import { parseEndpoint, type Webhooks } from './webhooks';
import { advance } from './world/advance';
import { CHANGE_KINDS, type ChangeDone, type ChangeWish } from './world/changes';
import { setRetries } from './world/payments';
import { RETRY_MODES } from './world/settings';
import type { World } from './world/world';

/** In one second, by one request. */
const MAX_CHANGES = 1000;

/** What a service consists of. */
export interface Parts {
  world: World;
  clock: Clock;
  faults: FaultPlan;
  requests: RequestLog;
  api: StripeApi;
  webhooks: Webhooks;
  /** Lets things happen now, all in the same second; what is left out of a wish is drawn from the world's seed. */
  change(wishes: readonly ChangeWish[]): ChangeDone[];
}

/** Its answer, or the promise of it. */
type Operation = (parts: Parts, query: URLSearchParams, input: unknown) => unknown;

/** The oracle, and what concerns the way to the service: no journal keeps it. */
export const operations: Readonly<Record<string, Operation>> = {
  'GET /_oracle/totals': ({ world }) => totals(world),
  // Every movement of money; `?invoice=in_…,in_…` gives the stories of these invoices instead.
  'GET /_oracle/ledger': ({ world }, query) => {
    const invoices = query.get('invoice');
    return invoices === null ? ledger(world) : storiesOf(world, invoices.split(','));
  },
  // What was charged twice, and what after collecting had to end; `?graceSeconds=N` forgives what ended less than N seconds before.
  'GET /_oracle/charges': ({ world }, query) =>
    judge(world, { graceSeconds: countOf(Number(query.get('graceSeconds') ?? 0), 'graceSeconds') }),
  // One by one, newest first: `?kind=invoice&from=ISO&to=ISO&after=in_…`.
  'GET /_oracle/objects': ({ world }, query) => {
    const kind = BOOKED_KINDS.find((known) => known === query.get('kind'));
    if (kind === undefined) throw new Error(`kind must be one of ${BOOKED_KINDS.join(', ')}.`);
    const [from, to] = [secondsOf(query.get('from'), 'from'), secondsOf(query.get('to'), 'to')];
    return booked(world, { kind, from, to, after: query.get('after') });
  },
  // Customers whose history the provider does not serve whole, with why.
  'GET /_oracle/untraced': ({ world }) => untraced(world),
  // What counts is the default, or as `?discounts=all&pastDueDays=30` says: see oracle/policy.ts.
  'GET /_oracle/mrr': ({ world }, query) => {
    const at = query.get('at');
    const policy = policyFrom(query);
    if (at === null) return mrr(world, policy);
    const instants = at.split(',').map((text) => secondsOf(text, 'at'));
    return mrrAt(world, instants, policy);
  },
  'GET /_simulator/clock': ({ clock }) => ({ now: clock.now().toISOString() }),
  'GET /_simulator/webhooks': ({ webhooks }) => ({ endpoints: webhooks.status() }),
  'POST /_simulator/webhooks': ({ webhooks }, _, input) => {
    const endpoint = parseEndpoint(input);
    webhooks.register(endpoint);
    return { url: endpoint.url };
  },
  'DELETE /_simulator/webhooks': ({ webhooks }) => {
    webhooks.clear();
    return {};
  },
  // Sends what was held back and answers when everything has arrived or was given up.
  'POST /_simulator/webhooks/flush': async ({ webhooks }) => {
    await webhooks.flush();
    return { endpoints: webhooks.status() };
  },
  'GET /_simulator/faults': ({ faults }) => ({ struck: faults.struck }),
  'POST /_simulator/faults': ({ faults }, _, input) => {
    const rules = parseFaultRules(fieldOf(input, 'rules'));
    faults.add(rules);
    return { added: rules.length };
  },
  'DELETE /_simulator/faults': ({ faults }) => {
    faults.clear();
    return {};
  },
  // `?last=N` adds the latest N requests one by one.
  'GET /_simulator/requests': ({ requests }, query) => ({
    ...requests.counts(),
    ...(query.has('last') && { last: requests.last(Number(query.get('last'))) }),
  }),
  'POST /_simulator/requests/reset': ({ requests }) => {
    requests.reset();
    return {};
  },
};

type Control = (parts: Parts, input: unknown) => unknown;

/** What changes the service itself, at once. */
export const controls: Readonly<Record<string, Control>> = {
  // Moving the clock lets everything that falls due until then happen in the world; `"stopped": true` keeps it there.
  'POST /_simulator/clock': ({ clock, world }, input) => {
    const fields = fieldsOf(input, 'The body', ['now', 'stopped']);
    const now = secondsOf(fields['now'], 'now');
    advance(world, now);
    clock.set(new Date(now * 1000), { stopped: fields['stopped'] === true });
    return { now: clock.now().toISOString() };
  },
  // `{"changes": [{"kind": "payInvoice", "id": "in_…"}, {}]}`, all in one second; kinds and ids that are left out are drawn.
  'POST /_simulator/change': ({ change }, input) => {
    const { changes = [{}] } = fieldsOf(input, 'The body', ['changes']);
    return { done: change(parseChanges(changes)) };
  },
  // Lists show what was created only so many seconds later: `{"objectSeconds": 45, "eventSeconds": 1800}`.
  'POST /_simulator/lag': ({ api }, input) => {
    const fields = fieldsOf(input, 'The body', ['objectSeconds', 'eventSeconds']);
    api.lag = {
      objectSeconds: countOf(fields['objectSeconds'] ?? 0, 'objectSeconds'),
      eventSeconds: countOf(fields['eventSeconds'] ?? 0, 'eventSeconds'),
    };
    return api.lag;
  },
  // The service's own retries: `{"mode": "off"}`, or on, or scheduled_never_executed.
  'POST /_simulator/retries': ({ world, clock }, input) => {
    const mode = RETRY_MODES.find((known) => known === fieldOf(input, 'mode'));
    if (mode === undefined) throw new Error(`mode must be one of ${RETRY_MODES.join(', ')}.`);
    setRetries(world, mode, Math.max(world.clock, clock.nowSeconds()));
    return { mode };
  },
  // `{"guard": false}`: what is paid, void or being paid is charged again when asked for, as services without a guard do.
  'POST /_simulator/guards': ({ world }, input) => {
    const guard = fieldOf(input, 'guard');
    if (typeof guard !== 'boolean') throw new Error('guard must be true or false.');
    world.settings.guard = guard;
    return { guard };
  },
  // The object is gone without an event, whatever refers to it; for those that Stripe lets one delete there are changes.
  'POST /_simulator/delete': ({ world }, input) => {
    const id = textOf(fieldOf(input, 'id'), 'id');
    world.deleted.add(id);
    return { deleted: id };
  },
  // Adds or replaces keys: `{"keys": {"rk_test_x": {"permissions": {"invoice": "read"}, "revoked": false}}}`.
  'POST /_simulator/keys': ({ api }, input) => {
    const keys = parseKeys(fieldOf(input, 'keys'));
    for (const [secret, key] of Object.entries(keys)) api.keys.set(secret, key);
    return { set: Object.keys(keys).length };
  },
};

function fieldOf(input: unknown, name: string): unknown {
  if (typeof input !== 'object' || input === null || !Object.hasOwn(input, name))
    throw new Error(`The body must be a JSON object with the field ${name}.`);
  return (input as Record<string, unknown>)[name];
}

function parseChanges(input: unknown): ChangeWish[] {
  if (!Array.isArray(input) || input.length > MAX_CHANGES)
    throw new Error(`changes must be an array of at most ${MAX_CHANGES}.`);
  return input.map((each: unknown, index) => {
    const at = `changes[${index}]`;
    const { kind, id } = fieldsOf(each, at, ['kind', 'id']);
    const known = CHANGE_KINDS.find((name) => name === kind);
    if (kind !== undefined && known === undefined)
      throw new Error(`${at}.kind must be one of ${CHANGE_KINDS.join(', ')}.`);
    return {
      ...(known !== undefined && { kind: known }),
      ...(id !== undefined && { id: textOf(id, `${at}.id`) }),
    };
  });
}

function secondsOf(input: unknown, name: string): number {
  const ms = typeof input === 'string' ? Date.parse(input) : NaN;
  if (Number.isNaN(ms)) throw new Error(`${name} must be an ISO 8601 instant.`);
  return Math.floor(ms / 1000);
}
