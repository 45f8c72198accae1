import { Connection } from '@temporalio/client';
import { SEARCH_ATTRIBUTES } from '../../workflows/contract';
import { createDatabase, query, temporalAddress } from '../support/stack';

describe('the servers of a test run', () => {
  it('give each test file a database of its own, from a template that is filled once', async () => {
    let fills = 0;
    const options = {
      template: 'test-servers',
      fill: async (url: string) => {
        fills += 1;
        await query(url, 'create table thing (id int); insert into thing values (1)');
      },
    };
    const [one, two] = await Promise.all([createDatabase(options), createDatabase(options)]);
    await query(one.url, 'insert into thing values (2)');

    expect(await query(one.url, 'select id from thing order by id')).toEqual([
      { id: 1 },
      { id: 2 },
    ]);
    expect(await query(two.url, 'select id from thing')).toEqual([{ id: 1 }]);
    expect(fills).toBe(1);
    await one.drop();
    await two.drop();
    await expect(query(one.url, 'select 1')).rejects.toMatchObject({ code: '3D000' });
  });

  it('do not copy a template whose filling failed', async () => {
    const template = 'test-servers-broken';
    const broken = () => Promise.reject(new Error('broken migration'));
    await expect(createDatabase({ template, fill: broken })).rejects.toThrow('broken migration');
    const mended = await createDatabase({
      template,
      fill: async (url) => void (await query(url, 'create table mended (id int)')),
    });
    expect(await query(mended.url, 'select id from mended')).toEqual([]);
    await mended.drop();
  });

  it('include a Temporal server that knows every search attribute of the contract', async () => {
    const connection = await Connection.connect({ address: temporalAddress() });
    const { customAttributes } = await connection.operatorService.listSearchAttributes({
      namespace: 'default',
    });
    expect(Object.keys(customAttributes ?? {})).toEqual(
      expect.arrayContaining(Object.values(SEARCH_ATTRIBUTES).map(({ name }) => name)),
    );
    await connection.close();
  });
});
