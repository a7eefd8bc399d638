import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { jfr } from '../../src/formats/jfr.ts';
import { compare } from '../../src/formats/pprof.ts';
import { chunk } from '../support/recordings.ts';
import { sampled } from '../support/sampled-recording.ts';
import { sandbox } from '../support/sandbox.ts';

const start = Date.UTC(2026, 10, 21, 7, 15, 2);
const second = chunk({ start: start + 5000, duration: 10_000, size: 300 });

async function check(...parts: readonly Uint8Array[]) {
  using box = sandbox();
  const path = join(box.path, 'x.jfr');
  writeFileSync(path, Buffer.concat(parts));
  return await jfr.check(path);
}

test('one chunk', async () => {
  expect(await check(chunk())).toEqual({
    text: '5s of recording from 2026-11-21T07:15:02.000Z, 200 B in 1 chunk',
    facts: { version: '2.1', chunks: 1, start: '2026-11-21T07:15:02.000Z', durationMs: 5000, bytes: 200, finished: true },
  });
});

test('several chunks last from the start of the first to the end of the last', async () => {
  expect((await check(chunk(), second)).facts).toMatchObject({ chunks: 2, durationMs: 15_000, bytes: 500 });
});

test('the last chunk may be unfinished, and that is said', async () => {
  const { text, facts } = await check(chunk(), chunk({ told: 0n, metadata: 0n, constants: 0n, duration: 0 }));
  expect(facts).toMatchObject({ chunks: 2, finished: false });
  expect(text).toContain('the last chunk was not finished');
});

test.each<[string, readonly Uint8Array[], string]>([
  ['empty', [], 'it is empty'],
  ['something else', [Buffer.from('PK\x03\x04 and more')], 'no chunk begins at byte 0'],
  ['cut in the header', [chunk().subarray(0, 40)], 'it ends in the header'],
  ['cut in a chunk', [chunk().subarray(0, 199)], 'a chunk of 200 bytes has 199 of them'],
  ['cut in the second chunk', [chunk(), second.subarray(0, 250)], 'a chunk of 300 bytes has 250 of them'],
  ['bytes behind the last chunk', [chunk(), Buffer.from('x')], 'no chunk begins at byte 200'],
  ['a hole of zeros', [chunk(), Buffer.alloc(100), second], 'no chunk begins at byte 200'],
  ['a negative size', [chunk({ told: -1n })], 'is damaged'],
  ['a size below the header', [chunk({ told: 67n })], 'is damaged'],
  ['a size of 2^63-1', [chunk({ told: 2n ** 63n - 1n })], 'has 200 of them'],
  ['no metadata', [chunk({ metadata: 0n })], 'is damaged'],
  ['constants outside', [chunk({ constants: 200n })], 'is damaged'],
])('refuses: %s', async (_, parts, reason) => {
  await expect(check(...parts)).rejects.toMatchObject({ failure: 'incomplete', message: expect.stringContaining(reason) });
});

test('the latest date that a header can hold is one', async () => {
  expect((await check(chunk().fill(0x7f, 32, 33).fill(0xff, 33, 40))).facts).toMatchObject({ start: '2262-04-11T23:47:16.854Z' });
});

test('a file that is not there', async () => {
  await expect(jfr.check('/nowhere/x.jfr')).rejects.toMatchObject({ failure: 'usage' });
});

test('two recordings are compared by their samples', async () => {
  using box = sandbox();
  const [one, two] = ['one', 'two'].map((name) => join(box.path, name)) as [string, string];
  writeFileSync(one, sampled([[['hot', 'main'], 2]]));
  writeFileSync(
    two,
    sampled([
      [['hot', 'main'], 1],
      [['cold', 'main'], 4],
    ]),
  );
  const stacks = jfr.stacks as NonNullable<typeof jfr.stacks>;
  const { text, details } = compare(await stacks(one), await stacks(two), [one, two]);
  expect(text).toBe('samples of Java methods: 2 before, 5 after. Shares are of what was before.');
  expect(details?.(80).split('\n').slice(1)).toEqual([
    '   4  200.00%  200.00%    4  200.00%  app.Main.cold',
    '  -1   50.00%  150.00%   -1   50.00%  app.Main.hot',
    '   0       0%  150.00%    3  150.00%  app.Main.main',
  ]);
});
