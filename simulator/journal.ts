/**
 * What was done to the service, in a file: one JSON line per request that may have changed something, in order, each with what
 * it takes to do it again. A service that is started anew does all of it again, and is where it was.
 */
import {
  closeSync,
  fdatasyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  writeSync,
} from 'node:fs';
import type { Encounter } from './faults';
import type { ApiRequest } from './stripe/api';

/** A request at one instant of machine time, by which the clock ran on meanwhile. */
export type Deed = { atMs: number } & (
  | { control: string; input: unknown }
  /** `requests`: how many of the API had come before, since their ids follow from it. */
  | { request: ApiRequest; encounter: Encounter; requests: number }
);

/** The options that a world and its clock follow from: a journal belongs to these. */
export type WorldFacts = Readonly<Record<string, unknown>>;

interface Head {
  begunMs: number;
  world: WorldFacts;
}

const OWNER_ONLY = 0o600;
const NEWLINE = 10;

export class Journal {
  /** Machine time at the first start. */
  readonly begunMs: number;
  /** What an earlier service has been asked to do. */
  readonly past: readonly Deed[];
  private readonly descriptor: number;

  /** Throws when the file belongs to another world, or is none of ours. */
  constructor(
    private readonly file: string,
    world: WorldFacts,
  ) {
    this.descriptor = openSync(file, 'a+', OWNER_ONLY);
    try {
      const [head, ...past] = this.readLines();
      if (head === undefined) {
        this.begunMs = Date.now();
        this.write({ begunMs: this.begunMs, world } satisfies Head);
      } else {
        this.begunMs = this.readHead(head, world).begunMs;
      }
      this.past = past as Deed[];
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** On the disk when it returns: whoever is answered then finds it done after any end of this process. */
  append(deed: Deed): void {
    this.write(deed);
  }

  close(): void {
    closeSync(this.descriptor);
  }

  private write(line: object): void {
    writeSync(this.descriptor, `${JSON.stringify(line)}\n`);
    fdatasyncSync(this.descriptor);
  }

  /** A last line without its end was cut off by the death of its writer, who has answered nobody: it is dropped. */
  private readLines(): unknown[] {
    const bytes = readFileSync(this.descriptor);
    const complete = bytes.lastIndexOf(NEWLINE) + 1;
    if (complete < bytes.length) ftruncateSync(this.descriptor, complete);
    const lines = bytes.toString('utf8', 0, complete).split('\n').slice(0, -1);
    return lines.map((line, index) => {
      try {
        return JSON.parse(line) as unknown;
      } catch {
        throw new Error(`Line ${index + 1} of the journal ${this.file} is no JSON.`);
      }
    });
  }

  private readHead(line: unknown, world: WorldFacts): Head {
    const { begunMs, world: known } = line as Partial<Head>;
    if (begunMs === undefined || known === undefined)
      throw new Error(`${this.file} is no journal of a simulator.`);
    const wanted = JSON.parse(JSON.stringify(world)) as WorldFacts;
    const name = [...new Set([...Object.keys(known), ...Object.keys(wanted)])].find(
      (each) => JSON.stringify(known[each]) !== JSON.stringify(wanted[each]),
    );
    if (name !== undefined)
      throw new Error(
        `The journal ${this.file} was begun with another ${name}: ${JSON.stringify(known[name])}, not ${JSON.stringify(wanted[name])}. Give what it was begun with, or another file.`,
      );
    return { begunMs, world: known };
  }
}
