import { expect, it } from 'vitest';
import type { Api } from '../../src/kube/api.ts';
import { logOf, parseLog } from '../../src/kube/log.ts';

const text = '2026-11-21T07:15:02.5Z one\n2026-11-21T07:15:02.50001Z two words\r\nno time\n2026-11-21T07:15:03Z \n';

it('has the lines of a log with moments that can be compared', () => {
  expect(parseLog(text)).toEqual([
    { at: '2026-11-21T07:15:02.500000000Z', text: 'one' },
    { at: '2026-11-21T07:15:02.500010000Z', text: 'two words' },
    { at: '2026-11-21T07:15:03.000000000Z', text: '' },
  ]);
});

it('asks for what it needs', async () => {
  const queries: unknown[] = [];
  const api = {
    text: async (_: unknown, { query }: { query: unknown }) => {
      queries.push(query);
      return text;
    },
  } as unknown as Api;
  const where = { namespace: 'n', pod: 'p', container: 'app' };
  const { signal } = new AbortController();
  expect(await logOf(api, where, '2026-11-21T07:15:02.500000000Z', signal)).toHaveLength(2);
  expect(await logOf(api, where, undefined, signal)).toHaveLength(3);
  expect(queries).toMatchObject([
    { container: 'app', timestamps: true, sinceTime: '2026-11-21T07:15:02Z' },
    { container: 'app', timestamps: true, tailLines: 1 },
  ]);
});
