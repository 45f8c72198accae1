import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from '../../config/config';
import { readSchedulesFile } from '../../client/schedules-file';

const folder = mkdtempSync(join(tmpdir(), 'recoup-schedules-'));
afterAll(() => rmSync(folder, { recursive: true }));

function fileWith(content: unknown): string {
  const file = join(folder, 'nights.json');
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

const utc = { name: 'utc', timeZone: 'UTC', at: '02:00' };

test('the file of the clone is correct, and has one default group', () => {
  const groups = readSchedulesFile(join(ROOT, 'schedules.json'));
  expect(groups.filter((group) => group.default)).toHaveLength(1);
});

test('what a group leaves out has its default', () => {
  expect(readSchedulesFile(fileWith({ groups: [utc] }))).toEqual([
    {
      ...utc,
      default: false,
      jitterMinutes: 30,
      overlap: 'skip',
      catchUpWindowMinutes: 360,
      maxConcurrent: 50,
    },
  ]);
});

test.each([
  [{ groups: [{ ...utc, name: 'u t' }] }, 'groups[0].name: expected 1 to 60 letters'],
  [{ groups: [{ ...utc, timeZone: 'Mars' }] }, 'groups[0].timeZone: expected an IANA time zone'],
  [{ groups: [{ ...utc, timeZone: 'utc' }] }, 'groups[0].timeZone: expected an IANA time zone'],
  [{ groups: [{ ...utc, at: '24:00' }] }, 'groups[0].at: expected a time of day from "00:00"'],
  [{ groups: [{ ...utc, at: 2 }] }, 'groups[0].at: expected a time of day such as "02:00"'],
  [{ groups: [{ ...utc, jitter: 5 }] }, 'groups[0]: unknown field "jitter"'],
  [{ groups: [{ ...utc, jitterMinutes: -1 }] }, 'groups[0].jitterMinutes: expected at least 0'],
  [{ groups: [{ ...utc, overlap: 'never' }] }, 'groups[0].overlap: expected one of skip,'],
  [{ groups: [{ ...utc, catchUpWindowMinutes: 0 }] }, '.catchUpWindowMinutes: expected at least 1'],
  [{ groups: [{ ...utc, maxConcurrent: 1e6 }] }, 'groups[0].maxConcurrent: expected at most 1000'],
  [{ groups: [utc, { ...utc, name: 'b' }] }, 'groups[1].timeZone: expected another time zone'],
  [{ groups: [utc, { ...utc, timeZone: 'CET' }] }, 'groups[1].name: expected another name'],
  [
    {
      groups: [
        { ...utc, default: true },
        { ...utc, name: 'b', timeZone: 'CET', default: true },
      ],
    },
    'groups[1].default: expected one default group only',
  ],
  [{ groups: {} }, 'groups: expected a list of groups'],
  ['{"groups":[', 'is no JSON: '],
])('%j is refused with file, path and what was expected', (content, message) => {
  const file = fileWith(content);
  const read = () => readSchedulesFile(file);
  expect(read).toThrow(file);
  expect(read).toThrow(message);
});

test('a file that is not there is named', () => {
  expect(() => readSchedulesFile(join(folder, 'none.json'))).toThrow(/none\.json cannot be read$/);
});
