import { isoExponent } from '../../domain/currency';

test.each([
  ['EUR', 2],
  ['USD', 2],
  ['JPY', 0],
  ['KWD', 3],
  ['CLF', 4],
  ['XCG', 2],
  ['HRK', 2],
])('%s has %i decimals by ISO 4217', (code, exponent) => {
  expect(isoExponent(code)).toBe(exponent);
});

test('a code that the list does not hold has no exponent', () => {
  expect(isoExponent('XXZ')).toBeNull();
  expect(isoExponent('eur')).toBeNull();
  expect(isoExponent('constructor')).toBeNull();
});
