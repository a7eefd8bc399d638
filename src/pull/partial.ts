/** The local file while it is not complete. */
import { constants } from 'node:fs';
import { type FileHandle, open, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { KprofError } from '../errors.ts';
import { diskError } from './disk.ts';

/** A file that is written at its end. */
export interface PartialFile {
  /** What it has already, read once before anything is written. */
  content(): AsyncIterable<Uint8Array>;
  /** Throws away all that it has. */
  empty(): Promise<void>;
  /** Takes the bytes; a promise holds the sender back while the disk is behind. */
  write(bytes: Uint8Array): void | Promise<void>;
  /** Bytes that the file system has. */
  size(): Promise<number>;
  /** Writes what is still held here. */
  flush(): Promise<void>;
  /** Flushes, and makes the file survive a power cut. */
  sync(): Promise<void>;
  /** Closes without an error. */
  close(): Promise<void>;
}

/** What fits where the file is, in bytes; Infinity where the file system does not say. */
export async function freeSpace(folder: string): Promise<number> {
  const { bavail, bsize, blocks } = await statfs(folder).catch(() => ({ bavail: 0, bsize: 0, blocks: 0 }));
  return blocks === 0 ? Number.POSITIVE_INFINITY : bavail * bsize;
}

// Two of them: one is filled and hashed while the kernel takes the other.
const bufferSize = 1024 * 1024;

// A link that somebody put at our name is not followed, and no file of theirs is opened.
const noFollow = constants.O_NOFOLLOW ?? 0;
const creating = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | noFollow;
const continuing = constants.O_RDWR | (constants.O_NONBLOCK ?? 0) | noFollow;

async function writeAll(handle: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}

const failing =
  (path: string) =>
  (error: unknown): never => {
    throw diskError(error, path);
  };

/** Creates the file, for its owner alone. Throws a KprofError `disk`, as all that it gives does. */
export async function createPartial(path: string): Promise<PartialFile> {
  return partial(await open(path, creating, 0o600).catch(failing(path)), path, 0);
}

/** Opens the one that an earlier run left. Throws a KprofError `disk`, also when it is not a file of this user's alone. */
export async function reopenPartial(path: string): Promise<PartialFile> {
  const handle = await open(path, continuing).catch(failing(path));
  const { mode, uid, size, nlink } = await handle.stat();
  const own = process.getuid === undefined || (uid === process.getuid() && (mode & 0o077) === 0);
  if ((mode & constants.S_IFMT) === constants.S_IFREG && nlink === 1 && own) return partial(handle, path, size);
  await handle.close();
  throw new KprofError('disk', `${path} is not the file that kprof left there`, { hint: 'capture anew' });
}

function partial(handle: FileHandle, path: string, had: number): PartialFile {
  const failed = failing(path);
  let filling = Buffer.allocUnsafeSlow(bufferSize);
  let other = Buffer.allocUnsafeSlow(bufferSize);
  let used = 0;
  let position = had;
  let writing: Promise<void> = Promise.resolve();
  let passing = false;

  const start = (): void => {
    const bytes = filling.subarray(0, used);
    writing = writeAll(handle, bytes, position);
    // Who waits for it is told; until somebody does, it is not an unhandled rejection.
    writing.catch(() => {});
    position += used;
    used = 0;
    [filling, other] = [other, filling];
  };
  const fill = (bytes: Uint8Array): Uint8Array => {
    const length = Math.min(bufferSize - used, bytes.length);
    filling.set(length === bytes.length ? bytes : bytes.subarray(0, length), used);
    used += length;
    return bytes.subarray(length);
  };
  const pass = async (bytes: Uint8Array): Promise<void> => {
    passing = true;
    for (let rest = bytes; used === bufferSize || rest.length > 0; rest = fill(rest)) {
      if (used < bufferSize) continue;
      await writing.catch(failed);
      start();
    }
    passing = false;
  };
  const flush = async (): Promise<void> => {
    await writing.catch(failed);
    if (used > 0) start();
    await writing.catch(failed);
  };

  return {
    async *content() {
      const bytes = Buffer.allocUnsafeSlow(had === 0 ? 0 : bufferSize);
      for (let at = 0; at < had; ) {
        const { bytesRead } = await handle.read(bytes, 0, Math.min(bufferSize, had - at), at).catch(failed);
        if (bytesRead === 0) throw new KprofError('disk', `${path} became shorter while it was read`);
        yield bytes.subarray(0, bytesRead);
        at += bytesRead;
      }
    },
    async empty() {
      await writing.catch(failed);
      await handle.truncate(0).catch(failed);
      [used, position] = [0, 0];
    },
    write(bytes) {
      // It would come out of order, and the sums would not tell.
      if (passing) throw new Error('a file was written to before it had taken what came before');
      const rest = fill(bytes);
      return used < bufferSize ? undefined : pass(rest);
    },
    size: async () => (await handle.stat().catch(failed)).size,
    flush,
    async sync() {
      await flush();
      await handle.sync().catch(failed);
    },
    // The file is judged by what sync said; a close can add nothing.
    close: () => handle.close().catch(() => {}),
  };
}

/** Bytes that can still be written next to `path`. */
export const roomFor = (path: string): Promise<number> => freeSpace(dirname(path));
