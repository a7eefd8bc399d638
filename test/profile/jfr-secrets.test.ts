import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { tellsSecrets } from '../../src/profile/jfr-secrets.ts';
import { chunk } from '../support/recordings.ts';
import { sampled } from '../support/sampled-recording.ts';
import { sandbox } from '../support/sandbox.ts';

async function read(...chunks: readonly Buffer[]) {
  using box = sandbox();
  const path = join(box.path, 'x.jfr');
  const content = Buffer.concat(chunks);
  await writeFile(path, content);
  await using file = await open(path);
  return await tellsSecrets(file, content.length);
}

const quiet = sampled([[['main'], 3]]);
const secret = 'hunter2';
// More than is looked at in one go, the last bytes of it at an event's head.
const padding = Buffer.alloc(2 ** 20 - 80);

test.each([
  ['a recording without them', [quiet, quiet], false],
  ['one that has them in its last chunk', [quiet, sampled([[['main'], 1]], 'cpu', { secret })], true],
  ['one that has them behind a large event', [sampled([[['main'], 1]], 'cpu', { padding, secret })], true],
  ['a large one without them', [sampled([[['main'], 40_000]], 'cpu', { padding: Buffer.alloc(3 * 2 ** 20) })], false],
  ['one whose last chunk was not finished', [quiet, chunk({ told: 0n, metadata: 0n, constants: 0n })], undefined],
  ['one that is not understood', [chunk()], undefined],
  ['one that is cut', [quiet.subarray(0, -1)], undefined],
])('%s', async (_, chunks, expected) => expect(await read(...chunks)).toBe(expected));

test('whatever is in a chunk, it comes to an end without an error', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(fc.integer({ min: 0, max: quiet.length - 1 }), fc.nat(255)), { maxLength: 8 }), async (changes) => {
      const forged = Buffer.from(quiet);
      for (const [at, byte] of changes) forged[at] = byte;
      expect([true, false, undefined]).toContain(await read(forged));
    }),
    { numRuns: 50 },
  );
});
