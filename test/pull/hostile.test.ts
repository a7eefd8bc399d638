import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { constants, createZstdCompress, gzipSync } from 'node:zlib';
import { describe, expect, test, vi } from 'vitest';
import { type PullOptions, pull } from '../../src/pull/pull.ts';
import { close, entry, header, zeros } from '../support/archives.ts';
import { seenByGnu } from '../support/gnu-tar.ts';
import { content, elsewhere, maxBytes, name, rows, type Verdict } from '../support/hostile.ts';
import { peakOf } from '../support/peak.ts';
import { sandbox } from '../support/sandbox.ts';
import { digestLine, impatience, type Script, sender, zstd } from '../support/sender.ts';

vi.setConfig({ testTimeout: 30_000 });
const mebibyte = 2 ** 20;
const honest = close(entry(content, { name }));
const file = entry(content, { name });

// Whatever comes: so much memory, in MiB, and so much time, in milliseconds, on a machine that has much else to do.
const most = { memory: 64, time: 20_000 };

/** Pulls into a folder beside something precious; what the disk has after it, memory and time are looked at whatever came of it. */
async function attempt(script: Script, more: Partial<PullOptions> = {}) {
  using box = sandbox();
  mkdirSync(join(box.path, 'downloads'));
  writeFileSync(join(box.path, 'precious'), 'precious');
  const to = join(box.path, 'downloads/x.jfr.partial');
  const { open, seen } = sender({ patience: 50, ...script });
  const options = { codec: 'none', name, to, maxBytes, silence: 2000, patience: impatience, ...more } as const;
  const began = performance.now();
  let outcome: unknown;
  const peak = await peakOf(async () => {
    outcome = await pull(open, options).catch((error: unknown) => error);
  });
  expect(performance.now() - began).toBeLessThan(most.time);
  expect(peak).toBeLessThan(most.memory);
  const kept = existsSync(to) ? [to.slice(box.path.length + 1)] : [];
  expect(box.tree()).toEqual(['downloads/', ...kept, 'precious']);
  expect(readFileSync(join(box.path, 'precious'), 'utf8')).toBe('precious');
  expect(existsSync(elsewhere)).toBe(false);
  const here = kept.length === 0 ? undefined : { ...lstatSync(to), bytes: readFileSync(to) };
  if (here !== undefined) expect([here.mode, here.uid]).toEqual([0o100600, process.getuid?.()]);
  return { outcome, seen, here };
}

async function judge(verdict: Verdict, script: Script, more: Partial<PullOptions> = {}): Promise<void> {
  const { outcome, seen, here } = await attempt({ ...script, ...(verdict === 'A' ? { patience: 15_000 } : {}) }, more);
  if (verdict === 'A') {
    expect(outcome).toEqual({ bytes: content.length, sha256: digestLine(content).slice(13, 77) });
    expect(here?.bytes.equals(content)).toBe(true);
    expect(seen).toMatchObject({ sent: 'ack\n', aborted: false });
    return;
  }
  expect(outcome).toMatchObject({
    name: 'KprofError',
    failure: 'incomplete',
    message: expect.stringMatching(/^x\.jfr did not arrive whole: /),
  });
  expect((outcome as Error).message).not.toMatch(/[\x00-\x1f\x7f-\x9f\u202e]/);
  expect(['', 'ack\n']).toContain(seen.sent);
  expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
}

describe.each(['none', 'zstd'] as const)('codec %s', (codec) => {
  const script = (bytes: Uint8Array): Script =>
    codec === 'zstd' ? { stdout: zstd(bytes) } : { stdout: bytes, stderr: digestLine(content) };

  test.each(rows)('%s: %s', (_, verdict, bytes, asked) => judge(verdict, script(bytes), { codec, name: asked }));

  test.each(['1', '2', '5', 'x', 'L'])('at the header of type %s it is over, before the content', async (type) => {
    const { seen } = await attempt({ ...script(close(entry(Buffer.alloc(2_000_000), { name, type }))), pieces: [512] }, { codec });
    expect(seen.aborted).toBe(true);
    expect(seen.bytes).toBeLessThanOrEqual(codec === 'none' ? 8192 : 2_000_000);
  });

  test('text on stderr between the pieces, forged lines among it: A', () =>
    judge('A', { ...script(honest), pieces: [700], between: 'tar: \x1b[31mwarning\nx kprof-sha256 00\nkprof-crc32 \n' }, { codec }));

  test('the size of the archive is not that of the file that was announced: R', () =>
    judge('R', { ...script(honest), says: `kprof-file ${content.length + 1} 1 1\n` }, { codec }));

  test('a million entries: R at the second', async () => {
    const { seen, outcome } = await attempt({ ...script(honest), stdout: await lazily(codec, file, 1_000_000) }, { codec });
    expect(outcome).toMatchObject({ failure: 'incomplete', message: expect.stringContaining('more than the one file') });
    expect(seen).toMatchObject({ aborted: true, sent: '' });
    expect(seen.bytes).toBeLessThan(4 * mebibyte);
  });

  test('one byte now and then: R as soon as next to nothing came for long enough', async () => {
    const { seen, outcome } = await attempt({ ...script(honest), pieces: [1], pause: 20 }, { codec, silence: 300 });
    expect(outcome).toMatchObject({ failure: 'timeout', message: expect.stringContaining('no byte came for') });
    expect(seen.aborted).toBe(true);
  });

  test('complaints without end, and nothing else: R as silence is', async () => {
    const { seen, outcome } = await attempt(
      { stdout: endless(Buffer.of()), between: 'tar: oh\n'.repeat(4096), pause: 1 },
      { codec, silence: 300 },
    );
    expect(outcome).toMatchObject({ failure: 'timeout' });
    expect(seen.aborted).toBe(true);
  });

  test('a file larger than the disk: R at the header', async () => {
    const huge = script(close(header({ name, sizeField: Buffer.from('800000000010000000000000', 'hex') })));
    const { outcome, here } = await attempt(huge, { codec, maxBytes: Number.MAX_SAFE_INTEGER });
    expect(outcome).toMatchObject({ failure: 'disk', message: expect.stringContaining('has room for') });
    expect(here).toBeUndefined();
  });
});

function* endless(piece: Buffer): Generator<Buffer> {
  for (;;) yield piece;
}

function* repeating(part: Buffer, times: number): Generator<Buffer> {
  const many = Buffer.concat(Array.from({ length: 1000 }, () => part));
  for (let done = 0; done < times; done += 1000) yield many;
}

/** So many of it, made as they are asked for, or compressed piece by piece. */
async function lazily(codec: 'none' | 'zstd', part: Buffer, times: number): Promise<Uint8Array | Iterable<Uint8Array>> {
  if (codec === 'none') return repeating(part, times);
  const encoder = createZstdCompress({ params: { [constants.ZSTD_c_checksumFlag]: 1, [constants.ZSTD_c_compressionLevel]: 1 } });
  const fed = (async () => {
    for (const many of repeating(part, times)) if (!encoder.write(many)) await new Promise((resolve) => encoder.once('drain', resolve));
    encoder.end();
  })();
  const packed: Buffer[] = [];
  for await (const piece of encoder) packed.push(piece as Buffer);
  await fed;
  return Buffer.concat(packed);
}

const packed = zstd(honest);
const frameHead = (descriptor: number, ...rest: readonly number[]): Buffer => Buffer.of(0x28, 0xb5, 0x2f, 0xfd, descriptor, ...rest);

/** Frames of zstd, as RFC 8878 has them and as it does not. */
const frames: readonly (readonly [row: string, verdict: Verdict, bytes: Buffer])[] = [
  ['plain tar', 'R', honest],
  ['gzip', 'R', gzipSync(honest)],
  ['bytes behind the frame', 'R', Buffer.concat([packed, Buffer.from('garbage')])],
  ['second frame', 'R', Buffer.concat([packed, packed])],
  ['skippable frame before it', 'R', Buffer.concat([Buffer.from('502a4d1804000000deadbeef', 'hex'), packed])],
  ['skippable frame behind it', 'R', Buffer.concat([packed, Buffer.from('502a4d1804000000deadbeef', 'hex')])],
  ['archive in two frames', 'R', Buffer.concat([zstd(honest.subarray(0, 1000)), zstd(honest.subarray(1000))])],
  ['no checksum', 'R', zstd(honest, 0)],
  ['dictionary', 'R', Buffer.concat([frameHead(0x05, 0x58, 7), packed.subarray(6)])],
  ['window of 2 GiB', 'R', Buffer.concat([frameHead(0x04, (31 - 10) << 3), Buffer.of(0x02, 0, 16), Buffer.alloc(4)])],
  ['content of 2^63 bytes', 'R', Buffer.concat([frameHead(0xe4, 0, 0, 0, 0, 0, 0, 0, 0x80), packed.subarray(9)])],
  ['block of a reserved type', 'R', Buffer.concat([frameHead(0x04, 0x58), Buffer.of(0x0f, 0, 0), Buffer.alloc(4)])],
  ['empty', 'R', zstd(Buffer.alloc(0))],
  ['compressed once more', 'R', zstd(packed)],
  ['bomb in the file', 'R', zstd(Buffer.concat([header({ name, size: 1000 }), Buffer.alloc(256 * mebibyte)]))],
  ['bomb of zeros behind the end', 'R', zstd(Buffer.concat([honest, Buffer.alloc(256 * mebibyte)]))],
  ['bomb instead of an archive', 'R', zstd(Buffer.alloc(256 * mebibyte))],
];

describe('zstd', () => {
  test.each(frames)('%s: %s', (_, verdict, bytes) => judge(verdict, { stdout: bytes }, { codec: 'zstd' }));

  test('blocks of nothing, without end: R', async () => {
    function* blocks(): Generator<Buffer> {
      yield frameHead(0x04, 0x58);
      yield* endless(Buffer.alloc(3 * 8192));
    }
    const { seen, outcome } = await attempt({ stdout: blocks() }, { codec: 'zstd', silence: 20_000 });
    expect(outcome).toMatchObject({ failure: 'incomplete', message: expect.stringContaining('larger than what is in it') });
    expect(seen.bytes).toBeLessThan(2 * mebibyte);
  });
});

test('zeros without end: R at the record', async () => {
  const { seen, outcome } = await attempt({ stdout: Buffer.concat([honest, zeros(20_000)]), stderr: digestLine(content), pieces: [512] });
  expect(outcome).toMatchObject({ failure: 'incomplete', message: expect.stringContaining('bytes follow the end') });
  expect(seen.bytes).toBeLessThan(30_000);
});

test('the text that came instead of an archive is shown, escaped and at most 200 characters of it', async () => {
  const text = Buffer.from(`sh: tar: not found\n${'y'.repeat(1000)}`);
  for (const codec of ['none', 'zstd'] as const) {
    const { outcome, here } = await attempt({ stdout: text, patience: 10 }, { codec });
    const { message } = outcome as Error;
    expect(message).toContain('"sh: tar: not found\\nyyy');
    expect(message.length).toBeLessThan(320);
    expect(here).toBeUndefined();
  }
});

describe('what is at the destination already stays', () => {
  test.each<[string, (to: string) => unknown]>([
    ['file', (to) => writeFileSync(to, 'mine')],
    ['link to a file', (to) => [writeFileSync(`${to}.other`, 'mine'), symlinkSync(`${to}.other`, to)]],
    ['link to nothing', (to) => symlinkSync(`${to}.other`, to)],
    ['folder', (to) => mkdirSync(to)],
    ['FIFO', (to) => void execFileSync('mkfifo', [to])],
  ])('%s', async (_, make) => {
    using box = sandbox();
    const to = join(box.path, 'x.jfr.partial');
    make(to);
    const shape = () =>
      readdirSync(box.path).map((each) => [each, lstatSync(join(box.path, each)).mode, lstatSync(join(box.path, each)).ino]);
    const before = shape();
    const { open, seen } = sender({ stdout: honest, stderr: digestLine(content) });
    const outcome = await pull(open, { codec: 'none', name, to, maxBytes }).catch((error: unknown) => error);
    expect(outcome).toMatchObject({ failure: 'disk', message: expect.stringContaining('exists already') });
    expect(shape()).toEqual(before);
    expect(seen.bytes).toBe(0);
    if (lstatSync(to).isSymbolicLink()) expect(readlinkSync(to)).toBe(`${to}.other`);
  });
});

describe('what is taken, GNU tar takes for the same', () => {
  test.each(rows.filter(([, verdict]) => verdict === 'A'))('%s', (_, __, bytes, asked) => {
    const seen = seenByGnu(bytes);
    expect(seen.names).toEqual([expect.stringMatching(new RegExp(`(^|/)${asked}$`))]);
    expect(seen.content.equals(content)).toBe(true);
  });
});
