/**
 * Parts of the documents that are drawn from code. `npm run docs` writes them; here they fail when stale.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, VARIABLES } from '../../config/config';
import { accountDiagram } from '../../domain/account/diagram';
import { caseDiagram, caseStops } from '../../domain/recovery/diagram';

/** The text between `<!-- name:begin -->` and `<!-- name:end -->` of a file is exactly `content`. */
function expectGenerated(options: { file: string; name: string; content: string }) {
  const path = join(ROOT, options.file);
  const text = readFileSync(path, 'utf8');
  const [begin, end] = [`<!-- ${options.name}:begin -->`, `<!-- ${options.name}:end -->`];
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  expect(from).toBeGreaterThan(-1);
  expect(to).toBeGreaterThan(from);
  const fresh = `${text.slice(0, from + begin.length)}\n\n${options.content}\n\n${text.slice(to)}`;
  if (process.env['RECOUP_UPDATE_DOCS']) writeFileSync(path, fresh);
  else expect(text).toBe(fresh);
}

test('docs/configuration.md lists every variable with its default and meaning', () => {
  const rows = Object.entries(VARIABLES).map(([name, { schema, about }]) => {
    const unset = schema.safeParse(undefined);
    const byDefault = !unset.success
      ? 'required'
      : unset.data === undefined
        ? 'none'
        : `\`${String(unset.data).replace(`${ROOT}/`, '')}\``;
    return `| \`${name}\` | ${byDefault} | ${about} |`;
  });
  expectGenerated({
    file: 'docs/configuration.md',
    name: 'variables',
    content: ['| variable | default | meaning |', '| --- | --- | --- |', ...rows].join('\n'),
  });
});

test('ARCHITECTURE.md draws the states of an account as the table has them', () => {
  expectGenerated({
    file: 'ARCHITECTURE.md',
    name: 'account-states',
    content: ['```mermaid', accountDiagram(), '```'].join('\n'),
  });
});

test('ARCHITECTURE.md draws the states of a recovery case as the table has them', () => {
  expectGenerated({
    file: 'ARCHITECTURE.md',
    name: 'case-states',
    content: ['```mermaid', caseDiagram(), '```'].join('\n'),
  });
  expectGenerated({ file: 'ARCHITECTURE.md', name: 'case-stops', content: caseStops() });
});
