/** The built command line and the Schedules of a real Temporal server. */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startSimulator, type Simulator } from '../../simulator/server';
import { SIMULATOR_KEY, someAccountId, startRecoup, type Recoup } from '../support/recoup';
import { temporalClient } from '../support/temporal';

const ACCOUNT = someAccountId();
/** Tests share a Temporal server, and schedules have their group's name. */
const mine = randomUUID().slice(0, 8);
const [WORLD, BERLIN] = [`world-${mine}`, `berlin-${mine}`];

let recoup: Recoup;
let simulator: Simulator;
let temporal: Awaited<ReturnType<typeof temporalClient>>;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'recoup-schedules-'));
  simulator = await startSimulator({
    seed: 11,
    customers: 5,
    accountId: ACCOUNT,
    asOf: new Date('2026-11-01T00:00:00Z'),
    keys: { [SIMULATOR_KEY]: { permissions: 'all' } },
  });
  recoup = await startRecoup();
  temporal = await temporalClient();
}, 60_000);

afterAll(async () => {
  for (const name of [WORLD, BERLIN]) {
    await temporal.client.schedule
      .getHandle(`nightly/${name}`)
      .delete()
      .catch(() => undefined);
  }
  await temporal.close();
  await recoup.close();
  await simulator.close();
  rmSync(folder, { recursive: true });
});

interface Change {
  readonly schedule: string;
  readonly change: string;
  readonly differences: readonly string[];
}

const apply = async (groups: readonly object[], more: readonly string[] = []) => {
  const file = join(folder, 'nights.json');
  writeFileSync(file, JSON.stringify({ groups }));
  const changes = await recoup.json(['schedules', 'apply', '--file', file, '--json', ...more]);
  return (changes as Change[]).map(({ schedule, change, differences }) =>
    [change, schedule, ...differences].join(' '),
  );
};

interface View {
  readonly last: {
    readonly state: string;
    readonly dueAt: string;
    readonly result: { readonly from: string } | null;
  } | null;
}
interface Run {
  readonly endedAt: string | null;
}

const list = async () => (await recoup.json(['schedules', 'list', '--json'])) as View[];

/** Asks again until it holds; the test's own limit ends it. */
async function eventually<T>(ask: () => Promise<T>, holds: (answer: T) => boolean): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (holds(answer)) return answer;
  }
}

const describeSchedule = (group: string) =>
  temporal.client.schedule.getHandle(`nightly/${group}`).describe();

const world = { name: WORLD, timeZone: 'UTC', default: true, at: '02:00', maxConcurrent: 20 };
const berlin = { name: BERLIN, timeZone: 'Europe/Berlin', at: '04:30', jitterMinutes: 10 };

test('a dry run says what would be made, and makes nothing', async () => {
  expect(await apply([world], ['--dry-run'])).toEqual([`created nightly/${WORLD}`]);
  expect(await list()).toEqual([]);
});

test('applied twice, the second time changes nothing', async () => {
  const made = [`nightly/${WORLD}`, `nightly/${BERLIN}`];
  expect(await apply([world, berlin])).toEqual(made.map((id) => `created ${id}`));
  expect(await apply([world, berlin])).toEqual(made.map((id) => `unchanged ${id}`));
  const { spec, policies, action } = await describeSchedule(BERLIN);
  expect(spec).toMatchObject({ timezone: 'Europe/Berlin', jitter: 600_000 });
  expect(policies).toEqual({ overlap: 'SKIP', catchupWindow: 21_600_000, pauseOnFailure: false });
  expect(action).toMatchObject({ workflowType: 'nightlySync', workflowId: `nightly/${BERLIN}` });
});

test('the default group takes every zone that no other group names', async () => {
  const inputs = [(await describeSchedule(WORLD)).action, (await describeSchedule(BERLIN)).action];
  expect(inputs.map(({ args }) => args)).toEqual([
    [{ timeZone: null, except: ['Europe/Berlin'], maxConcurrent: 20 }],
    [{ timeZone: 'Europe/Berlin', except: [], maxConcurrent: 50 }],
  ]);
});

test('a change is said, and keeps the pause that a person made', async () => {
  await temporal.client.schedule.getHandle(`nightly/${BERLIN}`).pause('the bank is closed');
  expect(await apply([world, { ...berlin, at: '05:00', jitterMinutes: 0 }])).toEqual([
    `unchanged nightly/${WORLD}`,
    `changed nightly/${BERLIN} at: 04:30 → 05:00 jitterMinutes: 10 → 0`,
  ]);
  expect((await describeSchedule(BERLIN)).state).toMatchObject({
    paused: true,
    note: 'the bank is closed',
  });
});

test('list shows each with its next nights, or why it is paused', async () => {
  expect(await list()).toEqual([
    expect.objectContaining({
      schedule: `nightly/${BERLIN}`,
      state: 'paused',
      because: 'the bank is closed',
      next: [],
    }),
    expect.objectContaining({
      schedule: `nightly/${WORLD}`,
      state: 'on',
      next: [1, 2, 3].map(() => expect.stringMatching(/^\d{4}-\d\d-\d\dT02:[0-3]\d:/) as string),
      last: null,
    }),
  ]);
  const { stdout } = await recoup.cli(['schedules', 'list', BERLIN]);
  expect(stdout).toContain('State     paused. the bank is closed.\n');
  expect(stdout).toContain('When      daily at 05:00 Europe/Berlin\n');
});

test('pause and resume are kept with their reason', async () => {
  const [pause, resume] = [
    ['schedules', 'pause', WORLD, '--reason', 'ticket 4711'],
    ['schedules', 'resume', '--reason', 'all is well'],
  ];
  expect(await recoup.cli(pause)).toMatchObject({
    stdout: `nightly/${WORLD} is paused. ticket 4711.\n`,
  });
  expect((await describeSchedule(WORLD)).state).toMatchObject({ note: 'ticket 4711' });
  expect(await recoup.json([...resume, '--json'])).toEqual(
    [BERLIN, WORLD].map((group) => ({
      schedule: `nightly/${group}`,
      state: 'on',
      because: 'all is well',
    })),
  );
});

test('a schedule that no group names any more is removed, and the default group takes its zone', async () => {
  const [kept, removed] = await apply([world]);
  expect(kept).toMatch(
    new RegExp(`^changed nightly/${WORLD} input: .*"except":\\["Europe/Berlin"`),
  );
  expect(removed).toBe(`removed nightly/${BERLIN}`);
  await expect(describeSchedule(BERLIN)).rejects.toThrow('schedule not found');
});

test('a schedule that somebody else made is neither changed nor removed', async () => {
  const { spec, policies, action } = await describeSchedule(WORLD);
  await temporal.client.schedule.create({
    scheduleId: `nightly/${BERLIN}`,
    spec,
    policies,
    action: { ...action, workflowId: 'theirs' },
  });
  expect(await apply([world])).toEqual([`unchanged nightly/${WORLD}`]);
  writeFileSync(join(folder, 'both.json'), JSON.stringify({ groups: [world, berlin] }));
  expect(
    await recoup.cli(['schedules', 'apply', '--file', join(folder, 'both.json')]),
  ).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(
      /^recoup: The schedule nightly\/berlin-\w+ was not made by this Recoup, .*\n$/,
    ) as string,
  });
});

test('a triggered night syncs the accounts of its group, and list says how it went', async () => {
  await recoup.connect({ account: ACCOUNT, apiBase: simulator.url });
  await recoup.startWorker();
  const { stdout } = await recoup.cli(['schedules', 'trigger', WORLD]);
  expect(stdout).toMatch(
    new RegExp(
      `^nightly/${WORLD} has started:\\n {2}http\\S+/workflows/nightly%2F${WORLD}-\\S+\\n$`,
    ),
  );
  const completed = await eventually(list, ([view]) => view?.last?.state === 'completed');
  expect(completed).toMatchObject([{ last: { result: { woken: 1, passedOver: 0 } } }]);
  const ended = await eventually(
    () => recoup.json(['runs', 'list', '--account', ACCOUNT, '--json']) as Promise<Run[]>,
    ([run]) => typeof run?.endedAt === 'string',
  );
  expect(ended).toMatchObject([{ kind: 'sync', state: 'complete' }]);
}, 60_000);

test('a backfill of the schedule reads up to the time that each night was meant to begin', async () => {
  const handle = temporal.client.schedule.getHandle(`nightly/${WORLD}`);
  const [start, end] = [new Date('2026-10-20T00:00:00Z'), new Date('2026-10-21T00:00:00Z')];
  const before = (await list())[0]?.last?.dueAt;
  await handle.backfill({ start, end, overlap: 'BUFFER_ALL' });
  const [night] = await eventually(
    list,
    ([view]) => view?.last?.dueAt !== before && view?.last?.state === 'completed',
  );
  expect(night?.last?.dueAt).toMatch(/^2026-10-20T02:[0-3]\d:/);
  // Its jitter makes a night late, and is none of its window's business.
  expect(night?.last?.result?.from).toBe('2026-10-20T02:00:00.000Z');
}, 60_000);

test('a group that has no schedule is refused with the known ones', async () => {
  expect(await recoup.cli(['schedules', 'trigger', 'mars'])).toEqual({
    code: 2,
    stdout: '',
    stderr: `recoup: No schedule is called "mars". Known: nightly/${WORLD}. Give one of these.\n`,
  });
});
