import { DEFAULT_POLICY, readPolicy } from '../../../domain/metrics/policy';

test('a policy that says nothing is the default', () => {
  expect(readPolicy({})).toEqual(DEFAULT_POLICY);
  expect(DEFAULT_POLICY).toEqual({
    dayFactor: '365/12',
    weekFactor: '52/12',
    discounts: 'recurring',
    trials: 'exclude',
    pastDue: 'keep',
    pauses: 'zero',
    freePlans: 'churn',
    metered: 'exclude',
    reactivationGapDays: 0,
    churnDate: 'ended',
    tax: 'exclude',
    reportingCurrency: null,
    fx: 'daily',
  });
});

test.each([
  { dayFactor: '30' },
  { dayFactor: '30.4167', weekFactor: '4.33' },
  { pastDue: { churnAfterDays: 30 } },
  { metered: { averageOfInvoices: 3 } },
  { reportingCurrency: 'EUR', fx: 'month_average' },
])('%j is taken as it is', (given) => {
  expect(readPolicy(given)).toEqual({ ...DEFAULT_POLICY, ...given });
});

test.each([
  [[], 'The policy is wrong: expected an object.'],
  [{ dayFactor: 30 }, 'dayFactor: expected a decimal or a fraction above 0 as a string'],
  [{ dayFactor: '0' }, 'dayFactor: expected a decimal or a fraction above 0'],
  [{ dayFactor: '0.00' }, 'dayFactor: expected a decimal or a fraction above 0'],
  [{ weekFactor: '52/0' }, 'weekFactor: expected a decimal or a fraction above 0'],
  [{ weekFactor: '-4' }, 'weekFactor: expected a decimal or a fraction above 0'],
  [{ weekFactor: '4e1' }, 'weekFactor: expected a decimal or a fraction above 0'],
  [{ discounts: 'some' }, 'discounts: expected one of "none", "recurring", "all"'],
  [{ pastDue: 'churn' }, 'pastDue: expected "keep" or {"churnAfterDays": whole number}'],
  [{ pastDue: { churnAfterDays: 1.5 } }, 'pastDue: expected "keep" or {"churnAfterDays": whole'],
  [
    { metered: { averageOfInvoices: 0 } },
    'metered.averageOfInvoices: expected a whole number from 1 to 120',
  ],
  [{ reactivationGapDays: -1 }, 'reactivationGapDays: expected a whole number from 0 to 3650'],
  [{ reportingCurrency: 'euro' }, 'reportingCurrency: expected an ISO 4217 code such as "EUR"'],
  [{ daysFactor: '30' }, 'The policy is wrong: unknown field "daysFactor"'],
])('%j is refused, naming the field and what was expected', (given, message) => {
  expect(() => readPolicy(given)).toThrow(message);
});
