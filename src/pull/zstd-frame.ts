/**
 * Where a zstd frame ends, which the decoder does not tell: https://www.rfc-editor.org/rfc/rfc8878#section-3.1.1
 * Known exactly, the end can be acknowledged before the line closes, and nothing that follows it is decoded.
 */
import { KprofError } from '../errors.ts';
import { damage } from './fault.ts';
import { quoteText } from './tar.ts';

/** Follows one frame. */
export interface ZstdFrame {
  /** The next compressed bytes, in pieces of any size. Throws a KprofError `incomplete`, also for any byte after the frame. */
  take(bytes: Uint8Array): void;
  /** Whether the frame's last byte, that of its checksum, was seen. */
  ended(): boolean;
}

const magic = 0xfd2fb528;
const longestBlock = 128 * 1024;
const dictionaryBytes = [0, 1, 2, 4];
const contentSizeBytes = [0, 2, 4, 8];

const broken = (reason: string): KprofError => new KprofError('incomplete', reason);

/** Bytes of the frame's header after the magic and the descriptor. */
function headerRest(descriptor: number): number {
  const single = (descriptor & 0x20) !== 0;
  const contentSize = contentSizeBytes[descriptor >> 6] as number;
  if (descriptor & 0x08) throw broken('the compressed stream has a reserved bit set');
  if (dictionaryBytes[descriptor & 3] !== 0) throw broken('the compressed stream wants a dictionary');
  if (!(descriptor & 0x04)) throw broken('the compressed stream has no checksum');
  return (single ? 0 : 1) + (single && contentSize === 0 ? 1 : contentSize);
}

/** Content bytes of a block, from its 3-byte header; `last` when no block follows. */
function blockOf(header: number): { readonly length: number; readonly last: boolean } {
  const type = (header >> 1) & 3;
  const size = header >> 3;
  if (type === 3 || size > longestBlock) throw damage('the compressed stream is damaged');
  return { length: type === 1 ? 1 : size, last: (header & 1) === 1 };
}

/** Follows one zstd frame that must have a checksum and no dictionary. */
export function createZstdFrame(): ZstdFrame {
  const small = Buffer.alloc(5);
  let have = 0;
  let skip = 0;
  let state: 'start' | 'block' | 'checksum' | 'end' = 'start';

  const start = (head: Buffer, rest: Uint8Array): void => {
    if (head.readUInt32LE(0) !== magic) throw broken(`what came is no zstd stream${quoteText(Buffer.concat([head, rest]))}`);
    skip = headerRest(head[4] as number);
    state = 'block';
  };
  const block = (head: Buffer): void => {
    const { length, last } = blockOf(head.readUIntLE(0, 3));
    skip = length;
    if (last) state = 'checksum';
  };
  const wanted = { start: 5, block: 3, checksum: 4, end: 0 };
  const end = (): void => {
    state = 'end';
  };
  const step = { start, block, checksum: end, end };

  // One field: collected over as many pieces as it takes.
  const collect = (bytes: Uint8Array): number => {
    const length = Math.min(wanted[state] - have, bytes.length);
    small.set(bytes.subarray(0, length), have);
    have += length;
    if (have === wanted[state]) {
      have = 0;
      step[state](small, bytes.subarray(length));
    }
    return length;
  };

  const follow = (bytes: Uint8Array): void => {
    for (let at = 0; at < bytes.length; ) {
      if (state === 'end' && skip === 0) throw broken('bytes follow the end of the compressed stream');
      const passed = Math.min(skip, bytes.length - at);
      skip -= passed;
      at += passed;
      if (skip === 0 && at < bytes.length && state !== 'end') at += collect(bytes.subarray(at));
    }
  };

  return { take: follow, ended: () => state === 'end' };
}
