import { existsSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { numbered } from '../../src/artifact.ts';
import { createReel, type Winding } from '../../src/capture/reel.ts';
import { KprofError } from '../../src/errors.ts';
import { formats } from '../../src/formats/index.ts';
import { createReader } from '../../src/packets/reader.ts';
import { type Made, pcapFile } from '../support/packets.ts';
import { sandbox } from '../support/sandbox.ts';
import '../support/seed.ts';

const box = sandbox();
afterAll(() => box[Symbol.dispose]());
const provenance = { namespace: 'n', pod: 'p', container: 'c', command: 'tcpdump', link: 'eth0', filter: '' };
const made: readonly Made[] = Array.from({ length: 200 }, (_, index) => ({
  seconds: index,
  nanos: 0,
  data: Buffer.alloc(index % 50, index),
}));
const sent = pcapFile(made, { nano: true });

function seconds(path: string): readonly number[] {
  const found: number[] = [];
  const reader = createReader({ packet: (_, at = 0) => void found.push(at) }, path);
  reader.take(readFileSync(path));
  reader.end();
  return found;
}

const quick: Winding['seal'] = async (_, captured) => captured;

/** Captures into a fresh folder; gives the reel once it is closed. */
async function wind(name: string, piece: number, winding: Pick<Winding, 'bytes' | 'keep'>, close = true, seal = quick) {
  const final = join(box.path, `${name}.pcapng`);
  const intake = formats.pcapng.intake?.(provenance) as NonNullable<ReturnType<NonNullable<typeof formats.pcapng.intake>>>;
  const begun: string[] = [];
  const onBegin: Winding['onBegin'] = ({ partial }) => void begun.push(basename(partial));
  const reel = await createReel(
    { final, partial: `${final}.partial`, ours: true },
    { ...winding, force: false, head: intake.head, seal, onBegin },
  );
  for (let at = 0; at < sent.length; at += piece) await reel.write(intake.take(Buffer.from(sent.subarray(at, at + piece))));
  if (close) await reel.close(true);
  return { reel, final, intake, begun };
}

describe('a capture in several files', () => {
  it('loses no packet at a boundary, and each file is whole', async () => {
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 100, max: 4000 }), fc.integer({ min: 300, max: 5000 }), async (piece, bytes) => {
        const { reel } = await wind(`all-${run++}`, piece, { bytes, keep: undefined });
        expect(reel.paths?.flatMap(seconds)).toEqual(made.map((each) => each.seconds));
      }),
      { numRuns: 15 },
    );
  });

  it('keeps the newest files', async () => {
    const { reel, final } = await wind('some', 300, { bytes: 1000, keep: 3 });
    expect(reel.paths).toHaveLength(3);
    expect(readdirSync(box.path).filter((name) => name.startsWith('some'))).toHaveLength(3);
    expect(reel.paths?.flatMap(seconds).at(-1)).toBe(199);
    expect(existsSync(numbered(final, 1))).toBe(false);
  });

  it('has published what is whole while it goes on, and takes no file that is there', async () => {
    const { reel } = await wind('going', 300, { bytes: 1000, keep: undefined }, false);
    expect(reel.paths?.length).toBeGreaterThan(3);
    await reel.close(false);
    const again = await wind('going', 300, { bytes: 1000, keep: undefined });
    expect(again.reel.paths?.[0]).toMatch(/going-00001-2\.pcapng$/);
  });

  it('removes the files of an earlier one of that name with force, and no others', async () => {
    const final = join(box.path, 'again.pcapng');
    const others = ['again-1.pcapng', 'again-00001.pcap', 'again.pcapng', 'other-00001.pcapng'].map((name) => join(box.path, name));
    for (const path of [...others, numbered(final, 1), numbered(final, 7)]) writeFileSync(path, 'earlier');
    symlinkSync('other-00001.pcapng', numbered(final, 8));
    const intake = formats.pcapng.intake?.(provenance) as NonNullable<ReturnType<NonNullable<typeof formats.pcapng.intake>>>;
    const winding = { bytes: 1e6, keep: undefined, force: true, head: intake.head, seal: quick, onBegin: () => {} };
    const reel = await createReel({ final, partial: `${final}.partial` }, winding);
    await reel.write(intake.take(sent));
    await reel.close(true);
    expect(seconds(numbered(final, 1))).toHaveLength(made.length);
    expect([existsSync(numbered(final, 7)), existsSync(numbered(final, 8))]).toEqual([false, true]);
    for (const path of others) expect(readFileSync(path, 'utf8')).toBe('earlier');
  });

  it('takes packets while the file before is still brought to the disk', async () => {
    const { promise: onDisk, resolve: isOnDisk } = Promise.withResolvers<void>();
    const slow: Winding['seal'] = async (_, captured) => onDisk.then(() => captured);
    const { reel, final, begun } = await wind('slow', Math.ceil(sent.length / 4), { bytes: 8000, keep: undefined }, false, slow);
    expect(begun.map((name) => name.replace(/\d+\.partial$/, ''))).toEqual(['slow-00001.pcapng.', 'slow-00002.pcapng.']);
    expect(reel.paths).toEqual([]);
    isOnDisk();
    await reel.close(true);
    expect(reel.paths).toEqual([numbered(final, 1), numbered(final, 2)]);
    expect(reel.paths?.flatMap(seconds)).toEqual(made.map((each) => each.seconds));
  });

  it('tells what went wrong with a file, and keeps the others', async () => {
    const failing: Winding['seal'] = async (path, captured) => {
      if (path.includes('00001')) throw new KprofError('disk', 'no room');
      return captured;
    };
    const { reel, final } = await wind('failing', Math.ceil(sent.length / 4), { bytes: 8000, keep: undefined }, false, failing);
    await expect(reel.close(false)).rejects.toThrow('no room');
    expect(reel.paths).toEqual([numbered(final, 2)]);
  });

  it('has no file of its own for the tail', async () => {
    const { reel, intake } = await wind('tail', 300, { bytes: 1000, keep: 1 }, false);
    await reel.write(intake.tail({ captured: 200, received: 200, dropped: 0 }), true);
    await reel.write(Buffer.alloc(0));
    await reel.close(true);
    expect(reel.paths?.flatMap(seconds).at(-1)).toBe(199);
  });
});
