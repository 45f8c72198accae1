import tseslint from 'typescript-eslint';

/** What workflow code may not touch: it must replay the same on any machine at any time. */
const NOT_IN_WORKFLOWS = ['node:*', 'fs', 'path', 'crypto', 'stripe', 'pg', 'kysely', 'pino'];

const parsesFloats = {
  selector:
    "CallExpression:matches([callee.name='parseFloat'], [callee.property.name='parseFloat'])",
  message: 'Money and quantities are exact: parse decimals as strings.',
};

/** A name that ends in `Minor` is money, wherever it stands. */
const MONEY = ':matches(Identifier[name=/Minor$/], MemberExpression[property.name=/Minor$/])';
/** No floating-point number touches money: what is not written by accident cannot be rounded by accident. */
const FLOATING_MONEY = [
  `CallExpression:matches([callee.name='Number'], [callee.name='parseInt']) > ${MONEY}.arguments`,
  `CallExpression[callee.property.name=/^to(Fixed|Precision|Exponential)$/] > MemberExpression.callee > ${MONEY}.object`,
  `UnaryExpression[operator='+'] > ${MONEY}.argument`,
  `CallExpression[callee.object.name='Math'] > ${MONEY}.arguments`,
  ':matches(TSPropertySignature, PropertyDefinition)[key.name=/Minor$/] > TSTypeAnnotation TSNumberKeyword',
  'Identifier[name=/Minor$/] > TSTypeAnnotation TSNumberKeyword',
].map((selector) => ({ selector, message: 'Money is a bigint of minor units, never a number.' }));

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
      'no-restricted-syntax': ['error', parsesFloats],
    },
  },
  {
    // The simulator speaks the JSON of a billing service, whose amounts are numbers.
    files: ['**/*.ts'],
    ignores: ['simulator/**', 'test/**', 'bench/**'],
    rules: { 'no-restricted-syntax': ['error', parsesFloats, ...FLOATING_MONEY] },
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
