/** A file that is written as it is captured, and is whole at every moment: only whole pieces are written, each at once. */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open, unlink } from 'node:fs/promises';
import { diskError } from '../pull/disk.ts';
import type { Captured } from './file.ts';
import type { Outlet } from './flow.ts';

/** Takes whole pieces. All that it gives throws a KprofError `disk`. */
export interface Tape extends Outlet {
  /** Makes it survive a power cut. An empty one is removed where `keep` is not set. */
  close(keep: boolean): Promise<Captured>;
  /** Where it is in several files: those that are kept, oldest first. */
  readonly paths?: readonly string[];
  /** Lets who watches it see the rest, until that aborts. */
  finish?(until: AbortSignal): Promise<void>;
}

// A link that somebody put at our name is not followed, and no file of theirs is opened.
const creating = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0);

async function writeAll(file: FileHandle, pieces: Buffer, position: number): Promise<void> {
  for (let done = 0; done < pieces.length; ) done += (await file.write(pieces, done, pieces.length - done, position + done)).bytesWritten;
}

/** Creates the file, for its owner alone. */
export async function createTape(path: string): Promise<Tape> {
  const failed = (error: unknown): never => {
    throw diskError(error, path);
  };
  const file = await open(path, creating, 0o600).catch(failed);
  const digest = createHash('sha256');
  let bytes = 0;
  return {
    get bytes() {
      return bytes;
    },
    async write(pieces) {
      if (pieces.length === 0) return;
      await writeAll(file, pieces, bytes).catch(async (error: unknown) => {
        // Half a piece would spoil what is there.
        await file.truncate(bytes).catch(() => {});
        failed(error);
      });
      digest.update(pieces);
      bytes += pieces.length;
    },
    async close(keep) {
      try {
        await file.sync().catch(failed);
      } finally {
        await file.close().catch(() => {});
        if (bytes === 0 && !keep) await unlink(path).catch(() => {});
      }
      return { bytes, sha256: digest.digest('hex') };
    },
  };
}
