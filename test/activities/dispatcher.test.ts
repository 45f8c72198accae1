import type { Kysely } from 'kysely';
import { Dispatcher } from '../../activities/dispatcher';
import { WalkControl } from '../../activities/walk-control';
import { readRun } from '../../db/repositories/runs';
import { finishTask, type Lease } from '../../db/repositories/tasks';
import type { Database } from '../../db/schema';
import { commitPage, newAccountOn, newRunOn, at, page, subscription, UNTIL } from '../db/reading';
import { openTestDatabase } from '../support/database';
import { FakeService } from '../support/fake-provider';

let db: Kysely<Database>;
let close: () => Promise<void>;

beforeAll(async () => {
  ({ db, close } = await openTestDatabase());
});
afterAll(() => close());

async function newDispatcher(resources: readonly string[]) {
  const accountId = await newAccountOn(db);
  const tasks = resources.map((resource, position) => ({
    resource,
    position,
    from: null,
    to: UNTIL,
  }));
  const run = await readRun(db, await newRunOn(db, { accountId, tasks }));
  const control = new WalkControl();
  const { provider } = new FakeService();
  return { control, dispatcher: new Dispatcher({ db, run, provider, owner: 'walk', control }) };
}

const lanes = (dispatcher: Dispatcher, count: number) =>
  Array.from({ length: count }, () => dispatcher.next());

describe('lanes that ask for work', () => {
  it('get one task each, and end together once the last one is done', async () => {
    const { dispatcher } = await newDispatcher(['customer', 'dispute']);
    const [first, second, ...others] = lanes(dispatcher, 5);
    const leases = await Promise.all([first, second]);
    expect(leases.map((lease) => lease?.resource)).toEqual(['customer', 'dispute']);
    for (const lease of leases) await finishTask(db, lease as Lease);
    expect(await Promise.all([dispatcher.next(), ...others])).toEqual([null, null, null, null]);
  });

  it('share what is left of a window as soon as a page of it tells how dense it is', async () => {
    const { dispatcher } = await newDispatcher(['subscription']);
    const [first, ...others] = lanes(dispatcher, 3);
    const lease = (await first) as Lease;
    const dense = Array.from({ length: 100 }, (_, i) => subscription(`sub_${i}`, {}));
    await commitPage(db, page(lease, at(1), dense));
    dispatcher.tell();
    const parts = (await Promise.all(others)) as Lease[];
    expect(parts.map(({ resource }) => resource)).toEqual(['subscription', 'subscription']);
    expect(new Set(parts.map(({ windowTo }) => windowTo.getTime())).size).toBe(2);
  });

  it('get nothing from a walk that is being stopped, not even what was claimed just then', async () => {
    const { dispatcher, control } = await newDispatcher(['customer']);
    const asked = lanes(dispatcher, 2);
    control.stop('wanted');
    expect(await Promise.all(asked)).toEqual([null, null]);
  });
});
