/** Free TCP ports on the loopback address. */
import { createServer } from 'node:net';

export const LOOPBACK = '127.0.0.1';
const ATTEMPTS = 3;

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
async function freePort(wanted = 0) {
  return (await tryPort(wanted)) ?? (await tryPort(0));
}

/**
 * Starts something on free ports, the wanted ones if possible. Between our look and its start somebody else may take one: then it
 * is started again on others.
 * @template T
 * @param {readonly number[]} wanted 0 for any
 * @param {(ports: number[]) => Promise<T>} start
 * @returns {Promise<T>}
 */
export async function onFreePorts(wanted, start) {
  for (let attempt = 1; ; attempt += 1) {
    const ports = [];
    for (const port of wanted) ports.push(await freePort(port));
    try {
      return await start(ports);
    } catch (error) {
      const free = await Promise.all(ports.map(isFree));
      if (attempt === ATTEMPTS || free.every(Boolean)) throw error;
    }
  }
}
