import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { pull } from '../../src/pull/pull.ts';
import { createTarReader } from '../../src/pull/tar.ts';
import { createZstdFrame } from '../../src/pull/zstd-frame.ts';
import { archive, close, entry, gnu, posix } from '../support/archives.ts';
import { seenByGnu } from '../support/gnu-tar.ts';
import { peakOf } from '../support/peak.ts';
import { sandbox } from '../support/sandbox.ts';
import { drawBytes } from '../support/seed.ts';
import { digestLine, impatience, type Script, sender, zstd } from '../support/sender.ts';

vi.setConfig({ testTimeout: 60_000 });
const name = 'x.jfr';
// Half of it compresses, so that the frame has blocks of all kinds.
const content = Buffer.concat([Buffer.alloc(150_000, 'abcabd'), drawBytes(150_000), Buffer.alloc(20_000)]);
const tar = archive(name, content);
const streams = { none: { stdout: tar, stderr: digestLine(content) }, zstd: { stdout: zstd(tar), stderr: '' } } as const;
const box = sandbox();
afterAll(() => box[Symbol.dispose]());

/** Pulls, and says whether it resolved; a file that is not the right one fails the test. */
async function resolves(codec: 'none' | 'zstd', script: Script): Promise<boolean> {
  const to = join(box.path, 'x.partial');
  rmSync(to, { force: true });
  const { open } = sender({ patience: 30, ...script });
  const outcome = await pull(open, { codec, name, to, maxBytes: 1e9, silence: 1000, patience: impatience }).catch(
    (error: unknown) => error,
  );
  if (outcome instanceof Error) {
    expect(outcome).toMatchObject({ name: 'KprofError', failure: 'incomplete' });
    return false;
  }
  expect(readFileSync(to).equals(content)).toBe(true);
  return true;
}

const pieces = fc.array(fc.oneof(fc.integer({ min: 1, max: 64 }), fc.integer({ min: 1, max: 200_000 })), { minLength: 1, maxLength: 8 });
const big = pieces.map((lengths) => [...lengths, 40_000]);

describe.each(['none', 'zstd'] as const)('codec %s', (codec) => {
  const { stdout, stderr } = streams[codec];

  test('in pieces of any size it arrives', async () => {
    await fc.assert(
      fc.asyncProperty(big, async (lengths) => {
        expect(await resolves(codec, { stdout, stderr, pieces: lengths, patience: 5000 })).toBe(true);
      }),
      { numRuns: 40 },
    );
  });

  test('cut at any offset it does not', async () => {
    const offset = fc.oneof(
      fc.integer({ min: 0, max: stdout.length - 1 }),
      fc.integer({ min: 0, max: 1100 }),
      fc.integer({ min: stdout.length - 10_300, max: stdout.length - 1 }),
    );
    // Of what may follow the two zero blocks, all or nothing must be there.
    const wholeWithoutRecord = 512 + Math.ceil(content.length / 512) * 512 + 1024;
    await fc.assert(
      fc.asyncProperty(offset, big, fc.boolean(), async (at, lengths, impatient) => {
        const whole = codec === 'none' && at === wholeWithoutRecord;
        expect(
          await resolves(codec, { stdout: stdout.subarray(0, at), stderr, pieces: lengths, impatient, patience: whole ? 5000 : 30 }),
        ).toBe(whole);
      }),
      { numRuns: 100 },
    );
  });

  test('with any bit flipped, no wrong file is taken', async () => {
    const places = fc.oneof(
      fc.integer({ min: 0, max: stdout.length - 1 }),
      fc.integer({ min: 0, max: 600 }),
      fc.integer({ min: stdout.length - 40, max: stdout.length - 1 }),
    );
    await fc.assert(
      fc.asyncProperty(places, fc.integer({ min: 0, max: 7 }), async (at, bit) => {
        const bytes = Buffer.from(stdout);
        bytes[at] = (bytes[at] as number) ^ (1 << bit);
        await resolves(codec, { stdout: bytes, stderr, pieces: [50_000] });
      }),
      { numRuns: 200 },
    );
  });

  test('of anything at all, nothing is taken', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 3000 }), async (bytes) => {
        expect(await resolves(codec, { stdout: bytes, stderr })).toBe(false);
      }),
      { numRuns: 50 },
    );
  });
});

test('the tar reader gives the same whatever the pieces', () => {
  fc.assert(
    fc.property(pieces, (lengths) => {
      const reader = createTarReader({ name, maxBytes: 1e9 });
      const got: Uint8Array[] = [];
      for (let at = 0, i = 0; at < tar.length; i += 1) {
        const length = lengths[i % lengths.length] as number;
        got.push(Buffer.from(reader.take(tar.subarray(at, at + length))));
        at += length;
      }
      reader.finish();
      expect(Buffer.concat(got).equals(content)).toBe(true);
    }),
    { numRuns: 20 },
  );
});

test('the end of a zstd frame is its last byte, whatever the pieces and the level', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400_000, size: 'max' }), pieces, (bytes, lengths) => {
      const packed = zstd(bytes);
      const frame = createZstdFrame();
      for (let at = 0, i = 0; at < packed.length; i += 1) {
        expect(frame.ended()).toBe(false);
        const length = lengths[i % lengths.length] as number;
        frame.take(packed.subarray(at, at + length));
        at += length;
      }
      expect(frame.ended()).toBe(true);
      expect(() => frame.take(Buffer.from('x'))).toThrow(/follow the end/);
    }),
    { numRuns: 30 },
  );
});

const word = fc.constantFrom(name, name.toUpperCase(), 'x', '.bashrc', '..', '.', '', 'C:', '-rf', '__proto__');
const path = fc.oneof(
  { weight: 4, arbitrary: fc.constant(name) },
  fc.array(word, { minLength: 1, maxLength: 4 }).map((words) => words.join('/')),
);
const type = fc.oneof({ weight: 6, arbitrary: fc.constant('0') }, fc.constantFrom('\0', '1', '2', '5', '6', 'L', 'K', 'x', 'g', 'S'));
const one = fc.record({ path, type, bytes: fc.uint8Array({ maxLength: 1500 }), magic: fc.constantFrom(gnu, posix), linkname: word });

test('of random lists of entries, what is taken is one file, and the one that GNU tar sees', async () => {
  let taken = 0;
  const judge = async (entries: readonly { path: string; type: string; bytes: Uint8Array; magic: string; linkname: string }[]) => {
    const bytes = close(...entries.map(({ path: at, bytes: inside, ...fields }) => entry(inside, { name: at, ...fields })));
    const reader = createTarReader({ name, maxBytes: 1e6 });
    let got: Buffer;
    try {
      got = Buffer.from(reader.take(bytes));
      reader.finish();
    } catch (error) {
      expect(error).toMatchObject({ name: 'KprofError', failure: 'incomplete' });
      return;
    }
    taken += 1;
    const seen = seenByGnu(bytes);
    expect(seen.names).toHaveLength(1);
    expect(seen.names[0]?.split('/').at(-1)).toBe(name);
    expect(seen.content.equals(got)).toBe(true);
  };
  const peak = await peakOf(() => fc.assert(fc.asyncProperty(fc.array(one, { minLength: 1, maxLength: 3 }), judge), { numRuns: 150 }));
  expect(taken).toBeGreaterThan(0);
  expect(peak).toBeLessThan(64);
});
