import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Client, Connection } from '@temporalio/client';
import { temporalAddress } from './stack';

/** A client of the run's Temporal server. */
export async function temporalClient(): Promise<{ client: Client; close(): Promise<void> }> {
  const connection = await Connection.connect({ address: temporalAddress() });
  return { client: new Client({ connection }), close: () => connection.close() };
}

export interface TemporalWithUi {
  /** `host:port`. */
  readonly address: string;
  readonly uiUrl: string;
  stop(): Promise<void>;
}

/** A server of the test's own, whose lists hold nobody else's workflows; the one of the run has no UI. */
export function startTemporalWithUi(): Promise<TemporalWithUi> {
  const script = join(__dirname, 'temporal-with-ui.mjs');
  const child = spawn(process.execPath, [script], { stdio: ['pipe', 'pipe', 'inherit'] });
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const stop = (): Promise<void> => {
    child.stdin.end();
    return gone;
  };
  return new Promise((resolve, reject) => {
    void gone.then(() => reject(new Error('Temporal with its UI did not start.')));
    createInterface({ input: child.stdout }).once('line', (line) => {
      resolve({ ...(JSON.parse(line) as { address: string; uiUrl: string }), stop });
    });
  });
}
