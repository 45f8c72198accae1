import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SearchAttributeType } from '@temporalio/common';
import { parse } from 'yaml';
import { z } from 'zod';
import { SEARCH_ATTRIBUTES } from '../../workflows/contract';
import { inDev } from './in-dev';

const ROOT = join(__dirname, '..', '..');

const compose = z
  .object({ services: z.object({ temporal: z.object({ command: z.array(z.string()) }) }) })
  .parse(parse(readFileSync(join(ROOT, 'temporal-dev.yml'), 'utf8')));
const { command } = compose.services.temporal;

const TYPE_NAMES: Partial<Record<SearchAttributeType, string>> = {
  [SearchAttributeType.KEYWORD]: 'Keyword',
  [SearchAttributeType.BOOL]: 'Bool',
  [SearchAttributeType.DATETIME]: 'Datetime',
  [SearchAttributeType.INT]: 'Int',
};

describe('temporal-dev.yml', () => {
  it('has the search attributes of the workflow contract, no more and no fewer', () => {
    const inFile = command.flatMap((argument) => {
      const [, name, type] = /^--search-attribute=(\w+)=(\w+)$/.exec(argument) ?? [];
      return name === undefined ? [] : [[name, type]];
    });
    const inContract = Object.values(SEARCH_ATTRIBUTES).map(({ name, type }) => [
      name,
      TYPE_NAMES[type],
    ]);
    expect(inFile).toEqual(inContract);
  });

  it('is read by the launcher as by a YAML parser', () => {
    expect(inDev('temporal', 'dev.composeCommand()')).toEqual(command);
  });

  it('keeps its flags when the launcher puts its own ports, address and file in', () => {
    const own = {
      ip: '127.0.0.1',
      port: 1,
      'ui-port': null,
      'http-port': 2,
      'metrics-port': 3,
      'db-filename': '/x',
    };
    const replaced = Object.keys(own).map((name) => `--${name}=`);
    expect(inDev('temporal', `dev.serverArguments(${JSON.stringify(own)})`)).toEqual([
      ...command.filter((argument) => !replaced.some((start) => argument.startsWith(start))),
      '--ip=127.0.0.1',
      '--port=1',
      '--http-port=2',
      '--metrics-port=3',
      '--db-filename=/x',
    ]);
  });
});
