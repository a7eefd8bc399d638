/** Our own stdout as the place where a capture goes. */
import { createHash } from 'node:crypto';
import { printBytes } from '../print.ts';
import type { Tape } from './tape.ts';

/** Whoever reads it may leave at any time: that ends the capture well. */
export function createStdout(): Tape {
  const digest = createHash('sha256');
  const closed = new AbortController();
  let bytes = 0;
  let release = (): void => {};
  const onError = () => {
    closed.abort();
    release();
  };
  process.stdout.on('error', onError);
  return {
    get bytes() {
      return bytes;
    },
    closed: closed.signal,
    write(pieces) {
      if (pieces.length === 0 || closed.signal.aborted) return Promise.resolve();
      digest.update(pieces);
      bytes += pieces.length;
      const { promise, resolve } = Promise.withResolvers<void>();
      release = resolve;
      printBytes(pieces, resolve);
      return promise;
    },
    async close() {
      process.stdout.off('error', onError);
      return { bytes, sha256: digest.digest('hex') };
    },
  };
}
