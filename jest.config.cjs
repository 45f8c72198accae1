/** Jest: TypeScript through swc; tests mirror the rooms. Two projects, so that pure tests need not wait for servers. */
const swc = {
  jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
  module: { type: 'commonjs' },
};

/** Folders of test/ whose tests need neither Postgres nor Temporal. */
const WITHOUT_SERVERS = ['config', 'docs', 'domain', 'providers', 'simulator', 'warehouse'];
const withoutServers = `/test/(${WITHOUT_SERVERS.join('|')})/`;

const common = {
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  transform: { '^.+\\.[jt]s$': ['@swc/jest', swc] },
  transformIgnorePatterns: ['/node_modules/'],
};

module.exports = {
  testTimeout: 60_000,
  // Most of a test's time is waiting for servers; by default a machine of two cores would run one file at a time.
  maxWorkers: 2,
  projects: [
    { ...common, displayName: 'pure', testRegex: `${withoutServers}.*\\.test\\.ts$` },
    {
      ...common,
      displayName: 'servers',
      testRegex: '\\.test\\.ts$',
      testPathIgnorePatterns: ['/node_modules/', withoutServers],
      globalSetup: '<rootDir>/test/support/global-setup.mjs',
      globalTeardown: '<rootDir>/test/support/global-teardown.mjs',
    },
  ],
};
