import { randomBytes } from 'node:crypto';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { constants, createZstdCompress } from 'node:zlib';
import { expect, test } from 'vitest';
import { pull } from '../../src/pull/pull.ts';
import { header, zeros } from '../support/archives.ts';
import { sandbox } from '../support/sandbox.ts';

const mebibyte = 1024 * 1024;
const size = 256 * mebibyte;
const block = randomBytes(mebibyte);

// A stream as it comes: what holds 256 MiB is only the near end, if anything does.
test('256 MiB pass through in little memory', { timeout: 60_000 }, async () => {
  using box = sandbox();
  const to = join(box.path, 'x.partial');
  const encoder = createZstdCompress({ params: { [constants.ZSTD_c_checksumFlag]: 1, [constants.ZSTD_c_compressionLevel]: 1 } });
  const feed = async (): Promise<void> => {
    const parts = [header({ name: 'x', size }), ...Array.from({ length: size / mebibyte }, () => block), zeros(2)];
    for (const part of parts) if (!encoder.write(part)) await new Promise((resolve) => encoder.once('drain', resolve));
    encoder.end();
  };
  let peak = 0;
  const before = process.memoryUsage().rss;
  const acked = Promise.withResolvers<void>();
  const pulled = await pull(
    ({ stdout }) => {
      const run = async (): Promise<{ code: number }> => {
        const fed = feed();
        for await (const piece of encoder) {
          await stdout(piece as Buffer);
          peak = Math.max(peak, process.memoryUsage.rss());
        }
        await fed;
        await acked.promise;
        return { code: 0 };
      };
      return { done: run(), send: () => acked.resolve() };
    },
    { codec: 'zstd', name: 'x', to, maxBytes: size },
  );
  expect(pulled.bytes).toBe(size);
  expect(statSync(to).size).toBe(size);
  expect((peak - before) / mebibyte).toBeLessThan(100);
});
