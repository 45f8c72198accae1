import { readRatesFile } from '../../../domain/metrics/rates-file';

const read = (...lines: string[]) => readRatesFile(lines.join('\n'), 'EUR');
const HEADER = 'currency,date,rate';

test('takes each rate as the decimal that it is written as, and a line that is there twice once', () => {
  const lines = [
    '\uFEFFcurrency,date,rate\r',
    'USD,2026-03-29,0.921700000001\r',
    '',
    ' JPY , 2026-03-29 , 0.0061',
  ];
  expect(read(...lines, 'USD,2026-03-29,0.921700000001', '')).toEqual([
    { currency: 'USD', date: '2026-03-29', rate: '0.921700000001' },
    { currency: 'JPY', date: '2026-03-29', rate: '0.0061' },
  ]);
  expect(read(HEADER)).toEqual([]);
});

test.each([
  [['USD,2026-03-29,0.92'], 'line 1: expected the header "currency,date,rate"'],
  [[''], 'line 1: expected the header "currency,date,rate"'],
  [[HEADER, 'USD,2026-03-29'], 'line 2: expected 3 values, such as "USD,2026-03-29,0.9217"'],
  [[HEADER, '', 'USD,29.3.2026,0.92'], 'line 3: date: expected a date such as "2026-03-29"'],
  [[HEADER, 'USD,2026-02-30,0.92'], 'line 2: date: expected a date such as "2026-03-29"'],
  [[HEADER, 'USD,2026-03-29,0,92'], 'line 2: expected 3 values'],
  [[HEADER, 'USD,2026-03-29,-1'], 'line 2: rate: expected a decimal above 0'],
  [[HEADER, 'USD,2026-03-29,0.00'], 'line 2: rate: expected a decimal above 0'],
  [[HEADER, 'USD,2026-03-29,1e3'], 'line 2: rate: expected a decimal above 0'],
  [[HEADER, 'XYZ,2026-03-29,1'], 'line 2: currency: expected an ISO 4217 code such as "EUR"'],
  [[HEADER, 'EUR,2026-03-29,1'], 'line 2: currency: expected another one than EUR'],
  [
    [HEADER, 'USD,2026-03-29,0.92', 'USD,2026-03-29,0.93'],
    'line 3: expected 0.92, as line 2 has it for USD 2026-03-29',
  ],
])('%j is wrong, and the line and what was expected are named', (lines, message) => {
  expect(() => read(...lines)).toThrow(`The rates are wrong: ${message}`);
});

test('names the first wrong lines, and not thousands of them', () => {
  const lines = Array.from({ length: 2_000 }, () => 'USD;2026-03-29;0.92');
  let message = '';
  try {
    read(HEADER, ...lines);
  } catch (error) {
    message = String(error);
  }
  expect(message).toContain('line 6: ');
  expect(message).not.toContain('line 7: ');
});
