import tseslint from 'typescript-eslint';

/** What workflow code may not touch: it must replay the same on any machine at any time. */
const NOT_IN_WORKFLOWS = ['node:*', 'fs', 'path', 'crypto', 'stripe', 'pg', 'kysely', 'pino'];

export default tseslint.config(
  { ignores: ['dist/', 'node_modules/', '.recoup/', 'test/histories/'] },
  { files: ['**/*.ts'], extends: [...tseslint.configs.strict, ...tseslint.configs.stylistic] },
  {
    files: ['**/*.ts'],
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      '@typescript-eslint/consistent-type-definitions': 'off',
      '@typescript-eslint/consistent-indexed-object-style': 'off',
      '@typescript-eslint/array-type': ['error', { default: 'array' }],
      eqeqeq: 'error',
      'no-console': 'error',
      'no-restricted-syntax': [
        'error',
        {
          selector: "CallExpression[callee.name='parseFloat']",
          message: 'Money and quantities are exact: parse decimals as strings.',
        },
      ],
    },
  },
  {
    // Pure rooms: no clock and no randomness but what is handed in.
    files: ['domain/**/*.ts'],
    rules: {
      'no-restricted-globals': ['error', 'process', 'setTimeout', 'setInterval', 'fetch'],
      'no-restricted-properties': [
        'error',
        { object: 'Math', property: 'random', message: 'Randomness is an input.' },
        { object: 'Date', property: 'now', message: '`now` is an input.' },
      ],
    },
  },
  {
    files: ['workflows/**/*.ts'],
    rules: {
      'no-restricted-imports': ['error', { patterns: NOT_IN_WORKFLOWS }],
      'no-restricted-globals': ['error', 'process'],
    },
  },
);
