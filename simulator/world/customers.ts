/** Customers and their cards. */
import { Agenda } from './agenda';
import { amend, emit } from './events';
import { newFingerprint, newId, newInvoicePrefix } from './ids';
import type {
  BalanceTransaction,
  BankAccount,
  Card,
  Currency,
  Customer,
  PaymentMethod,
} from './model';
import type { Random } from './random';
import { agendaOf, type World } from './world';

interface NewCustomer {
  at: number;
  name: string;
  email: string;
  country: string;
  timeZone: string;
  currency: Currency;
  taxRate?: string | null;
}

/** Registers a customer without a card. `stream` is the customer's own. */
export function createCustomer(
  world: World,
  { at, taxRate = null, ...facts }: NewCustomer,
  { stream, autonomous = false }: { stream: Random; autonomous?: boolean },
): Customer {
  const ids = stream.split('ids');
  const customer: Customer = {
    id: newId(ids, 'cus'),
    created: at,
    ...facts,
    balanceMinor: 0,
    defaultPaymentMethod: null,
    taxRate,
    invoicePrefix: newInvoicePrefix(ids),
    nextInvoiceSequence: 1,
    delinquent: false,
  };
  world.customers.add(customer);
  world.agendas.set(customer.id, new Agenda(ids, stream.split('choices'), autonomous));
  emit(world, { at, type: 'customer.created', kind: 'customer', record: customer });
  return customer;
}

type Facts<M extends PaymentMethod> = Omit<M, 'id' | 'created' | 'customer' | 'fingerprint'>;
export type NewCard = Facts<Card> & { at: number };
export type NewAccount = Facts<BankAccount> & { at: number };

/** Adds a card or an account that nothing is charged to by itself. */
export function addMethod(
  world: World,
  customer: Customer,
  { at, ...facts }: NewCard | NewAccount,
): PaymentMethod {
  const { ids } = agendaOf(world, customer.id);
  const method = world.paymentMethods.add({
    id: newId(ids, 'pm'),
    created: at,
    customer: customer.id,
    fingerprint: newFingerprint(ids),
    ...facts,
  });
  emit(world, { at, type: 'payment_method.attached', kind: 'paymentMethod', record: method });
  return method;
}

/** Attaches a card or an account and makes it the one that invoices are charged to. */
export function attachCard(
  world: World,
  customer: Customer,
  facts: NewCard | NewAccount,
): PaymentMethod {
  const { at } = facts;
  const card = addMethod(world, customer, facts);
  amend(world, { at, type: 'customer.updated', kind: 'customer', record: customer }, () => {
    customer.defaultPaymentMethod = card.id;
  });
  return card;
}

/** Moves a customer's balance; negative amounts are credit in the customer's favour. */
export function changeBalance(
  world: World,
  customer: Customer,
  {
    at,
    ...change
  }: Pick<BalanceTransaction, 'amountMinor' | 'type' | 'invoice' | 'creditNote'> & { at: number },
): BalanceTransaction {
  amend(world, { at, type: 'customer.updated', kind: 'customer', record: customer }, () => {
    customer.balanceMinor += change.amountMinor;
  });
  return world.balanceTransactions.add({
    id: newId(agendaOf(world, customer.id).ids, 'cbtxn'),
    created: at,
    customer: customer.id,
    currency: customer.currency,
    endingBalanceMinor: customer.balanceMinor,
    ...change,
  });
}

/** Stripe's mark for a customer whose latest charge failed. */
export function setDelinquent(
  world: World,
  customer: Customer,
  at: number,
  delinquent: boolean,
): void {
  if (customer.delinquent === delinquent) return;
  amend(world, { at, type: 'customer.updated', kind: 'customer', record: customer }, () => {
    customer.delinquent = delinquent;
  });
}
