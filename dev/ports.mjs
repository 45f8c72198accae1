/** Free TCP ports on the loopback address. */
import { createServer } from 'node:net';

export const LOOPBACK = '127.0.0.1';
/** How often something is started before its want of ports counts as a failure. */
const ATTEMPTS = 5;
/** What Go, Postgres and Node say of a port that somebody else has. */
const PORT_IS_TAKEN = /address already in use|EADDRINUSE/i;

/** @returns {Promise<import('node:net').Server | null>} holding the port; null when somebody else has it */
function hold(port) {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(null));
    server.listen({ port, host: LOOPBACK, exclusive: true }, () => resolve(server));
  });
}

const letGo = (server) => new Promise((resolve) => server.close(resolve));

/** @param {number} port */
export async function isFree(port) {
  const server = await hold(port);
  if (server !== null) await letGo(server);
  return server !== null;
}

/**
 * Different ports, the wanted ones where they are free, else ones that the system picks: all are held until the last is found.
 * @param {readonly number[]} wanted 0 for any @returns {Promise<number[]>}
 */
async function freePorts(wanted) {
  const servers = [];
  for (const port of wanted) servers.push((await hold(port)) ?? (await hold(0)));
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map(letGo));
  return ports;
}

/**
 * Starts something on free ports, the wanted ones if possible. Between our look and its start somebody else may take one, or one
 * of those that it picks by itself: then it is started again on others.
 * @template T
 * @param {readonly number[]} wanted 0 for any
 * @param {(ports: number[]) => Promise<T>} start what it throws holds the last words of what did not start
 * @returns {Promise<T>}
 */
export async function onFreePorts(wanted, start) {
  for (let attempt = 1; ; attempt += 1) {
    const ports = await freePorts(wanted);
    try {
      return await start(ports);
    } catch (error) {
      const free = await Promise.all(ports.map(isFree));
      const lostThem = PORT_IS_TAKEN.test(error.message) || !free.every(Boolean);
      if (attempt === ATTEMPTS || !lostThem) throw error;
    }
  }
}
