import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KprofError } from '../../src/errors.ts';
import type { Link } from '../../src/packets/packet.ts';
import { createReader } from '../../src/packets/reader.ts';
import { ip, links, type Made, pcapFile, pcapngFile, type Shape, udp } from '../support/packets.ts';
import '../support/seed.ts';

const packet = (index: number, size = index * 7): Made => ({
  seconds: 1_700_000_000 + index,
  nanos: 123_456_789,
  data: Buffer.alloc(size, index),
  length: size + index,
});
const made = Array.from({ length: 20 }, (_, index) => packet(index));

interface Read {
  readonly links: Link[];
  readonly packets: {
    readonly link: number;
    readonly seconds: number;
    readonly nanos: number;
    readonly length: number;
    readonly data: string;
  }[];
}

/** All that is in a file whose bytes come in pieces of these sizes, over and over. */
function read(file: Buffer, sizes: readonly number[] = [file.length]): Read {
  const found: Read = { links: [], packets: [] };
  const reader = createReader(
    {
      link: (link) => void found.links.push(link),
      packet: (link, seconds = 0, nanos, length, data) =>
        void found.packets.push({ link, seconds, nanos, length, data: data.toString('hex') }),
    },
    'x.pcap',
  );
  for (let at = 0, turn = 0; at < file.length; turn++) {
    const size = Math.max(1, sizes[turn % sizes.length] ?? 1);
    reader.take(Buffer.from(file.subarray(at, at + size)));
    at += size;
  }
  reader.end();
  expect(reader.whole).toBe(file.length);
  return found;
}

const shapes = [true, false].flatMap((little) => [true, false].map((nano) => ({ little, nano, link: 276 })));
const kinds = [
  ['pcap', pcapFile],
  ['pcapng', pcapngFile],
] as const;
const files = kinds.flatMap(([kind, make]) =>
  shapes.map((shape) => [`${kind}, ${shape.little ? 'little' : 'big'} endian, ${shape.nano ? 'ns' : 'µs'}`, make, shape] as const),
);

const expected = ({ nano = false }: Shape) =>
  made.map(({ seconds, nanos, data, length }) => ({
    link: 0,
    seconds,
    nanos: nano ? nanos : Math.floor(nanos / 1000) * 1000,
    length,
    data: data.toString('hex'),
  }));

describe.each(files)('%s', (_, make, shape) => {
  it('gives every packet as it was written', () => {
    const { links: found, packets } = read(make(made, shape));
    expect(found).toMatchObject([{ type: 276 }]);
    expect(packets).toEqual(expected(shape));
  });

  it('gives the same whatever pieces the bytes come in', () => {
    const file = make(made, shape);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 600 }), { minLength: 1, maxLength: 9 }), (sizes) => {
        expect(read(file, sizes).packets).toEqual(expected(shape));
      }),
      { numRuns: 30 },
    );
  });

  it('tells a cut at any byte from the end of a packet', () => {
    const file = make(made.slice(0, 4), shape);
    const ends = new Set<number>();
    for (let count = 0; count <= 4; count++) ends.add(make(made.slice(0, count), shape).length);
    const whole = kinds[1][1] === make ? [28, 28 + (shape.nano ? 32 : 20)] : [];
    for (let length = 1; length < file.length; length++) {
      if (ends.has(length) || whole.includes(length)) expect(() => read(file.subarray(0, length))).not.toThrow();
      else expect(() => read(file.subarray(0, length))).toThrow(/not a whole file of packets/);
    }
  });

  it('never throws anything but its own error, whatever was damaged', () => {
    const file = make(made, shape);
    const damage = fc.array(fc.tuple(fc.nat(file.length - 1), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(damage, fc.integer({ min: 1, max: 4096 }), (places, size) => {
        const damaged = Buffer.from(file);
        for (const [at, byte] of places) damaged[at] = byte;
        try {
          read(damaged, [size]);
        } catch (error) {
          expect(error).toBeInstanceOf(KprofError);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('a reader', () => {
  it('holds no more than one record, whatever lengths are told', () => {
    const huge = pcapFile([packet(1)]);
    huge.writeUInt32LE(262_145, 24 + 8);
    expect(() => read(huge)).toThrow(/would have 262145 bytes/);
    const block = pcapngFile([packet(1)]);
    block.writeUInt32LE(0x7ffffffc, 28 + 4);
    expect(() => read(block)).toThrow(/would have 2147483644 bytes/);
  });

  it('passes over a block of many megabytes without keeping it', () => {
    const keys = Buffer.alloc(12 + 15 * 2 ** 20);
    keys.writeUInt32LE(10, 0);
    keys.writeUInt32LE(keys.length, 4);
    keys.writeUInt32LE(keys.length, keys.length - 4);
    const file = pcapngFile([packet(1)]);
    expect(read(Buffer.concat([file.subarray(0, 28), keys, file.subarray(28)]), [65_536]).packets).toHaveLength(1);
  });

  it('counts interfaces through all sections of a file', () => {
    const two = Buffer.concat([pcapngFile([packet(1)]), pcapngFile([packet(2)], { little: false, link: 1 })]);
    expect(read(two).packets.map(({ link }) => link)).toEqual([0, 1]);
  });

  it('refuses what is no such file, and an empty one', () => {
    expect(() => read(Buffer.from('FLR\0 and more'))).toThrow(/begins as none does/);
    expect(() => read(Buffer.alloc(0))).toThrow(/no header/);
  });

  it('reads every kind of link that a pod has', () => {
    for (const [link, wrap] of Object.entries(links)) {
      const data = wrap(ip('10.0.0.1', '10.0.0.2', 17, udp(5, 6, Buffer.alloc(9))));
      expect(read(pcapFile([{ seconds: 1, nanos: 0, data }], { link: Number(link) })).packets).toHaveLength(1);
    }
  });
});
