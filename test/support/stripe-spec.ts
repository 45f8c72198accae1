/**
 * Stripe's OpenAPI specification as an oracle for what the simulator answers: JSON Schema validation, and a walk that
 * reports every key the schema does not know (the specification never forbids additional properties).
 */
import Ajv, { type ValidateFunction } from 'ajv';
import { readSpec, whyNoSpec } from './specs';

const FILE = 'stripe/spec3.json';

export const whyNoStripeSpec = (): string | null => whyNoSpec(FILE);

/**
 * The specification is of 2026-08-26.dahlia; these keys by schema are in the types of stripe 23.1.0
 * (2026-10-28.endive), or missing from the public specification only.
 */
const KNOWN_BY_THE_SDK = new Set([
  'cancellation_details.feedback_option',
  'payment_intent.payment_record',
  'payment_method_details_card.electronic_commerce_indicator',
  'product.tax_details',
  'recurring.trial_period_days',
  'subscription_item.current_trial',
  'subscriptions_resource_trial_settings_end_behavior.billing_cycle_anchor',
]);

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

interface Schema {
  $ref?: string;
  type?: string;
  enum?: Json[];
  anyOf?: Schema[];
  items?: Schema;
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: boolean | Schema;
  nullable?: boolean;
}

interface Spec {
  components: { schemas: Record<string, Schema> };
  paths: Record<
    string,
    Record<string, { responses: Record<string, { content: Record<string, { schema: Schema }> }> }>
  >;
}

export class StripeSpec {
  private readonly spec = readSpec(FILE) as Spec;
  private readonly ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true });
  private readonly validators = new Map<string, ValidateFunction>();

  constructor() {
    this.ajv.addSchema({ $id: 'stripe', ...(forAjv(this.spec as unknown as Json) as object) });
  }

  /**
   * What is wrong with an answer, one line each. `template` is the path as the specification writes it, such as
   * `/v1/invoices/{invoice}`.
   */
  faultsOf(method: 'get' | 'post', template: string, status: number, body: unknown): string[] {
    const response = status === 200 ? '200' : 'default';
    const pointer = [
      'paths',
      template,
      method,
      'responses',
      response,
      'content',
      'application/json',
      'schema',
    ];
    const operation = this.spec.paths[template]?.[method];
    const schema = operation?.responses[response]?.content['application/json']?.schema;
    if (schema === undefined) return [`The specification has no ${method} ${template}.`];
    return this.check(pointer, schema, body as Json);
  }

  private check(pointer: string[], schema: Schema, value: Json, name = 'body'): string[] {
    const ref = `stripe#/${pointer.map((part) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1'))).join('/')}`;
    let validate = this.validators.get(ref);
    if (validate === undefined) {
      validate = this.ajv.compile({ $ref: ref });
      this.validators.set(ref, validate);
    }
    validate(value);
    const invalid = (validate.errors ?? []).map(
      ({ instancePath, message, params }) =>
        `${instancePath} ${message ?? ''} ${JSON.stringify(params)}`,
    );
    return [...invalid, ...this.unknownKeys(schema, value, '', name), ...this.eventFaults(value)];
  }

  /** The object of an event has no schema of its own place: it is checked by its type. */
  private eventFaults(value: Json): string[] {
    if (!isHash(value)) return [];
    if (value['object'] === 'list' && Array.isArray(value['data']))
      return value['data'].flatMap((element) => this.eventFaults(element));
    const data = value['object'] === 'event' ? value['data'] : undefined;
    const object = data !== undefined && isHash(data) ? data['object'] : undefined;
    const name = object !== undefined && isHash(object) ? object['object'] : undefined;
    if (object === undefined || typeof name !== 'string') return [];
    const schema = this.spec.components.schemas[name];
    if (schema === undefined) return [`The specification has no schema ${name}.`];
    return this.check(['components', 'schemas', name], schema, object, name).map(
      (fault) => `event ${String(value['type'])}: ${fault}`,
    );
  }

  /** Descends value and schema together; stops where a schema allows any key or names none. */
  private unknownKeys(schema: Schema, value: Json, at: string, name: string): string[] {
    if (schema.$ref !== undefined) {
      const target = schema.$ref.split('/').at(-1) ?? '';
      return this.unknownKeys(this.spec.components.schemas[target] ?? {}, value, at, target);
    }
    if (Array.isArray(value))
      return value.flatMap((element, i) =>
        this.unknownKeys(schema.items ?? {}, element, `${at}/${i}`, `${name}[]`),
      );
    if (!isHash(value)) return [];
    if (schema.anyOf !== undefined) {
      const branch = schema.anyOf.find((candidate) => this.describes(candidate, value));
      return branch === undefined
        ? [`${at} fits no branch of ${name}`]
        : this.unknownKeys(branch, value, at, name);
    }
    const { properties } = schema;
    if (properties === undefined || (schema.additionalProperties ?? false) !== false) return [];
    return Object.entries(value).flatMap(([key, inner]) => {
      const known = properties[key];
      if (known !== undefined)
        return this.unknownKeys(known, inner, `${at}/${key}`, `${name}.${key}`);
      return KNOWN_BY_THE_SDK.has(`${name}.${key}`) ? [] : [`${at}/${key} is unknown to ${name}`];
    });
  }

  /** Whether an object may be of this branch: by its `object` and `deleted`, else by the keys it must have. */
  private describes(candidate: Schema, value: { [key: string]: Json }): boolean {
    const schema =
      candidate.$ref === undefined
        ? candidate
        : (this.spec.components.schemas[candidate.$ref.split('/').at(-1) ?? ''] ?? {});
    if (schema.properties === undefined && schema.type !== 'object') return false;
    const kinds = schema.properties?.['object']?.enum;
    if (kinds !== undefined && !kinds.includes(value['object'] ?? null)) return false;
    if ((value['deleted'] === true) !== (schema.properties?.['deleted'] !== undefined))
      return false;
    return (schema.required ?? []).every((key) => key in value);
  }
}

/** JSON Schema from OpenAPI 3.0: `nullable` becomes a choice; discriminators, formats and extensions go. */
function forAjv(node: Json): Json {
  if (Array.isArray(node)) return node.map(forAjv);
  if (!isHash(node)) return node;
  const converted: { [key: string]: Json } = {};
  for (const [key, value] of Object.entries(node)) {
    if (key.startsWith('x-')) continue;
    // Under `properties` the same names are fields, with a schema as their value.
    if (['description', 'format', 'nullable'].includes(key) && !isHash(value)) continue;
    if (key === 'discriminator' && isHash(value) && 'propertyName' in value) continue;
    converted[key] = forAjv(value);
  }
  return node['nullable'] === true ? { anyOf: [converted, { type: 'null' }] } : converted;
}

function isHash(value: Json): value is { [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
