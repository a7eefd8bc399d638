import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { merge } from '../../src/packets/merge.ts';
import { createReader } from '../../src/packets/reader.ts';
import { type Made, pcapFile, pcapngFile } from '../support/packets.ts';
import { sandbox } from '../support/sandbox.ts';
import '../support/seed.ts';

const box = sandbox();
afterAll(() => box[Symbol.dispose]());

/** The merged file of these: its interfaces, and of each packet which interface, when, and what. */
async function merged(files: readonly Buffer[]) {
  const sources = files.map((file, index) => {
    const path = join(box.path, `${index}`);
    writeFileSync(path, file);
    return { path, name: `shop/web-${index}` };
  });
  const to = join(box.path, 'merged');
  let content = Buffer.alloc(0);
  await merge(sources, 'all of them', async (bytes) => {
    content = Buffer.concat([content, bytes]);
  });
  writeFileSync(to, content);
  const found = { names: [] as (string | undefined)[], packets: [] as { link: number; at: number; data: string }[] };
  const reader = createReader(
    {
      link: ({ name }) => void found.names.push(name),
      packet: (link, seconds = 0, nanos, _, data) =>
        void found.packets.push({ link, at: seconds * 1e3 + nanos / 1e6, data: data.toString('hex') }),
    },
    to,
  );
  reader.take(readFileSync(to));
  reader.end();
  return found;
}

const made = (times: readonly number[]): readonly Made[] =>
  times.map((at, index) => ({ seconds: Math.floor(at / 1000), nanos: (at % 1000) * 1e6, data: Buffer.of(index & 255, index >> 8) }));

describe('a merged file', () => {
  it('has every packet of every file once, in the order of time', async () => {
    const times = fc.array(fc.integer({ min: 0, max: 5000 }), { maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(fc.array(times, { minLength: 1, maxLength: 4 }), async (all) => {
        const { names, packets } = await merged(all.map((each, file) => (file % 2 ? pcapFile : pcapngFile)(made(each), { nano: true })));
        expect(names).toEqual(all.map((_, file) => `shop/web-${file}`));
        expect(packets.map(({ at }) => at)).toEqual(all.flat().sort((a, b) => a - b));
        for (const [file, each] of all.entries()) {
          const own = packets.filter(({ link }) => link === file).map(({ at, data }) => `${at} ${data}`);
          expect(own.sort()).toEqual(
            made(each)
              .map(({ seconds, nanos, data }) => `${seconds * 1e3 + nanos / 1e6} ${data.toString('hex')}`)
              .sort(),
          );
        }
      }),
      { numRuns: 25 },
    );
  });

  it('is not made of a file that is cut', async () => {
    await expect(merged([pcapFile(made([1, 2, 3])).subarray(0, -1)])).rejects.toMatchObject({ failure: 'incomplete' });
  });
});
