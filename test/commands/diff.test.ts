import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { diff, pairOf } from '../../src/commands/diff.ts';
import { profile } from '../support/profiles.ts';
import { chunk } from '../support/recordings.ts';
import { sandbox } from '../support/sandbox.ts';

const shown = { lines: 1, output: undefined } as const;

/** Two files of these contents. */
async function differing(contents: readonly (string | Uint8Array)[], more: Partial<Parameters<typeof diff>[1]> = {}): Promise<string> {
  using box = sandbox();
  const paths = contents.map((_, at) => join(box.path, String(at)));
  for (const [at, content] of contents.entries()) writeFileSync(paths[at] as string, content);
  return await diff(await pairOf(paths), { ...shown, ...more });
}

const cpu = (time: number) => profile({ samples: [[['f', 'main'], time]] });

test('prints what differs, for people and for scripts', async () => {
  expect(await differing([cpu(1e9), cpu(3e9)])).toMatch(/^CPU time: 1s before, 3s after.*\n.*\n *2s .* f\n/);
  expect(JSON.parse(await differing([cpu(1e9), cpu(3e9)], { output: 'json' }))).toMatchObject({
    kind: 'Summary',
    format: 'pprof',
    summary: { before: 1e9, after: 3e9, flat: { f: 2e9 } },
  });
});

test('counts the same in totals and table, whatever the defaults of the two', async () => {
  const types = [
    ['alloc_space', 'bytes'],
    ['inuse_space', 'bytes'],
  ] as const;
  const allocs = profile({ types, defaultType: 'alloc_space', samples: [[['f'], 4096, 1024]] });
  const heap = profile({ types, samples: [[['f'], 6144, 1024]] });
  expect(await differing([allocs, heap])).toMatch(/^allocated: 4kB before, 6kB after.*\n.*\n *2kB .* f\n/);
  expect(await differing([heap, allocs])).toMatch(/^allocated: 6kB before, 4kB after.*\n.*\n *-2kB .* f\n/);
  expect(JSON.parse(await differing([allocs, heap], { output: 'json' }))).toMatchObject({
    summary: { type: 'alloc_space', before: 4096, after: 6144, flat: { f: 2048 } },
  });
});

test('says where nothing differs', async () => {
  expect(await differing([cpu(1e9), cpu(1e9)])).toBe('CPU time: 1s before, 1s after. No function differs.\n');
});

const frame = (functionName: string) => ({ functionName, url: 'app.js', lineNumber: 1 });
const cpuprofile = (...times: readonly number[]) =>
  JSON.stringify({
    nodes: [
      { id: 1, callFrame: frame('(root)'), children: [2] },
      { id: 2, callFrame: frame('hot') },
    ],
    startTime: 0,
    endTime: times.reduce((sum, time) => sum + time, 0),
    samples: times.map(() => 2),
    timeDeltas: [0, ...times.slice(0, -1)],
  });
const heapprofile = (selfSize: number) =>
  JSON.stringify({ head: { callFrame: frame('(root)'), selfSize: 0, children: [{ callFrame: frame('hot'), selfSize, children: [] }] } });

test.each<readonly [string, readonly string[], RegExp]>([
  ['CPU profiles of V8', [cpuprofile(1000, 1000), cpuprofile(1000)], /^CPU time: 2ms before, 1ms after.*\n.*\n *-1ms .* hot app\.js:2\n/],
  ['heap profiles of V8', [heapprofile(1024), heapprofile(4096)], /^in use: 1kB before, 4kB after.*\n.*\n *3kB .* hot app\.js:2\n/],
  ['collapsed stacks', ['main;hot 2\n', 'main;hot 5\nmain;cold 1\n'], /^samples: 2 before, 6 after.*\n.*\n *3 .* hot\n/],
])('%s', async (_, contents, says) => expect(await differing(contents)).toMatch(says));

test('refuses what can not be compared', async () => {
  const jfr = chunk();
  await expect(pairOf(['one'])).rejects.toMatchObject({ failure: 'usage' });
  await expect(pairOf(['one', 'two', 'three'])).rejects.toMatchObject({ failure: 'usage' });
  await expect(differing([cpu(1), jfr])).rejects.toMatchObject({ failure: 'usage', message: expect.stringContaining('pprof and jfr') });
  await expect(differing([jfr, jfr])).rejects.toMatchObject({ failure: 'unsupported' });
  const trace = `"main" #1 prio=5\n`;
  const threads = `2026-11-21 07:15:02\nFull thread dump OpenJDK 64-Bit Server VM (17 mixed mode):\n\n${trace}`;
  await expect(differing([threads, threads])).rejects.toMatchObject({ failure: 'unsupported', hint: expect.stringContaining('kprof top') });
  const heap = profile({ types: [['inuse_space', 'bytes']], samples: [[['f'], 1]] });
  await expect(differing([cpu(1), heap])).rejects.toMatchObject({ failure: 'usage', message: expect.stringContaining('different kinds') });
  await expect(differing([cpu(1), cpu(1).subarray(0, -9)])).rejects.toMatchObject({ failure: 'incomplete' });
});
