import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readRecording } from '../../src/profile/jfr.ts';
import { topOf } from '../../src/profile/top.ts';
import { sampled } from '../support/sampled-recording.ts';
import { sandbox } from '../support/sandbox.ts';

async function read(content: Buffer) {
  using box = sandbox();
  const path = join(box.path, 'x.jfr');
  await writeFile(path, content);
  await using file = await open(path);
  return (await readRecording(file, content.length))?.samples;
}

const chunk = sampled([
  [['hot', 'main'], 3],
  [['main'], 1],
]);

test.each([
  ['one chunk', chunk, 1],
  ['two chunks', Buffer.concat([chunk, chunk]), 2],
])('samples of %s, by method', async (_, content, times) => {
  const profile = await read(content);
  const rows = topOf(profile as NonNullable<typeof profile>).rows.map(({ name, flat, cum }) => [name, flat, cum]);
  expect(rows).toEqual([
    ['app.Main.hot', 3 * times, 3 * times],
    ['app.Main.main', times, 4 * times],
  ]);
});

test('methods that the JVM hides are no places, but where there is nothing else', async () => {
  const profile = await read(
    sampled([
      [['LambdaForm', 'hot', 'LambdaForm', 'main'], 2],
      [['LambdaForm'], 1],
    ]),
  );
  const rows = topOf(profile as NonNullable<typeof profile>).rows.map(({ name, flat, cum }) => [name, flat, cum]);
  expect(rows).toEqual([
    ['app.Main.hot', 2, 2],
    ['app.Main.LambdaForm', 1, 1],
    ['app.Main.main', 0, 2],
  ]);
});

test('samples by the wall clock count as often as they were taken', async () => {
  const profile = await read(
    sampled(
      [
        [['sleep', 'main'], 7],
        [['main'], 2],
      ],
      'wall',
    ),
  );
  const top = topOf(profile as NonNullable<typeof profile>);
  expect([top.type.type, top.total]).toEqual(['wall-clock samples', 9]);
  expect(top.rows.map(({ name, flat, cum }) => [name, flat, cum])).toEqual([
    ['app.Main.sleep', 7, 7],
    ['app.Main.main', 2, 9],
  ]);
});

test('whatever is in a chunk, it comes to an end without an error', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(fc.integer({ min: 68, max: chunk.length - 1 }), fc.nat(255)), { maxLength: 8 }), async (changes) => {
      const forged = Buffer.from(chunk);
      for (const [at, byte] of changes) forged[at] = byte;
      const profile = await read(forged);
      expect(profile === undefined || Array.isArray(profile.samples)).toBe(true);
    }),
    { numRuns: 50 },
  );
});
