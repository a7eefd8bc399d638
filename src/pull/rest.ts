/** The bare rest of a file of which the beginning is here. */
import { damage } from './fault.ts';
import type { TarReader } from './tar.ts';

/** Reads exactly the `size - offset` bytes that lack. */
export function createRestReader(offset: number, size: number): TarReader {
  let at = offset;
  return {
    take(bytes) {
      at += bytes.length;
      if (at > size) throw damage('more came than the file has');
      return bytes;
    },
    size: () => size,
    ended: () => at === size,
    finish() {
      if (at < size) throw damage(`only ${at} of ${size} bytes came`);
    },
  };
}
