import type Stripe from 'stripe';

import type { Product } from '../../world/model';
import type { ObjectType } from '../object-type';
import type { Wire } from '../wire';

export const product: ObjectType<Product> = {
  noun: 'product',
  permission: 'product',
  find: (id, world) => world.products.find(id),
  render: renderProduct,
  expandable: {},
};

function renderProduct(record: Product) {
  return {
    id: record.id,
    object: 'product',
    active: record.active,
    created: record.created,
    default_price: null,
    description: record.description,
    images: [],
    livemode: false,
    marketing_features: [],
    metadata: {},
    name: record.name,
    package_dimensions: null,
    shippable: null,
    statement_descriptor: null,
    tax_code: null,
    tax_details: null,
    unit_label: null,
    updated: record.created,
    url: null,
  } satisfies Wire<Omit<Stripe.Product, 'type'>>;
}
