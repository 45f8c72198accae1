import fc from 'fast-check';
import { z } from 'zod';
import { NotNormalisable } from '../../../providers/provider';
import {
  amounts,
  completeList,
  decimalNumber,
  decimalText,
  instant,
  minor,
  parse,
  reference,
  unknownOf,
} from '../../../providers/stripe/normalise/shapes';

const accepts = (shape: z.ZodType, value: unknown): boolean => shape.safeParse(value).success;

describe('minor units', () => {
  test('are the very integer that was sent', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (amount) => {
        expect(parse('x', minor, JSON.parse(String(amount)))).toBe(BigInt(String(amount)));
      }),
    );
  });

  test('are refused beyond 2^53, where JSON numbers have lost digits, and with a fraction', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.double({ noInteger: true }),
          fc.bigInt({ min: 2n ** 53n, max: 2n ** 80n }).map(Number),
          fc.bigInt({ min: -(2n ** 80n), max: -(2n ** 53n) }).map(Number),
        ),
        (amount) => {
          expect(accepts(minor, amount)).toBe(false);
        },
      ),
    );
  });

  test.each(['100', null, true, {}, []])('are refused for %j', (value) => {
    expect(accepts(minor, value)).toBe(false);
  });

  test('sum up exactly', () => {
    fc.assert(
      fc.property(fc.array(fc.maxSafeInteger()), (list) => {
        const sum = list.reduce((total, amount) => total + BigInt(amount), 0n);
        expect(
          parse(
            'x',
            amounts,
            list.map((amount) => ({ amount })),
          ),
        ).toBe(sum);
      }),
    );
  });
});

describe('decimals', () => {
  test('stay the text that was sent', () => {
    for (const text of ['0', '10', '0.000000000001', '-1.50', '123456789012345678901234.5']) {
      expect(parse('x', decimalText, text)).toBe(text);
    }
  });

  test.each(['', '1e5', '1,5', '.5', '1.', '0.1234567890123', 'NaN', ' 1', '1\n', 7])(
    '%j is none',
    (value) => {
      expect(accepts(decimalText, value)).toBe(false);
    },
  );

  test('a percentage that comes as a number keeps its digits', () => {
    expect(parse('x', decimalNumber, JSON.parse('25.5'))).toBe('25.5');
    expect(accepts(decimalNumber, 1e-9)).toBe(false);
  });
});

test('instants are seconds of UTC; what no Date can hold is refused', () => {
  expect(parse('x', instant, 1_760_000_000)).toEqual(new Date('2025-10-09T08:53:20Z'));
  expect(accepts(instant, 1e15)).toBe(false);
  expect(accepts(instant, 1.5)).toBe(false);
});

test('a reference is an id, whether it was expanded or not', () => {
  expect(parse('x', reference, 'cus_1')).toBe('cus_1');
  expect(parse('x', reference, { id: 'cus_1', object: 'customer', deleted: true })).toBe('cus_1');
});

test('an embedded list that was cut is refused', () => {
  const shape = z.object({ items: completeList(z.string()) });
  expect(() => parse('subscription', shape, { items: { data: ['a'], has_more: true } })).toThrow(
    new NotNormalisable('subscription.items.has_more: expected the whole list'),
  );
});

test('a refusal names the field and never its value', () => {
  const shape = z.object({ lines: z.array(z.object({ of: reference })) });
  const refused = (value: unknown) => (): unknown => parse('invoice', shape, value);
  expect(refused({ lines: [{ of: { id: 7 } }] })).toThrow(
    'invoice.lines.0.of.id: expected string, received number',
  );
  expect(refused({ lines: 'jane@example.com' })).toThrow(
    'invoice.lines: expected array, received string',
  );
  expect(refused(null)).toThrow('invoice: expected object, received null');
});

test('unknown words are noted, known ones and nothing are not, and what is no word is not repeated', () => {
  expect(unknownOf('a.b', 'new_word', ['old'])).toEqual(['a.b=new_word']);
  expect(unknownOf('a.b', 'old', ['old'])).toEqual([]);
  expect(unknownOf('a.b', null, ['old'])).toEqual([]);
  expect(unknownOf('a.b', 'jane@example.com', ['old'])).toEqual(['a.b=(not a word)']);
});
