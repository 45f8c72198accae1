import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { inDev } from './in-dev';

/** Starts something that fails with these messages, one a try, and then starts; says on which ports it was tried, and how it ended. */
function startThatFails(messages: readonly string[], wanted: readonly number[] = [0, 0, 0]) {
  return inDev(
    'ports',
    `await (async (messages) => {
      const tried = [];
      const start = async (ports) => {
        tried.push(ports);
        const message = messages.shift();
        if (message !== undefined) throw new Error(message);
        return 'started';
      };
      const end = await dev.onFreePorts(${JSON.stringify(wanted)}, start).catch((error) => error.message);
      return { tried, end };
    })(${JSON.stringify(messages)})`,
  ) as { tried: number[][]; end: string };
}

describe('what is started on free ports', () => {
  it('gets as many different ports as it wants', () => {
    const { tried, end } = startThatFails([]);
    expect(end).toBe('started');
    expect(new Set(tried[0]).size).toBe(3);
  });

  it('gets another port for one that is taken, and the wanted one where it is free', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const [whileTaken] = startThatFails([], [port]).tried;
    server.close();
    await once(server, 'close');
    expect(whileTaken).not.toEqual([port]);
    expect(startThatFails([], [port]).tried).toEqual([[port]]);
  });

  it('is started again when a port was taken meanwhile, also one that it picked by itself', () => {
    const { tried, end } = startThatFails([
      'temporal ended with exit code 1.\n  listen tcp 127.0.0.1:41234: bind: address already in use',
      'listen EADDRINUSE: address already in use 127.0.0.1:41235',
    ]);
    expect(tried).toHaveLength(3);
    expect(end).toBe('started');
  });

  it('is given up after five tries', () => {
    const { tried, end } = startThatFails(Array(9).fill('bind: address already in use'));
    expect(tried).toHaveLength(5);
    expect(end).toBe('bind: address already in use');
  });

  it('is not started again when it failed for another reason', () => {
    const { tried, end } = startThatFails(['no space left on device']);
    expect(tried).toHaveLength(1);
    expect(end).toBe('no space left on device');
  });
});
