/** What the documents point at is there, and no picture is left that none of them shows. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { ROOT } from '../../config/config';

const DOCUMENTS = ['.', 'docs'].flatMap((folder) =>
  readdirSync(join(ROOT, folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name)),
);

/** Relative links of a document, as paths from the clone. */
const linksOf = (document: string): string[] =>
  [...readFileSync(join(ROOT, document), 'utf8').matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(
    ([, link = '']) => join(dirname(document), link),
  );

test.each(DOCUMENTS)('every file that %s links to is there', (document) => {
  const missing = linksOf(document).filter((link) => !existsSync(join(ROOT, link)));
  expect(missing).toEqual([]);
});

test('every picture of the documents is shown by one of them', () => {
  const images = join(ROOT, 'docs', 'images');
  const pictures = readdirSync(images, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.png'))
    .map((name) => relative(ROOT, join(images, name)));
  const shown = DOCUMENTS.flatMap(linksOf);
  expect(pictures.filter((picture) => !shown.includes(picture))).toEqual([]);
});
