import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { zip } from '../../src/capture/zip.ts';
import { recognise } from '../../src/formats/index.ts';
import { compare, readProfile } from '../../src/formats/pprof.ts';
import { plainProfile, profile } from '../support/profiles.ts';
import { sandbox } from '../support/sandbox.ts';

const heap = profile({ types: [['inuse_space', 'bytes']], samples: [[['main.allocate', 'main.main'], 2048]] });
const empty = profile({ samples: [] });

/** A header and batches, as Go 1.22 and later write them: event, generation, thread, time, size. */
const trace = (...sizes: readonly number[]): Buffer =>
  Buffer.concat([
    Buffer.from('go 1.26 trace\0\0\0'),
    ...sizes.map((size) => Buffer.concat([Buffer.from([1, 1, 0xac, 0x02, 5, size]), Buffer.alloc(size, 7)])),
    Buffer.from([52]),
  ]);

async function bundle(...files: readonly (readonly [string, Buffer])[]): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const archive = zip((bytes) => void chunks.push(Buffer.from(bytes)));
  for (const [name, content] of files) await archive.add(name, content);
  await archive.end();
  return Buffer.concat(chunks);
}

const stacks = Buffer.from('goroutine 1 [running]:\nmain.main()\n\t/x.go:5\n\ngoroutine 7 [sleep, 3 minutes]:\ntime.Sleep(0x1)\n');

async function check(content: Buffer) {
  using box = sandbox();
  const path = join(box.path, 'x.bin');
  writeFileSync(path, content);
  const format = await recognise(path);
  return { format: format.name, ...(await format.check(path)) };
}

test.each<readonly [string, Buffer, RegExp, object]>([
  ['pprof', heap, /^2kB in use in 2s, 1 stack$/, { type: 'inuse_space', samples: 1, flat: { 'main.allocate': 2048, 'main.main': 0 } }],
  ['pprof', plainProfile({ samples: [[['f'], 5e8]] }), /^500ms of CPU time in 2s, 1 stack$/, { total: 5e8 }],
  ['pprof', empty, /^0 of CPU time/, { samples: 0 }],
  ['gotrace', trace(3, 100), /Go 1\.26, .* 2 batches/, { version: '1.26', batches: 2 }],
  ['gotrace', Buffer.from('go 1.11 trace\0\0\0\x01\x02'), /Go 1\.11/, { version: '1.11' }],
  ['gotext', stacks, /6 lines.* 2 goroutines/, { goroutines: 2 }],
  ['gotext', Buffer.from('heap profile: 1: 2 [3: 4] @ heap/1048576\n'), /1 line /, { lines: 1 }],
  ['gotext', Buffer.from('--- mutex:\ncycles/second=25\n'), /2 lines/, {}],
  ['gotext', Buffer.from('goroutine profile: total 6\n1 @ 0x4\n'), /2 lines/, {}],
])('%s is known and summarised', async (name, content, text, facts) => {
  const checked = await check(content);
  expect(checked.format).toBe(name);
  expect(checked.text).toMatch(text);
  expect(checked.facts).toMatchObject(facts);
});

test('a bundle is known and summarised, file by file', async () => {
  const checked = await check(await bundle(['heap.pb.gz', heap], ['trace.trace', trace(5)]));
  expect(checked).toMatchObject({ format: 'bundle', facts: { files: { 'heap.pb.gz': heap.length } } });
  expect(checked.text).toMatch(/^2 profiles.*\n {2}heap\.pb\.gz: 2kB in use.*\n {2}trace\.trace: Trace/);
});

test.each<readonly [string, () => Promise<Buffer> | Buffer]>([
  ['a profile', () => heap.subarray(0, -9)],
  ['a trace', () => trace(3, 100).subarray(0, -20)],
  ['a trace of nothing', () => trace().subarray(0, 16)],
  ['a text', () => stacks.subarray(0, -1)],
  ['a bundle', async () => (await bundle(['heap.pb.gz', heap])).subarray(0, -30)],
  ['a bundle of what is cut', () => bundle(['heap.pb.gz', heap.subarray(0, -9)])],
])('%s that is cut short is incomplete', async (_, content) => {
  await expect(check(await content())).rejects.toMatchObject({ failure: 'incomplete' });
});

test('a bundle with a changed byte is incomplete', async () => {
  const content = await bundle(['heap.pb.gz', heap]);
  content[60] = (content[60] ?? 0) ^ 1;
  await expect(check(content)).rejects.toMatchObject({ failure: 'incomplete' });
});

test('profiles are compared with those of their kind', async () => {
  using box = sandbox();
  const [one, two, other] = ['one', 'two', 'other'].map((name) => join(box.path, name)) as [string, string, string];
  writeFileSync(one, profile({ samples: [[['f'], 1e9]] }));
  writeFileSync(two, profile({ samples: [[['f'], 3e9]] }));
  writeFileSync(other, heap);
  const summary = compare(await readProfile(one), await readProfile(two), [one, two]);
  expect(summary.text).toBe('CPU time: 1s before, 3s after. Shares are of what was before.');
  expect(summary.details?.(80).split('\n').at(-1)).toBe('  2s  200.00%  200.00%   2s  200.00%  f');
  const heapProfile = await readProfile(other);
  const cpuProfile = await readProfile(one);
  expect(() => compare(cpuProfile, heapProfile, [one, other])).toThrow('different kinds');
});
