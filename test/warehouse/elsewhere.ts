/** Loads in processes of their own. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { WarehouseSettings } from '../../warehouse/settings';

export interface Orders {
  readonly settings: WarehouseSettings;
  readonly account: string;
  readonly metricRun: string;
  /** Kills itself when it has given the first customer, or when the load has ended and nobody was told. */
  readonly dies?: 'inserting' | 'loaded';
}

export function startLoader(orders: Orders): ChildProcess {
  const script = join(__dirname, 'loader.ts');
  const args = ['--require', join(__dirname, 'register.cjs'), script, JSON.stringify(orders)];
  return spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] });
}

export const KILLED = { code: null, signal: 'SIGKILL' };
export const DONE = { code: 0, signal: null };

export async function endOf(loader: ChildProcess) {
  const [code, signal] = (await once(loader, 'exit')) as [number | null, NodeJS.Signals | null];
  return { code, signal };
}
