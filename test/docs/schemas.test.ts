/** The schemas of the file that the metrics are computed from. `npm run docs` writes them; here they fail when stale. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Ajv from 'ajv/dist/2020';
import { z } from 'zod';
import { ROOT } from '../../config/config';
import { compute, readComputeInput } from '../../domain/metrics/compute';
import { inputSchema } from '../../domain/metrics/compute-input';
import { outputSchema } from '../../domain/metrics/compute-output';

const SCHEMAS = [
  ['docs/metrics-input.schema.json', z.toJSONSchema(inputSchema, { io: 'input' })],
  ['docs/metrics-output.schema.json', z.toJSONSchema(outputSchema, { io: 'output' })],
] as const;

test.each(SCHEMAS)('%s is what the code reads and writes', (file, schema) => {
  const path = join(ROOT, file);
  const fresh = `${JSON.stringify(schema, null, 2)}\n`;
  if (process.env['RECOUP_UPDATE_DOCS']) writeFileSync(path, fresh);
  else expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual(JSON.parse(fresh));
});

test('the example of docs/metrics.md and what is computed from it fit the schemas', () => {
  const text = readFileSync(join(ROOT, 'docs/metrics.md'), 'utf8');
  const example: unknown = JSON.parse(/```json\n([^]*?)```/.exec(text)?.[1] ?? '');
  const [input, output] = SCHEMAS.map(([, schema]) =>
    new Ajv({ validateFormats: false, strict: false }).compile(schema),
  );
  input?.(example);
  expect(input?.errors).toBeNull();
  output?.(compute(readComputeInput(example)));
  expect(output?.errors).toBeNull();
});
