import { RecoupError } from '../../domain/errors';
import { findProvider, PROVIDERS } from '../../providers/registry';

test('a provider is found by its name', () => {
  for (const provider of PROVIDERS) expect(findProvider(provider.name)).toBe(provider);
});

test('a provider says of its clients whether they have payments', () => {
  const connection = { externalId: 'acct_1', secret: 'sk_test_1', apiBase: null };
  for (const provider of PROVIDERS) {
    const client = provider.connect(connection);
    expect(client.payments !== undefined).toBe(provider.hasPayments);
    client.close();
  }
});

test('an unknown name is refused, and the known ones are named', () => {
  const find = (): unknown => findProvider('strype');
  expect(find).toThrow(RecoupError);
  expect(find).toThrow('No provider is called "strype"; known: stripe.');
});
