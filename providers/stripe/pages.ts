/** Objects of a resource, by page or by id: one request, more only where Stripe cut an object short. */
import { z } from 'zod';
import { RecoupError } from '../../domain/errors';
import type {
  FetchedObject,
  ObjectRequest,
  Page,
  PageRequest,
  RawObject,
  Window,
} from '../provider';
import { isRecord, type Api, type Answer, type Params } from './client';
import { isGoneCursor, isMissing } from './errors';
import { instant } from './normalise/shapes';
import { CHANGES, RESOURCES, type EmbeddedList, type StripeResource } from './resources';

/** Stripe's own maximum. */
const PAGE_SIZE = 100;
/** Members of one embedded list are read up to here; an invoice has 250 lines as a rule, and never more than some thousands. */
const MAX_EMBEDDED_PAGES = 500;
/** Coupons kept in memory for item-level discounts; accounts have tens of them. */
const MAX_CACHED_COUPONS = 1_000;

type Json = Record<string, unknown>;

/** The object itself: a loose shape would copy its dozens of fields. */
const objectShape = z.custom<Json & { readonly id: string; readonly object: string }>(
  (value) =>
    isRecord(value) && typeof value['id'] === 'string' && typeof value['object'] === 'string',
);

const listShape = z.object({
  object: z.literal('list'),
  has_more: z.boolean(),
  data: z.array(objectShape),
});

const embeddedShape = z.looseObject({ data: z.array(z.unknown()), has_more: z.boolean() });

interface List extends z.infer<typeof listShape> {
  readonly readAt: Date;
}

/** Which objects of a resource, and how many pages of them at most. */
export interface Selection {
  readonly resource: string;
  readonly params: Params;
  readonly maxPages: number;
}

export interface Pager {
  /** `actFor` is the connected account whose data is read; null for the key's own. */
  fetchPage(request: PageRequest, actFor: string | null): Promise<Page>;
  /** Null when Stripe does not have it. */
  fetchObject(request: ObjectRequest, actFor: string | null): Promise<FetchedObject | null>;
  /** All objects that match, newest first. Errors: those of fetchPage; request_refused when there are more pages. */
  fetchAll(
    selection: Selection,
    request: Pick<PageRequest, 'signal'>,
    actFor: string | null,
  ): Promise<Pick<Page, 'objects' | 'readAt' | 'requests'>>;
}

export function createPager(api: Api): Pager {
  const coupons = new Map<string, unknown>();

  async function fetchPage(request: PageRequest, actFor: string | null): Promise<Page> {
    const resource = findResource(request.resource);
    const { pass, after } = readCursor(resource, request.cursor);
    const call = createCall(api, request, { resource: resource.name, actFor });
    const list = await readList(call, request, resource, { pass, after });
    for (const object of list.data) await complete(call, resource, object);

    const objects = list.data.map(toRawObject);
    const created = objects.flatMap((object) => object.createdAt?.getTime() ?? []);
    return {
      objects,
      nextCursor: nextCursor(resource, pass, list),
      oldestCreatedAt: created.length === 0 ? null : new Date(Math.min(...created)),
      readAt: list.readAt,
      requests: call.count(),
    };
  }

  async function fetchObject(
    request: ObjectRequest,
    actFor: string | null,
  ): Promise<FetchedObject | null> {
    const { resource: name, id } = request;
    const resource = findResource(name);
    const { path, expand } = resource;
    const call = createCall(api, request, { resource: name, actFor });
    const answer = await unlessGone(
      call.get(`${path}/${encodeURIComponent(id)}`, expand.length > 0 ? { expand } : {}),
    );
    if (answer === null || answer.body['deleted'] === true) return null;
    const object = objectShape.safeParse(answer.body);
    if (!object.success) throw api.notStripe();
    await complete(call, resource, object.data);
    return {
      object: toRawObject(object.data),
      readAt: answer.readAt,
      ...(await readCompanions(call, resource, object.data)),
    };
  }

  const fetchAll: Pager['fetchAll'] = async (
    { resource: name, params, maxPages },
    { signal },
    actFor,
  ) => {
    const resource = findResource(name);
    const call = createCall(api, { signal }, { resource: name, actFor });
    const { data, readAt } = await readWhole(call, { path: resource.path, params, maxPages });
    for (const object of data) await complete(call, resource, object);
    return { objects: data.map(toRawObject), readAt, requests: call.count() };
  };

  async function readCompanions(
    call: Call,
    { companions }: StripeResource,
    owner: List['data'][number],
  ): Promise<Pick<FetchedObject, 'companions' | 'refused'>> {
    const read: RawObject[] = [];
    const refused: { resource: string; error: RecoupError }[] = [];
    for (const { resource, list, holding } of companions) {
      const wanted = list(owner);
      if (wanted === null) continue;
      try {
        const members = await unlessGone(readWhole(call.of(resource), wanted));
        read.push(
          ...(members?.data ?? []).flatMap((member) => [
            ...takeOut(member, holding),
            toRawObject(member),
          ]),
        );
      } catch (error) {
        // What the key may not read must not keep from it what it may.
        if (!(error instanceof RecoupError) || error.scope !== 'resource') throw error;
        refused.push({ resource, error });
      }
    }
    return { companions: read, refused };
  }

  async function readList(
    call: Call,
    { window, lastSeen }: PageRequest,
    { path, expand, passes }: StripeResource,
    { pass, after }: Cursor,
  ): Promise<List> {
    const params = {
      ...passes[pass],
      limit: PAGE_SIZE,
      ...(expand.length > 0 ? { expand: expand.map((field) => `data.${field}`) } : {}),
    };
    const cursor = after === null ? {} : { starting_after: after };
    try {
      return asList(
        await call.get(path, { ...params, ...cursor, created: createdWithin(window) }),
        api,
      );
    } catch (error) {
      if (!isGoneCursor(error) || lastSeen === null) throw error;
      // The object that the cursor stands on was deleted: go on from its second. What comes twice is recognised by its content.
      const created = { ...createdFrom(window), lte: seconds(lastSeen) };
      return asList(await call.get(path, { ...params, created }), api);
    }
  }

  /** Reads cut lists to their end, and the coupons that lie below the depth of expansions. */
  async function complete(call: Call, resource: StripeResource, object: Json): Promise<void> {
    for (const list of resource.embedded) {
      await completeList(call, list, object);
      const members = embeddedShape.safeParse(object[list.field]);
      for (const member of members.success ? members.data.data : []) {
        const discounts = isRecord(member) ? member['discounts'] : null;
        for (const discount of Array.isArray(discounts) ? discounts : []) {
          await completeCoupon(call, discount);
        }
      }
    }
  }

  async function completeList(call: Call, embedded: EmbeddedList, owner: Json): Promise<void> {
    const cut = embeddedShape.safeParse(owner[embedded.field]);
    if (!cut.success || !cut.data.has_more) return;
    const whole = await unlessGone(readWhole(call, embedded.list(String(owner['id']))));
    // A list that stays cut is refused later.
    if (whole !== null) owner[embedded.field] = { ...cut.data, data: whole.data, has_more: false };
  }

  /** Read as of its first page. Throws what `isMissing` knows when the owner, or where the cursor stands, is deleted meanwhile. */
  async function readWhole(
    call: Call,
    {
      path,
      params,
      maxPages = MAX_EMBEDDED_PAGES,
    }: { readonly path: string; readonly params: Params; readonly maxPages?: number },
  ): Promise<Pick<List, 'data' | 'readAt'>> {
    const data: List['data'] = [];
    let readAt: Date | null = null;
    for (let page = 0; page < maxPages; page++) {
      const last = data.at(-1);
      const cursor = last === undefined ? {} : { starting_after: last.id };
      const list = asList(await call.get(path, { ...params, limit: PAGE_SIZE, ...cursor }), api);
      readAt ??= list.readAt;
      data.push(...list.data);
      if (!list.has_more) return { data, readAt };
    }
    throw new RecoupError(
      'request_refused',
      `The list at ${path} goes on after ${String(maxPages)} pages.`,
    );
  }

  async function completeCoupon(call: Call, discount: unknown): Promise<void> {
    const source = isRecord(discount) ? discount['source'] : null;
    if (!isRecord(source) || typeof source['coupon'] !== 'string') return;
    const id = source['coupon'];
    const coupon = coupons.get(id) ?? (await readCoupon(call, id));
    if (coupons.size >= MAX_CACHED_COUPONS) coupons.clear();
    coupons.set(id, coupon);
    Object.assign(source, { coupon });
  }

  return { fetchPage, fetchObject, fetchAll };
}

/** The terms of a coupon never change. One that was deleted stays an id. */
async function readCoupon(call: Call, id: string): Promise<unknown> {
  const answer = await unlessGone(call.get(`/v1/coupons/${encodeURIComponent(id)}`, {}));
  return answer?.body ?? id;
}

/** Null when what was asked for has been deleted. */
export async function unlessGone<T>(request: Promise<T>): Promise<T | null> {
  try {
    return await request;
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

interface Call {
  get(path: string, params: Params): Promise<Answer>;
  /** The same in another resource's name. */
  of(resource: string): Call;
  /** Requests made so far. */
  count(): number;
}

function createCall(
  api: Api,
  { signal, makeMore }: Pick<PageRequest, 'signal' | 'makeMore'>,
  { resource: named, actFor }: { readonly resource: string; readonly actFor: string | null },
): Call {
  let requests = 0;
  const callOf = (resource: string): Call => ({
    get: (path, params) => {
      const isFirst = requests === 0;
      const make = (): Promise<Answer> => {
        requests += 1;
        return api.get(path, params, { subject: `${resource} objects`, signal, actFor });
      };
      return isFirst || makeMore === undefined ? make() : makeMore(make);
    },
    of: callOf,
    count: () => requests,
  });
  return callOf(named);
}

function findResource(name: string): StripeResource {
  const resource = [...RESOURCES, CHANGES].find((candidate) => candidate.name === name);
  if (resource === undefined) {
    throw new RecoupError('invalid_input', `Stripe has no resource called "${name}".`);
  }
  return resource;
}

/** Where a walk stands: which pass over the list, and after which object. Written as `<pass>:<id>`. */
interface Cursor {
  readonly pass: number;
  readonly after: string | null;
}

function readCursor({ name, passes }: StripeResource, cursor: string | null): Cursor {
  if (cursor === null) return { pass: 0, after: null };
  const match = /^(\d+):(.*)$/.exec(cursor);
  const pass = Number(match?.[1]);
  if (passes[pass] === undefined) {
    throw new RecoupError('invalid_input', `This is no cursor of Stripe's ${name} list: ${cursor}`);
  }
  return { pass, after: match?.[2] === '' ? null : (match?.[2] ?? null) };
}

function nextCursor({ passes }: StripeResource, pass: number, list: List): string | null {
  const last = list.data.at(-1);
  if (list.has_more && last !== undefined) return `${String(pass)}:${last.id}`;
  return pass + 1 < passes.length ? `${String(pass + 1)}:` : null;
}

function asList({ body, readAt }: Answer, api: Api): List {
  const list = listShape.safeParse(body);
  // A page that promises more and holds nothing to go on from would end the walk too early.
  if (!list.success || (list.data.has_more && list.data.data.length === 0)) throw api.notStripe();
  return { ...list.data, readAt };
}

function toRawObject(value: List['data'][number]): RawObject {
  const { id, object } = value;
  // Invoice items say `date` where all others say `created`.
  const created = instant.safeParse(value['created'] ?? value['date']);
  const resource = RESOURCES.find(({ objectType }) => objectType === object)?.name ?? object;
  return { resource, type: object, id, createdAt: created.data ?? null, value };
}

/** The object that another one holds expanded, if any: its id is left there in its place. */
function takeOut(holder: Json, path: readonly string[]): RawObject[] {
  const [field = '', ...rest] = path;
  const held = holder[field];
  if (rest.length > 0) return isRecord(held) ? takeOut(held, rest) : [];
  const object = objectShape.safeParse(held);
  if (!object.success) return [];
  holder[field] = object.data.id;
  return [toRawObject(object.data)];
}

/** `created` counts whole seconds, so that rounding both ends up keeps windows half-open and without gaps. */
function createdWithin(window: Window): Record<string, number> {
  return { ...createdFrom(window), lt: seconds(window.to) };
}

function createdFrom({ from }: Window): Record<string, number> {
  return from === null ? {} : { gte: seconds(from) };
}

function seconds(instant: Date): number {
  return Math.ceil(instant.getTime() / 1000);
}
