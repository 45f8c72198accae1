/**
 * Who may import whom: the table of ARCHITECTURE.md as a rule. A room is a top-level folder; each lists the rooms that it may
 * import besides itself. `test` and `bench` may import anything, nobody imports them.
 */
const MAY_IMPORT = {
  domain: [],
  config: [],
  simulator: [],
  dev: [],
  providers: ['domain'],
  db: ['domain'],
  warehouse: ['domain'],
  activities: ['domain', 'config', 'providers', 'db', 'warehouse'],
  workflows: ['domain'],
  workers: ['domain', 'config', 'providers', 'db', 'warehouse', 'activities', 'workflows'],
  client: ['domain', 'config', 'providers', 'db', 'warehouse'],
};

const rooms = Object.entries(MAY_IMPORT).map(([room, allowed]) => ({
  name: `room-${room}`,
  severity: 'error',
  comment: `${room}/ may import: ${allowed.join(', ') || 'nothing'}.`,
  from: { path: `^${room}/` },
  to: {
    path: '^[^/]+/',
    pathNot: [
      `^(${[room, 'node_modules', ...allowed].join('|')})/`,
      ...(room === 'client'
        ? ['^workflows/contract\\.ts$', '^activities/(contract|connection)\\.ts$']
        : []),
      ...(room === 'workflows' ? ['^activities/contract\\.ts$'] : []),
    ],
    dependencyTypesNot: ['core', 'npm', 'npm-dev', 'npm-optional'],
  },
}));

module.exports = {
  forbidden: [
    ...rooms,
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'providers-by-registry',
      severity: 'error',
      comment: 'Nothing outside names a provider: they are found through providers/registry.ts.',
      from: { pathNot: '^(providers|test)/' },
      to: { path: '^providers/(?!provider\\.ts|registry\\.ts)' },
    },
    {
      name: 'dev-is-built-ins-only',
      severity: 'error',
      comment:
        'dev/ runs before anything is installed. These two it loads afterwards, to ask the servers.',
      from: { path: '^dev/' },
      to: {
        dependencyTypes: ['npm', 'npm-dev'],
        pathNot: '^node_modules/(pg|@temporalio/client)/',
      },
    },
    {
      name: 'no-dev-dependencies-in-the-product',
      severity: 'error',
      from: { pathNot: '^(test|dev|bench)/|\\.config\\.|^\\.' },
      to: { dependencyTypes: ['npm-dev'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|\\.recoup)/' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { extensions: ['.ts', '.js', '.mjs', '.cjs', '.json'] },
  },
};
