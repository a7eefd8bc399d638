import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { recognise } from '../../src/formats/index.ts';
import { pprof } from '../../src/formats/pprof.ts';
import { sandbox } from '../support/sandbox.ts';

// One type of value, one sample, one text, the duration.
const profile = Buffer.from([0x0a, 4, 8, 1, 16, 2, 0x12, 3, 0x12, 1, 5, 0x32, 0, 0x48, 0x80, 1]);

async function checked(content: Uint8Array) {
  using box = sandbox();
  const path = join(box.path, 'x.bin');
  writeFileSync(path, content);
  expect((await recognise(path)).name).toBe('pprof');
  return await pprof.check(path);
}

test('a whole one', async () => expect(await checked(gzipSync(profile))).toMatchObject({ facts: { samples: 1, bytes: profile.length } }));

test.each([
  ['cut short', gzipSync(profile).subarray(0, -9)],
  ['damaged on the way', gzipSync(profile).fill(0, 12, 14)],
  ['a packed text', gzipSync('hello, world')],
  ['nothing, packed', gzipSync('')],
])('%s', async (_, content) => await expect(checked(content)).rejects.toMatchObject({ failure: 'incomplete' }));

test('one of 2 GiB, mostly holes', async () => {
  using box = sandbox();
  const path = join(box.path, 'x.pb.gz');
  writeFileSync(path, gzipSync(profile));
  truncateSync(path, 2 ** 31);
  await expect(pprof.check(path)).rejects.toMatchObject({ failure: 'unsupported', message: expect.stringContaining(path) });
});
