import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Segment, Talk } from '../../src/packets/dissect.ts';
import { createStreams } from '../../src/packets/streams.ts';
import { flags } from '../support/packets.ts';
import '../support/seed.ts';

const { syn, ack, fin } = flags;
type Row = readonly [sequence: number, bits: number, length?: number];

const talk = (from = 40_000): Talk => ({ pair: 'abcdefgh', device: 0, protocol: 6, from, to: 80, tcp: undefined, answer: undefined });
const segment = ([sequence, bits, length = 0]: Row): Segment => ({ sequence: sequence >>> 0, flags: bits, length });

/** Which of them carry nothing new, by their place. */
function repeated(...row: readonly Row[]): readonly number[] {
  const isRepeated = createStreams();
  return row.flatMap((each, at) => (isRepeated(0, talk(), segment(each)) ? [at] : []));
}

describe('what is sent again', () => {
  it('is a SYN that nobody answers', () => expect(repeated([7, syn], [7, syn], [7, syn])).toEqual([1, 2]));

  it('is a SYN+ACK, and a FIN', () => expect(repeated([7, syn | ack], [7, syn | ack], [8, fin | ack], [8, fin | ack])).toEqual([1, 3]));

  it('is no other connection over the same ports, nor what that says', () =>
    expect(repeated([700, syn], [701, ack, 5], [30, syn], [31, ack, 5], [31, ack, 5])).toEqual([4]));

  it('is data that was seen, in pieces of any length', () =>
    expect(repeated([0, syn], [1, ack, 10], [11, ack, 10], [1, ack, 20], [5, ack, 3], [15, ack, 10])).toEqual([3, 4]));

  it('is not what comes late, until it comes again', () =>
    expect(
      repeated([0, syn], [11, ack, 10], [1, ack, 10], [1, ack, 10], [41, ack, 10], [31, ack, 5], [21, ack, 15], [21, ack, 20]),
    ).toEqual([3]));

  it('is not what was under way before anything was seen', () =>
    expect(repeated([5000, ack, 10], [4990, ack, 10], [4990, ack, 10])).toEqual([2]));

  it('is no question whether anybody is there', () =>
    expect(repeated([0, syn], [1, ack, 10], [10, ack, 1], [10, ack, 1], [10, ack, 0])).toEqual([]));

  it('is not what passes another link, or another interface of one of all of them', () => {
    const isRepeated = createStreams();
    const seen = ([link, device]: readonly [number, number]) => isRepeated(link, { ...talk(), device }, segment([1, ack, 10]));
    const places = [[0, 1], [0, 2], [1, 1], [1, 2], [0, 0]] as const; // biome-ignore format: a table
    expect(places.map(seen)).toEqual([false, false, false, false, false]);
    expect(places.map(seen)).toEqual([true, true, true, true, true]);
  });

  it('goes around the end of the numbers', () => {
    const last = 2 ** 32 - 5;
    expect(repeated([last - 1, syn], [5, ack, 10], [last, ack, 10], [last, ack, 10], [0, ack, 5])).toEqual([3, 4]);
  });

  it('is told in streams of more than 4 GiB', () => {
    const isRepeated = createStreams();
    let told = 0;
    for (let at = 0; at < 5 * 2 ** 30; at += 2 ** 26) if (isRepeated(0, talk(), segment([at, ack, 2 ** 26]))) told += 1;
    expect(told).toBe(0);
  });
});

describe('streams', () => {
  it('are told apart as a memory without bounds does, whatever the order', () => {
    const pieces = fc.array(fc.tuple(fc.nat(40), fc.integer({ min: 2, max: 8 })), { maxLength: 40 });
    fc.assert(
      fc.property(pieces, fc.integer({ min: 0, max: 2 ** 32 - 1 }), (row, begin) => {
        const isRepeated = createStreams();
        isRepeated(0, talk(), segment([begin, syn]));
        const seen = new Set<number>();
        for (const [at, length] of row) {
          const numbers = Array.from({ length }, (_, index) => at + index);
          const known = numbers.every((number) => seen.has(number));
          for (const number of numbers) seen.add(number);
          expect(isRepeated(0, talk(), segment([begin + 1 + at, ack, length]))).toBe(known);
        }
      }),
    );
  });

  it('are forgotten where there are too many, and their gaps too', () => {
    const isRepeated = createStreams();
    for (let from = 0; from < 25_000; from++) isRepeated(0, talk(from), segment([1, ack, 10]));
    expect(isRepeated(0, talk(0), segment([1, ack, 10]))).toBe(false);
    expect(isRepeated(0, talk(24_999), segment([1, ack, 10]))).toBe(true);
    const gaps = Array.from({ length: 100 }, (_, index): Row => [index * 20, ack, 10]);
    // Only the latest gaps are known.
    expect(repeated([-1, syn], ...gaps, [10, ack, 10], [97 * 20 + 10, ack, 10])).toEqual([101]);
  });
});
