import { requirePayments } from '../../client/account';
import { stripe } from '../../providers/stripe/stripe';

test('an account whose provider has no payments is refused in words, with the providers that have them', () => {
  const account = { id: 'acct_1' };
  expect(() => requirePayments(account, { name: 'ledgerly', hasPayments: false })).toThrow(
    'Failed payments of ledgerly accounts cannot be recovered, and acct_1 is one',
  );
  expect(() => requirePayments(account, { name: 'ledgerly', hasPayments: false })).toThrow(
    expect.objectContaining({ exitCode: 2, remedy: 'Accounts of these can: stripe.' }) as Error,
  );
  expect(() => requirePayments(account, stripe)).not.toThrow();
});
