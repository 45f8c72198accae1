/** Free TCP ports on the loopback address. */
import { createServer } from 'node:net';

export const LOOPBACK = '127.0.0.1';

function tryPort(port) {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(null));
    server.listen({ port, host: LOOPBACK, exclusive: true }, () => {
      const { port: got } = server.address();
      server.close(() => resolve(got));
    });
  });
}

/** @param {number} port */
export const isFree = async (port) => (await tryPort(port)) !== null;

/**
 * The wanted port when it is free, else one that the system picks.
 * @param {number} [wanted] @returns {Promise<number>}
 */
export async function freePort(wanted = 0) {
  return (await tryPort(wanted)) ?? (await tryPort(0));
}
