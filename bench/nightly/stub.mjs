/** Stripe's API over accounts that have nothing: each key is `sk_test_<account id>`, and every list is empty. */
import { createServer } from 'node:http';
import { once } from 'node:events';

const CREATED = Date.UTC(2024, 0, 1) / 1_000;

export const keyOf = (account) => `sk_test_${account}`;

const accountOf = ({ authorization = '' }) => ({
  id: authorization.replace('Bearer sk_test_', ''),
  object: 'account',
  created: CREATED,
  settings: { dashboard: { display_name: null } },
});

/** @returns {Promise<{ url: string, requests: () => number, stop: () => void }>} */
export async function startStub() {
  let requests = 0;
  const server = createServer((request, response) => {
    requests += 1;
    const { pathname } = new URL(request.url, 'http://stub');
    const body =
      pathname === '/v1/account'
        ? accountOf(request.headers)
        : { object: 'list', data: [], has_more: false, url: pathname };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  server.keepAliveTimeout = 60_000;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  return {
    url: `http://127.0.0.1:${port}`,
    requests: () => requests,
    stop: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
