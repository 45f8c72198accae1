/** docs/runbook.md: its JSON, for tests to type, and its pictures, for tests to take. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Locator, Page } from 'playwright-core';

const DOCS = join(__dirname, '..', '..', 'docs');
const PICTURE_MAX_BYTES = 150_000;
/** The UI's passing messages are laid over what is to be seen. */
const WITHOUT_MESSAGES = '[role="log"] { display: none }';

/** The JSON blocks below that heading, as they stand there. */
export function jsonOf(heading: string): string[] {
  const text = readFileSync(join(DOCS, 'runbook.md'), 'utf8');
  const section = text.split(/^## /m).find((each) => each.startsWith(`${heading}\n`));
  if (section === undefined) throw new Error(`docs/runbook.md has no heading ${heading}.`);
  return [...section.matchAll(/^```json\n([^`]*)^```/gm)].map(([, json]) => json ?? '');
}

/** Takes a picture of the runbook when `npm run runbook:pictures` asks for it. */
export async function picture(of: Page | Locator, name: string): Promise<void> {
  if (!process.env['RECOUP_UPDATE_PICTURES']) return;
  const png = await of.screenshot({ animations: 'disabled', style: WITHOUT_MESSAGES });
  if (png.length > PICTURE_MAX_BYTES) {
    throw new Error(
      `The picture ${name} has ${png.length} bytes; ${PICTURE_MAX_BYTES} are enough.`,
    );
  }
  writeFileSync(join(DOCS, 'images', 'runbook', `${name}.png`), png);
}
