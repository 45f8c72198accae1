import fc from 'fast-check';
import { REREAD } from '../../../domain/sync/run';
import { chooseWork, type OpenTask, type WorkTerms } from '../../../domain/sync/work';

const at = (hour: number) => new Date(Date.UTC(2026, 0, 1, hour));

const task = (resource: string, given: Partial<OpenTask> = {}): OpenTask => ({
  resource,
  leased: false,
  from: null,
  to: at(1_000),
  lastSeen: null,
  objects: 0,
  ...given,
});

/** Read to its half, with so much left that it is worth a cut. */
const walked = (resource: string): OpenTask =>
  task(resource, { leased: true, lastSeen: at(500), objects: 10_000 });

const terms = (given: Partial<WorkTerms> = {}): WorkTerms => ({
  setAside: new Set(),
  splittable: new Set(['invoice', 'customer']),
  floor: at(0),
  idleLanes: 1,
  ...given,
});

describe('a lane without work', () => {
  it('takes the first task of the plan that nobody holds', () => {
    const free = task('invoice');
    const open = [walked('customer'), free, task('dispute'), task(REREAD)];
    expect(chooseWork(open, terms())).toEqual({ how: 'claim', task: free });
  });

  it('cuts the window of another lane only when no task is free', () => {
    const invoice = walked('invoice');
    expect(chooseWork([invoice, task(REREAD)], terms())).toMatchObject({
      how: 'split',
      task: invoice,
      at: at(250),
    });
    expect(chooseWork([invoice, task('dispute')], terms())).toMatchObject({ how: 'claim' });
  });

  it('cuts no window of a resource that is to be walked in one piece', () => {
    expect(chooseWork([walked('event'), task(REREAD)], terms())).toEqual({ how: 'wait' });
  });

  it('leaves to the others what was set aside, and neither claims nor cuts it', () => {
    const setAside = new Set(['customer']);
    const open = [walked('customer'), task('customer'), task('dispute', { leased: true })];
    expect(chooseWork(open, terms({ setAside }))).toEqual({ how: 'wait' });
  });

  it('tries what was set aside once more when nothing else is left', () => {
    const setAside = new Set(['customer', 'invoice', 'price']);
    const open = [task('customer'), task('customer'), task('invoice'), task(REREAD)];
    expect(chooseWork(open, terms({ setAside }))).toEqual({
      how: 'try_again',
      resources: ['customer', 'invoice'],
    });
  });

  it('reads by id what lists left open, once all of them are read', () => {
    const last = task(REREAD);
    expect(chooseWork([task('dispute', { leased: true }), last], terms())).toEqual({ how: 'wait' });
    expect(chooseWork([last], terms())).toEqual({ how: 'claim', task: last });
    expect(chooseWork([task(REREAD, { leased: true })], terms())).toEqual({ how: 'wait' });
  });

  it('ends when no task is open', () => {
    expect(chooseWork([], terms())).toEqual({ how: 'end' });
  });

  it('is never given what another one holds, and never waits while a task that it may take is free', () => {
    const anyTask = fc
      .record({ resource: fc.constantFrom('invoice', 'event', REREAD), leased: fc.boolean() })
      .map(({ resource, leased }) => task(resource, { leased }));
    fc.assert(
      fc.property(fc.array(anyTask), fc.subarray(['invoice', 'event']), (open, aside) => {
        const setAside = new Set(aside);
        const work = chooseWork(open, terms({ setAside }));
        const free = open.filter(({ resource, leased }) => !leased && !setAside.has(resource));
        if (work.how === 'claim') expect(free).toContain(work.task);
        else expect(free.filter(({ resource }) => resource !== REREAD)).toEqual([]);
      }),
    );
  });
});
