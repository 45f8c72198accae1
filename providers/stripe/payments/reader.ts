/** Reads on behalf of payments: the connection, the account and the signal in one. */
import type { Page } from '../../provider';
import type { Answer, Api, Params } from '../client';
import { unlessGone, type Pager, type Selection } from '../pages';

/** Charges under one payment intent, or of one customer: hundreds for the most troubled. */
const MAX_PAGES = 50;

export interface Reader {
  /** One object by its id, which never lags; null when Stripe does not have it, or no longer. */
  byId(
    path: string,
    options: { subject: string; expand?: readonly string[] },
  ): Promise<Answer | null>;
  /** A list, which may lag behind the objects. Errors: request_refused beyond so many pages. */
  list(
    resource: Selection['resource'],
    params: Params,
  ): Promise<Pick<Page, 'objects' | 'readAt' | 'requests'>>;
}

export function createReader(
  { api, pager }: { readonly api: Api; readonly pager: Pager },
  { signal, actFor }: { readonly signal: AbortSignal; readonly actFor: string | null },
): Reader {
  return {
    byId: async (path, { subject, expand = [] }) => {
      const params = expand.length > 0 ? { expand } : {};
      const answer = await unlessGone(api.get(path, params, { subject, signal, actFor }));
      return answer === null || answer.body['deleted'] === true ? null : answer;
    },
    list: (resource, params) =>
      pager.fetchAll({ resource, params, maxPages: MAX_PAGES }, { signal }, actFor),
  };
}

/** The path of an object. */
export const pathOf = (list: string, id: string): string => `${list}/${encodeURIComponent(id)}`;

/** Unix seconds, rounded down. */
export const secondsOf = (instant: Date): number => Math.floor(instant.getTime() / 1000);
