import { Client, Connection } from '@temporalio/client';
import { temporalAddress } from './stack';

/** A client of the run's Temporal server. */
export async function temporalClient(): Promise<{ client: Client; close(): Promise<void> }> {
  const connection = await Connection.connect({ address: temporalAddress() });
  return { client: new Client({ connection }), close: () => connection.close() };
}
