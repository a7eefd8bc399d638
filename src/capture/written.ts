/** A capture that is written here as it comes: sized, hashed, and kept up to where it ended. */
import { createHash } from 'node:crypto';
import { unlink } from 'node:fs/promises';
import type { Sink } from '../cluster.ts';
import { KprofError } from '../errors.ts';
import { createPartial } from '../pull/partial.ts';
import type { Captured } from './file.ts';

const mostBytes = 16 * 2 ** 30;

/** Lets `fill` write the new file `partial`; `whose` begins the error when that is more than 16 GiB. An empty file does not stay when `fill` rejects. */
export async function written(partial: string, whose: string, fill: (sink: Sink) => Promise<void>): Promise<Captured> {
  const file = await createPartial(partial);
  const digest = createHash('sha256');
  let bytes = 0;
  try {
    await fill((chunk) => {
      bytes += chunk.length;
      if (bytes > mostBytes) throw new KprofError('failed', `${whose} sends more than ${mostBytes / 2 ** 30} GiB`);
      digest.update(chunk);
      return file.write(chunk);
    });
    await file.sync();
  } catch (error) {
    // What came until then is kept as it is: the error that is told is the one that ended it.
    await file.flush().catch(() => {});
    if (bytes === 0) await unlink(partial).catch(() => {});
    throw error;
  } finally {
    await file.close();
  }
  return { bytes, sha256: digest.digest('hex') };
}
