/** API keys and what restricted ones may do. */
import { ApiError, invalidRequest } from './errors';

/** Resources as Stripe's restricted keys name them; prices are `plan`, refunds go with `charge`. */
export const permissionNames = [
  'accounts_kyc_basic',
  'charge',
  'coupon',
  'credit_note',
  'customer',
  'dispute',
  'event',
  'invoice',
  'payment_intent',
  'payment_method',
  'plan',
  'product',
  'subscription',
] as const;
export type Permission = (typeof permissionNames)[number];
export type Access = 'read' | 'write';

export interface ApiKey {
  /** `write` includes `read`; a resource that is absent may not be used at all. */
  permissions: 'all' | Partial<Record<Permission, Access>>;
  /** A revoked key answers 401 `api_key_expired`. */
  revoked?: boolean;
}

/** Finds the key of an Authorization header or throws 401. */
export function authenticate(
  keys: ReadonlyMap<string, ApiKey>,
  authorization: string | undefined,
): { secret: string; key: ApiKey } {
  const secret = /^Bearer +(\S+)$/.exec(authorization ?? '')?.[1];
  if (secret === undefined)
    throw invalidRequest(
      "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY'). See https://docs.stripe.com/api#authentication for details, or we can help at https://support.stripe.com/.",
      { status: 401 },
    );
  const key = keys.get(secret);
  if (key === undefined)
    throw invalidRequest(`Invalid API Key provided: ${masked(secret)}`, { status: 401 });
  if (key.revoked === true)
    throw invalidRequest(`Expired API Key provided: ${masked(secret)}`, {
      status: 401,
      code: 'api_key_expired',
    });
  return { secret, key };
}

/** Throws Stripe's 403, which has no code and names the missing permission in its message. */
export function permit(
  holder: { secret: string; key: ApiKey; accountId: string },
  permission: Permission,
  access: Access,
): void {
  const { permissions } = holder.key;
  if (permissions === 'all') return;
  const granted = permissions[permission];
  if (granted === 'write' || granted === access) return;
  throw new ApiError(403, {
    type: 'invalid_request_error',
    message: `The provided key '${masked(holder.secret)}' does not have the required permissions for this endpoint on account '${holder.accountId}'. Having the 'rak_${permission}_${access}' permission would allow this request to continue.`,
  });
}

/** `sk_test_***********1234`, as Stripe shows keys in its messages. */
function masked(secret: string): string {
  const prefix = /^[a-z]+_(test|live)_/.exec(secret)?.[0] ?? '';
  return prefix + '*'.repeat(Math.max(secret.length - prefix.length - 4, 0)) + secret.slice(-4);
}

/** Reads keys from JSON; throws an Error that names the wrong one. */
export function parseKeys(input: unknown): Record<string, ApiKey> {
  const keys: Record<string, ApiKey> = {};
  for (const [secret, key] of entriesOf(input, 'keys')) {
    const fields = new Map(entriesOf(key, masked(secret)));
    const permissions = fields.get('permissions') ?? 'all';
    keys[secret] = {
      permissions: permissions === 'all' ? 'all' : parsePermissions(permissions),
      revoked: fields.get('revoked') === true,
    };
  }
  return keys;
}

function parsePermissions(input: unknown): Partial<Record<Permission, Access>> {
  const permissions: Partial<Record<Permission, Access>> = {};
  for (const [name, access] of entriesOf(input, 'permissions')) {
    const permission = permissionNames.find((known) => known === name);
    if (permission === undefined)
      throw new Error(`permissions.${name} is not known; use ${permissionNames.join(', ')}.`);
    if (access !== 'read' && access !== 'write')
      throw new Error(`permissions.${name} must be read or write.`);
    permissions[permission] = access;
  }
  return permissions;
}

function entriesOf(input: unknown, at: string): [string, unknown][] {
  if (typeof input !== 'object' || input === null || Array.isArray(input))
    throw new Error(`${at} must be an object.`);
  return Object.entries(input);
}
