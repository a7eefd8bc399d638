/** What is here of the file: written, counted, and its sums made, over as many tries as it takes. */
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { PartialFile } from './partial.ts';

/** The file's beginning. */
export interface Arrival {
  /** The next bytes of the file; a promise holds the sender back while the disk is behind. */
  take(bytes: Uint8Array): void | Promise<void>;
  /** How many bytes are here. */
  bytes(): number;
  /** CRC-32 of them, as zlib has it. */
  crc32(): number;
  /** Their hex digest. */
  sha256(): string;
  /** Forgets all of it. */
  drop(): Promise<void>;
}

/** Nothing yet, or what `file` has already. */
export async function createArrival(file: PartialFile): Promise<Arrival> {
  let hash = createHash('sha256');
  let sum = 0;
  let count = 0;
  const add = (bytes: Uint8Array): void => {
    hash.update(bytes);
    sum = crc32(bytes, sum);
    count += bytes.length;
  };
  for await (const bytes of file.content()) add(bytes);

  return {
    take(bytes) {
      add(bytes);
      return file.write(bytes);
    },
    bytes: () => count,
    crc32: () => sum,
    sha256: () => hash.copy().digest('hex'),
    async drop() {
      await file.empty();
      [hash, sum, count] = [createHash('sha256'), 0, 0];
    },
  };
}
