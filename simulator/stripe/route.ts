/** What an endpoint is. */
import type { Access, Permission } from './keys';
import type { RenderContext } from './object-type';
import type { RawHash } from './params';

/** How far lists are behind what there is, in seconds since creation. */
export interface ListLag {
  objectSeconds: number;
  eventSeconds: number;
}

/** A request that matched a route. */
export interface Call {
  /** The `:id` of the path, or empty. */
  id: string;
  raw: RawHash;
  context: RenderContext;
  /** Unix seconds by the service's clock. */
  now: number;
  requestId: string;
  idempotencyKey: string | null;
  lag: ListLag;
  mayRead: (permission: Permission) => void;
}

export interface Route {
  method: 'GET' | 'POST';
  /** `:id` stands for one part of the path. */
  pattern: string;
  permission: Permission;
  access: Access;
  /** Validates the request or throws; what it returns carries it out and gives the body. */
  prepare: (call: Call) => () => object;
}
