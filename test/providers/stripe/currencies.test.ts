import { stripeCurrency } from '../../../providers/stripe/currencies';

const exponentsOf = (codes: string): (number | undefined)[] =>
  codes.split(' ').map((code) => stripeCurrency(code)?.exponent);

test('amounts of the currencies without minor unit are whole, as Stripe lists them', () => {
  const codes = 'bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf';
  expect(exponentsOf(codes)).toEqual(codes.split(' ').map(() => 0));
});

test('the króna and the Ugandan shilling have no minor unit but are sent with two decimals', () => {
  expect(exponentsOf('isk ugx')).toEqual([2, 2]);
});

test('the forint and the New Taiwan dollar are whole in payouts only, not in charges', () => {
  expect(exponentsOf('huf twd')).toEqual([2, 2]);
});

test('amounts of the three-decimal currencies have three', () => {
  expect(exponentsOf('bhd jod kwd omr tnd')).toEqual([3, 3, 3, 3, 3]);
});

test('invoices in a currency that has been withdrawn since are still read', () => {
  expect(stripeCurrency('hrk')).toEqual({ code: 'HRK', exponent: 2 });
});

test('codes become upper case, and a word that is no currency is none', () => {
  expect(stripeCurrency('eur')).toEqual({ code: 'EUR', exponent: 2 });
  expect(stripeCurrency('currency')).toBeNull();
  expect(stripeCurrency('constructor')).toBeNull();
});
