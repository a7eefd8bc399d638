/** Feeds a program with a file that grows: at its own pace, so that it can stall without holding up who writes the file. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { type FileHandle, open } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** A program that is fed. */
export interface Feed {
  /** Aborts when it takes nothing any more: it was closed, or could not be started. */
  readonly closed: AbortSignal;
  /** Says that the file has so many bytes by now. */
  grown(bytes: number): void;
  /** Says that the file is whole; settles when the program has all of it, was closed, or has taken nothing for `patience` milliseconds: false. */
  end(patience: number): Promise<boolean>;
}

const step = 64 * 1024;

/** Feeds from the beginning of the file. */
export async function createFeed(path: string, child: ChildProcess): Promise<Feed> {
  const closed = new AbortController();
  const close = () => closed.abort();
  child.once('error', close).once('exit', close);
  child.stdin?.on('error', close);
  const file = await open(path, 'r');
  let size = 0;
  let fed = 0;
  let more = Promise.withResolvers<void>();
  let whole = false;
  closed.signal.addEventListener('abort', () => more.resolve());

  const work = async (): Promise<void> => {
    while (!closed.signal.aborted && !(whole && fed === size)) {
      if (fed < size) fed += await pass(file, child, fed, Math.min(step, size - fed), closed.signal);
      else {
        await more.promise;
        more = Promise.withResolvers();
      }
    }
    await finish(child, closed.signal);
  };
  const done = work()
    .catch(close)
    .finally(() => file.close().catch(() => {}));

  return {
    closed: closed.signal,
    grown(bytes) {
      size = bytes;
      more.resolve();
    },
    async end(patience) {
      whole = true;
      more.resolve();
      for (let last = -1; last !== fed; ) {
        last = fed;
        if (await Promise.race([done.then(() => true), sleep(patience, false, { ref: false })])) return true;
      }
      child.stdin?.destroy();
      close();
      return false;
    },
  };
}

/** Says that nothing more comes, and waits until the program's side has all of it: what Node keeps for a stalled one would keep us, too. */
async function finish({ stdin }: ChildProcess, closed: AbortSignal): Promise<void> {
  if (stdin === null || closed.aborted) return;
  stdin.end();
  if (!stdin.writableFinished) await once(stdin, 'finish', { signal: closed });
}

/** Gives bytes of the file to the program, and waits until it can take more. */
async function pass(file: FileHandle, { stdin }: ChildProcess, from: number, length: number, closed: AbortSignal): Promise<number> {
  const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(length), 0, length, from);
  if (stdin === null || closed.aborted) return bytesRead;
  if (!stdin.write(buffer.subarray(0, bytesRead))) await once(stdin, 'drain', { signal: closed });
  return bytesRead;
}
