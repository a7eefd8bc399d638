/**
 * Moves a synthetic file through src/pull and says how fast, and how much memory it took:
 * node test/support/pull-bench.ts [MiB] [none|zstd] [folder] [MiB/s of a slow disk]
 */
import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { constants, createZstdCompress } from 'node:zlib';
import type { Execution, Sink } from '../../src/cluster.ts';
import { pull } from '../../src/pull/pull.ts';
import { header, padding, zeros } from './archives.ts';

const [mebibytes = '2048', codec = 'none', folder = '/tmp'] = process.argv.slice(2);
const size = Number(mebibytes) * 1024 * 1024;
const to = join(folder, `pull-bench-${process.pid}.partial`);
const piece = 32 * 1024;
const source = Buffer.alloc(8 * 1024 * 1024);
for (let at = 0; at < source.length; at += 8) source.writeDoubleLE(Math.floor(Math.random() * 500), at);

function* plain(): Generator<Buffer> {
  yield header({ name: 'x', size });
  for (let done = 0; done < size; done += piece)
    yield source.subarray(done % source.length, (done % source.length) + Math.min(piece, size - done));
  yield Buffer.concat([padding(size), zeros(2)]);
}

async function send(chunks: Iterable<Buffer> | AsyncIterable<Buffer>, stdout: Sink): Promise<void> {
  for await (const chunk of chunks)
    for (let at = 0; at < chunk.length; at += piece) {
      const busy = stdout(chunk.subarray(at, at + piece));
      if (busy) await busy;
    }
}

async function prepared(): Promise<readonly Buffer[]> {
  const encoder = createZstdCompress({ params: { [constants.ZSTD_c_compressionLevel]: 1, [constants.ZSTD_c_checksumFlag]: 1 } });
  const feed = (async () => {
    for (const chunk of plain()) if (!encoder.write(chunk)) await new Promise((resolve) => encoder.once('drain', resolve));
    encoder.end();
  })();
  const chunks: Buffer[] = [];
  for await (const chunk of encoder) chunks.push(chunk as Buffer);
  await feed;
  return chunks;
}

const hash = createHash('sha256');
if (codec === 'none') for (const chunk of [...plain()].slice(1, -1)) hash.update(chunk);
const digest = codec === 'none' ? hash.digest('hex') : '';
const compressed = codec === 'zstd' ? await prepared() : [];
const before = process.memoryUsage().rss;
let peak = 0;
const watch = setInterval(() => (peak = Math.max(peak, process.memoryUsage().rss)), 20);
const start = performance.now();
const cpu = process.cpuUsage();
await pull(
  ({ stdout, stderr }): Execution => {
    const acked = Promise.withResolvers<void>();
    const run = async () => {
      await send(codec === 'zstd' ? compressed : plain(), stdout);
      if (codec === 'none') await stderr(Buffer.from(`kprof-sha256 ${digest}\n`));
      await acked.promise;
      return { code: 0 };
    };
    return { done: run(), send: () => acked.resolve() };
  },
  { codec: codec as 'none' | 'zstd', name: 'x', to, maxBytes: Number.MAX_SAFE_INTEGER },
);
const seconds = (performance.now() - start) / 1000;
clearInterval(watch);
rmSync(to);
const { user, system } = process.cpuUsage(cpu);
const mib = (bytes: number): string => (bytes / 1024 / 1024).toFixed(0);
process.stdout.write(
  `${codec}: ${(Number(mebibytes) / seconds).toFixed(0)} MiB/s, cpu ${((user + system) / 1e6 / (size / 2 ** 30)).toFixed(2)} s/GiB, rss ${mib(before)} -> ${mib(peak)} MiB (max ${mib(process.resourceUsage().maxRSS * 1024)})\n`,
);
