import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { formats, recognise } from '../../src/formats/index.ts';
import { createReader } from '../../src/packets/reader.ts';
import { ip, links, type Made, pcapFile, tcp } from '../support/packets.ts';
import { sandbox } from '../support/sandbox.ts';
import '../support/seed.ts';

const box = sandbox();
afterAll(() => box[Symbol.dispose]());

const made: readonly Made[] = Array.from({ length: 30 }, (_, index) => ({
  seconds: 1_700_000_000 + index,
  nanos: 987_654_321,
  data: (links[1] as (packet: Buffer) => Buffer)(ip('10.0.0.1', '10.0.0.2', 6, tcp(80, 9000, index * 100, 16, 'x'.repeat(index * 3)))),
}));
const sent = pcapFile(made, { nano: true });
const provenance = { namespace: 'shop', pod: 'web', container: 'app', command: 'tcpdump -i eth0', link: 'eth0', filter: 'port 80' };

/** The packets from the first to before the second as tcpdump sends them, the file's head with the very first. */
function piece(from: number, to: number): Buffer {
  const start = (at: number) => 24 + made.slice(0, at).reduce((sum, { data }) => sum + 16 + data.length, 0);
  return sent.subarray(from === 0 ? 0 : start(from), start(to));
}

/** The packets of a file, as what they were. */
function packets(file: Buffer): readonly Made[] {
  const found: Made[] = [];
  const reader = createReader(
    { packet: (_, seconds = 0, nanos, __, data) => void found.push({ seconds, nanos, data: Buffer.from(data) }) },
    'it',
  );
  reader.take(file);
  reader.end();
  return found;
}

describe.each(['pcap', 'pcapng'] as const)('what comes from tcpdump, as %s', (name) => {
  const format = formats[name];
  const intake = () => format.intake?.(provenance) as NonNullable<ReturnType<NonNullable<typeof format.intake>>>;

  it('is whole after every piece, and at the end every packet as it was', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 6 }), (sizes) => {
        const one = intake();
        let file = Buffer.alloc(0);
        for (let at = 0, turn = 0; at < sent.length; turn++) {
          const size = sizes[turn % sizes.length] as number;
          file = Buffer.concat([file, one.take(Buffer.from(sent.subarray(at, at + size)))]);
          if (file.length > 0) packets(file); // throws where it is cut
          at += size;
        }
        expect(packets(Buffer.concat([file, one.tail({ captured: 30, received: 31, dropped: 1 })]))).toEqual(made);
        expect(one.pieces()).toBe(30);
      }),
      { numRuns: 20 },
    );
  });

  it('leaves out what is later than its end, by the time of the packets, and counts it nevertheless', () => {
    const one = intake();
    const early = one.take(piece(0, 1), 70_100); // the first one, long after the capture began
    one.endAt(74_200);
    const file = Buffer.concat([early, one.take(piece(1, 30), 80_000)]);
    expect(packets(file)).toEqual(made.slice(0, 5));
    expect([one.pieces(), one.isOver(), one.summary().facts['packets']]).toEqual([30, true, 5]);
  });

  it('takes the packet that came fastest for the measure, and the newest of what came together', () => {
    const one = intake();
    const early = [one.take(piece(0, 1), 1900), one.take(piece(1, 4), 4050), one.take(piece(4, 5), 5900)];
    one.endAt(6100); // packet 3 came fastest, 1050 behind its time
    expect(packets(Buffer.concat([...early, one.take(piece(5, 30), 6500)]))).toEqual(made.slice(0, 6));
  });

  it('loses nothing to a clock of the pod that was set forward', () => {
    const one = intake();
    const early = [one.take(piece(0, 1), 1000), one.take(piece(20, 21), 2000)];
    one.endAt(4500);
    expect(packets(Buffer.concat([...early, one.take(piece(21, 30), 6000)]))).toEqual([...made.slice(0, 1), ...made.slice(20, 23)]);
  });

  it('leaves nothing out where no packet came before its end, and all where none is to be kept', () => {
    const one = intake();
    one.endAt(4500);
    expect(packets(one.take(sent, 9000))).toEqual(made);
    expect(one.isOver()).toBe(false);
    const none = intake();
    none.endAt(Number.NEGATIVE_INFINITY);
    expect(packets(none.take(sent, 9000))).toEqual([]);
  });

  it('is in memory of its own, which does not change any more, and takes little for little', () => {
    const one = intake();
    const pieces = Array.from({ length: 10 }, (_, at) => one.take(sent.subarray(at * 100, at * 100 + 100)));
    expect(packets(Buffer.concat(pieces))).toEqual(made.slice(0, packets(Buffer.concat(pieces)).length));
    expect(new Set(pieces.filter(({ length }) => length > 0).map(({ buffer }) => buffer)).size).toBe(1);
  });

  it('is a file that is recognised, checked and summed up', async () => {
    const path = join(box.path, `x.${name}`);
    const one = intake();
    writeFileSync(path, Buffer.concat([one.take(sent), one.tail({ captured: 30, received: 33, dropped: 3 })]));
    expect((await recognise(path)).name).toBe(name);
    const { text, facts } = await format.check(path);
    expect(text).toMatch(/^30 packets of .* in 29s, Ethernet/);
    expect(facts).toMatchObject({ packets: 30, ...(name === 'pcapng' ? { received: 33, dropped: 3 } : {}) });
  });

  it('is refused when it is cut, and what is whole of it is told', async () => {
    const path = join(box.path, `cut.${name}`);
    writeFileSync(path, intake().take(sent).subarray(0, -3));
    await expect(format.check(path)).rejects.toMatchObject({ failure: 'incomplete', message: expect.stringContaining('29 whole packets') });
  });

  it('begins a further file as the first', () => {
    const one = intake();
    const first = one.take(sent);
    expect(first.subarray(0, one.head().length).equals(one.head())).toBe(true);
  });
});

it('tells in pcapng what was captured where', () => {
  const file = formats.pcapng.intake?.(provenance).take(sent).toString('latin1');
  for (const said of ['pod shop/web, container app: tcpdump -i eth0', 'eth0', 'shop/web', 'port 80', 'kprof']) expect(file).toContain(said);
});
