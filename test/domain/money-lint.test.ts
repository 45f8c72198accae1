/** The linter is what keeps floating-point numbers away from money: here it is shown to see them. */
import { execFileSync } from 'node:child_process';
import { ROOT } from '../../config/config';

const NEVER_A_NUMBER = 'Money is a bigint of minor units, never a number.';

const REFUSED = [
  'export const a = (x: { feeMinor: bigint }) => Number(x.feeMinor);',
  'export const a = (feeMinor: bigint) => Number(feeMinor);',
  'export const a = (feeMinor: bigint) => feeMinor.toFixed(2);',
  'export const a = (x: { feeMinor: bigint }) => x.feeMinor.toFixed(2);',
  'export const a = (x: { feeMinor: string }) => +x.feeMinor;',
  'export const a = (x: { feeMinor: bigint }) => Math.round(x.feeMinor);',
  'export interface A { feeMinor: number }',
  'export interface A { feeMinor?: number | null }',
  'export const a = (feeMinor: number) => feeMinor;',
];
const PARSED = 'export const a = [parseFloat("1.1"), Number.parseFloat("1.1")];';
const ALLOWED =
  'export const a = (feeMinor: bigint, x: { netMinor: bigint }) => feeMinor * 100n - x.netMinor;';

/** ESLint imports its configuration, which only a process of its own can. */
const SCRIPT = `
  const { ESLint } = require('eslint');
  const ruleFilter = ({ ruleId }) => ruleId === 'no-restricted-syntax';
  const lint = async (code) => {
    const eslint = new ESLint({ ruleFilter });
    const [{ messages }] = await eslint.lintText(code, { filePath: 'domain/some.ts' });
    return messages.map(({ message }) => message);
  };
  Promise.all(JSON.parse(process.argv[1]).map(lint)).then((all) => console.log(JSON.stringify(all)));`;

let found: Map<string, string[]>;
beforeAll(() => {
  const codes = [...REFUSED, PARSED, ALLOWED];
  const options = { cwd: ROOT, encoding: 'utf8' } as const;
  const answer = execFileSync(process.execPath, ['-e', SCRIPT, JSON.stringify(codes)], options);
  const messages = JSON.parse(answer) as string[][];
  found = new Map(codes.map((code, index) => [code, messages[index] ?? []]));
}, 120_000);

test.each(REFUSED)('%s is refused', (code) => {
  expect(found.get(code)).toContain(NEVER_A_NUMBER);
});

test('parsing a decimal as a number is refused', () => {
  expect(found.get(PARSED)).toHaveLength(2);
});

test('bigint amounts are not', () => {
  expect(found.get(ALLOWED)).toEqual([]);
});
