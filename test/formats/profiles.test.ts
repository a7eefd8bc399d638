/** Profiles that come from elsewhere than kprof's own captures, and what is wrong with them. */
import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { formats, recognise } from '../../src/formats/index.ts';
import { stacksOf } from '../../src/profile/difference.ts';
import { sandbox } from '../support/sandbox.ts';

const frame = (functionName: string) => ({ functionName, scriptId: '0', url: '', lineNumber: -1, columnNumber: -1 });
const cpu = {
  nodes: [
    { id: 1, callFrame: frame('(root)'), hitCount: 0, children: [2] },
    { id: 2, callFrame: frame('hotLoop'), hitCount: 2 },
  ],
  startTime: 5_000_000,
  endTime: 7_500_000,
  samples: [2, 2],
  timeDeltas: [1000, 1000],
};
const heap = {
  head: { callFrame: frame('(root)'), selfSize: 0, id: 1, children: [{ callFrame: frame('f'), selfSize: 2048, id: 2, children: [] }] },
  samples: [],
};
const perf = `# comment
app 4711/4712 [001] 12345.678901:     250000 cycles:u: 
\t    7f3c9a1b2c3d hotLoop+0x1d (/usr/bin/app)
\t    7f3c9a1b2c3e main (/usr/bin/app)

my app  4711 12345.778901: cpu-clock: 
\t    7f3c9a1b2c3d hotLoop+0x1d (/usr/bin/app)

`;
const collapsed = 'main;work;hotLoop 97\nmain;a b(int, long) 3\n';
async function checked(content: string | Uint8Array) {
  using box = sandbox();
  const path = join(box.path, 'x.bin');
  writeFileSync(path, content);
  const format = await recognise(path);
  return { name: format.name, ...(await format.check(path)) };
}

describe('whole ones, known by their content', () => {
  test.each([
    ['cpuprofile', JSON.stringify(cpu), { durationMs: 2500, samples: 2, nodes: 2 }],
    ['cpuprofile', JSON.stringify(cpu, undefined, 2), { durationMs: 2500, samples: 2, nodes: 2 }],
    ['heapprofile', JSON.stringify(heap), { bytes: 2048, nodes: 2 }],
    ['perf', perf, { samples: 2, frames: 3 }],
    ['collapsed', collapsed, { samples: 100, stacks: 2 }],
    ['collapsed', collapsed.trimEnd().replaceAll('\n', '\r\n'), { samples: 100, stacks: 2 }],
  ])('%s', async (name, content, facts) => expect(await checked(content)).toMatchObject({ name, facts }));

  test('collapsed stacks have a ranking, and stacks to be compared by', async () => {
    using box = sandbox();
    const path = join(box.path, 'x.txt');
    writeFileSync(path, `${collapsed}main;work;hotLoop 3\n`);
    const { details } = await formats.collapsed.check(path);
    expect(details?.(80, 2).split('\n').slice(1)).toEqual([
      ' 100  97.09%  97.09%  100  97.09%  hotLoop',
      '   3   2.91%    100%    3   2.91%  a b(int, long)',
      '… and 2 more',
    ]);
    const profile = await formats.collapsed.stacks?.(path);
    expect(profile === undefined ? [] : stacksOf(profile)).toEqual([
      { names: ['main', 'work', 'hotLoop'], weight: 100 },
      { names: ['main', 'a b(int, long)'], weight: 3 },
    ]);
  });

  test('lines of two megabytes are no reason to fill the memory, and no stack', async () => {
    await expect(checked(`${collapsed}${'a;'.repeat(1_000_000)}b 1\n`)).rejects.toMatchObject({ failure: 'incomplete' });
  });
});

describe('broken ones', () => {
  const json = JSON.stringify(cpu);
  test.each<[string, string | Uint8Array, string]>([
    ['a CPU profile cut short', json.slice(0, -20), 'cut short'],
    ['a CPU profile without times', JSON.stringify({ ...cpu, timeDeltas: [1] }), '2 samples have 1 times'],
    ['a CPU profile without samples', JSON.stringify({ ...cpu, samples: undefined }), 'no samples'],
    ['a CPU profile without a start', JSON.stringify({ ...cpu, startTime: 'then' }), 'no start'],
    ['a sample of no node', JSON.stringify({ ...cpu, samples: [2, 3] }), 'has no node'],
    ['a node that is none', JSON.stringify({ ...cpu, nodes: [...cpu.nodes, null] }), 'a node is damaged'],
    ['a heap profile cut short', JSON.stringify(heap).slice(0, -20), 'cut short'],
    ['a heap profile with a hole', JSON.stringify({ head: { ...heap.head, children: [null] } }), 'a node is damaged'],
    ['a heap profile whose children are none', JSON.stringify({ head: { ...heap.head, children: 5 } }), 'a node is damaged'],
    ['perf cut in a stack', perf.slice(0, -20), 'ends in a stack'],
    ['collapsed stacks cut in one', collapsed.slice(0, -4), 'line 2'],
  ])('%s', async (_, content, reason) => {
    await expect(checked(content)).rejects.toMatchObject({ failure: 'incomplete', message: expect.stringContaining(reason) });
  });

  test.each([
    ['other JSON', '{"a": 1}'],
    ['prose', 'It was in 1984\n'],
    ['a table', 'a 1\nb 2\n'],
    ['a log', '2026-11-21 07:15:02 main; started in 12\nand more\n'],
    ['zeros', Buffer.alloc(5000)],
  ])('%s is no kind that kprof knows', async (_, content) => {
    await expect(checked(content)).rejects.toMatchObject({ failure: 'unsupported' });
  });

  test.each([
    ['cpuprofile', json.slice(0, 100), 'unsupported'],
    ['heapprofile', JSON.stringify(heap), 'unsupported'],
    ['collapsed', collapsed, 'incomplete'],
    ['perf', perf, 'incomplete'],
  ] as const)('a %s of 2 GiB, mostly holes', async (name, head, failure) => {
    using box = sandbox();
    const path = join(box.path, 'x');
    writeFileSync(path, head);
    truncateSync(path, 2 ** 31);
    await expect(formats[name].check(path)).rejects.toMatchObject({ failure, message: expect.stringContaining(path) });
  });
});
