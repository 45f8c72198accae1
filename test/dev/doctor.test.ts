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
});
