import { createHash } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { Clone } from './clone';

let clone: Clone;
beforeEach(() => (clone = new Clone()));
afterEach(() => clone.dispose());

describe('npm run doctor', () => {
  it('says line by line what is there, and exits 0 when nothing that is needed lacks', async () => {
    const doctor = clone.start([], { script: 'doctor.mjs' });
    expect(await doctor.end).toBe(0);
    for (const name of ['Node.js', 'npm', 'Disk', 'Temporal', 'Postgres', 'Ports']) {
      expect(doctor.stdout()).toMatch(new RegExp(`^[✓·] ${name}`, 'm'));
    }
  });

  it('names a server that does not answer, without its password, and exits 1', async () => {
    const doctor = clone.start([], {
      script: 'doctor.mjs',
      env: { DATABASE_URL: 'postgres://me:hunter2@127.0.0.1:1/x' },
    });
    expect(await doctor.end).toBe(1);
    expect(doctor.stdout()).toMatch(
      /^✗ Postgres .*DATABASE_URL does not answer: .*127\.0\.0\.1:1/m,
    );
    expect(doctor.stdout()).not.toContain('hunter2');
  });

  it('lists what clones that are gone have left in /var/tmp, and nothing else', async () => {
    const folderOf = (path: string): string =>
      `/var/tmp/recoup-${createHash('sha256').update(path).digest('hex').slice(0, 12)}`;
    const gone = clone.path('gone');
    const folders = {
      [folderOf(gone)]: gone,
      [folderOf(clone.folder)]: clone.folder,
      [folderOf('/not/this')]: '/but/that',
    };
    try {
      for (const [folder, path] of Object.entries(folders)) {
        mkdirSync(folder);
        writeFileSync(`${folder}/clone`, path);
      }
      const doctor = clone.start([], { script: 'doctor.mjs' });
      expect(await doctor.end).toBe(0);
      const said = /^· Left over .*remove: rm -rf (.*)$/m.exec(doctor.stdout())?.[1]?.split(' ');
      expect(said).toContain(folderOf(gone));
      expect(said).not.toContain(folderOf(clone.folder));
      expect(said).not.toContain(folderOf('/not/this'));
    } finally {
      for (const folder of Object.keys(folders)) rmSync(folder, { recursive: true, force: true });
    }
  });
});
