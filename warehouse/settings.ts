/** Which warehouse there is, and how it is reached. */

export interface SnowflakeSettings {
  /** `organisation-account`. */
  readonly account: string;
  /** Null for the address that follows from the account. */
  readonly url: string | null;
  readonly user: string;
  readonly auth: SnowflakeAuth;
  /** Null for the user's default role. */
  readonly role: string | null;
  readonly warehouse: string;
  readonly database: string;
  readonly schema: string;
}

export type SnowflakeAuth =
  | { readonly kind: 'password'; readonly password: string }
  | {
      readonly kind: 'key';
      /** A private key as PEM, or the file that holds one: read at each login, so that a new key needs no restart. */
      readonly from: { readonly pem: string } | { readonly file: string };
      readonly passphrase: string | null;
    };

export type WarehouseSettings =
  | { readonly kind: 'duckdb'; readonly path: string }
  | ({ readonly kind: 'snowflake' } & SnowflakeSettings);
