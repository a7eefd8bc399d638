/** Feeds a program with a file that grows: at its own pace, so that it can stall without holding up who writes the file. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { type FileHandle, open } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** A program that is fed. */
export interface Feed {
  /** Aborts when somebody closed it. */
  readonly closed: AbortSignal;
  /** Says that the file has so many bytes by now. */
  grown(bytes: number): void;
  /** Says that the file is whole; settles when the program has all of it, or has ended, and else with false: it has taken nothing for `patience` milliseconds, or `until` aborts. */
  end(patience: number, until?: AbortSignal): Promise<boolean>;
}

const step = 64 * 1024;

/** Of who closes stdin and does not end: Wireshark does when its capture is stopped. */
const endsWithin = 1000;

/** Feeds from the beginning of the file; `failed` hears, fit behind its name, how a program ended that nobody has closed, or why it gets no more. `viewer` is the exit code of what the program feeds on, where it is told. */
export async function createFeed(
  path: string,
  child: ChildProcess,
  failed: (how: string) => void,
  viewer?: Promise<number>,
): Promise<Feed> {
  const [closed, over] = [new AbortController(), new AbortController()];
  let size = 0;
  let fed = 0;
  let whole = false;
  let judged = false;
  const judge = (how: string | undefined): void => {
    over.abort();
    if (judged) return;
    judged = true;
    if (how === undefined) closed.abort();
    else if (!whole) failed(how);
  };
  child.once('error', ({ message }) => judge(`can't be started: ${message}`));
  child.once('exit', (code, signal) => judge(complaint(code, signal, fed > 0)));
  void viewer?.then((code) => {
    judge(complaint(code, null, fed > 0));
    child.stdin?.destroy(); // who only hands it on would not notice before there is more
  });
  child.stdin?.on('error', () => {
    over.abort();
    setTimeout(judge, endsWithin, undefined).unref();
  });
  const file = await open(path, 'r');
  let more = Promise.withResolvers<void>();
  over.signal.addEventListener('abort', () => more.resolve());

  const work = async (): Promise<void> => {
    while (!over.signal.aborted && !(whole && fed === size)) {
      if (fed < size) fed += await pass(file, child, fed, Math.min(step, size - fed), over.signal);
      else {
        await more.promise;
        more = Promise.withResolvers();
      }
    }
    await finish(child, over.signal);
  };
  const done = work()
    .catch((error: Error) => {
      if (!over.signal.aborted) {
        judged = true; // that it ends now is our doing
        failed(`gets no more packets: ${error.message}`);
      }
      over.abort();
      child.stdin?.destroy(); // or it waits for more, and whoever waits for it does
    })
    .finally(() => file.close().catch(() => {}));

  return {
    closed: closed.signal,
    grown(bytes) {
      size = bytes;
      more.resolve();
    },
    async end(patience, until) {
      whole = true;
      more.resolve();
      for (let last = -1; last !== fed && until?.aborted !== true; ) {
        last = fed;
        const tired = sleep(patience, false, { ref: false, signal: until }).catch(() => false);
        if (await Promise.race([done.then(() => true), tired])) return true;
      }
      child.stdin?.destroy();
      judge(undefined);
      return false;
    },
  };
}

// As a shell tells them, too.
const closing: ReadonlySet<NodeJS.Signals | number> = new Set([0, 'SIGHUP', 129, 'SIGINT', 130, 'SIGKILL', 137, 'SIGPIPE', 141, 'SIGTERM', 143]); // biome-ignore format: pairs

/** How it ended, where it was not closed by somebody. */
function complaint(code: number | null, signal: NodeJS.Signals | null, began: boolean): string | undefined {
  const how = signal ?? code ?? 0;
  if (!closing.has(how)) return signal === null ? `ended with code ${code}` : `ended by ${signal}`;
  return began ? undefined : 'ended before it took anything';
}

/** Says that nothing more comes, and waits until the program's side has all of it: what Node keeps for a stalled one would keep us, too. */
async function finish({ stdin }: ChildProcess, over: AbortSignal): Promise<void> {
  if (stdin === null || over.aborted) return;
  stdin.end();
  if (!stdin.writableFinished) await once(stdin, 'finish', { signal: over });
}

/** Gives bytes of the file to the program, and waits until it can take more. */
async function pass(file: FileHandle, { stdin }: ChildProcess, from: number, length: number, over: AbortSignal): Promise<number> {
  const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(length), 0, length, from);
  if (stdin === null || over.aborted) return bytesRead;
  if (!stdin.write(buffer.subarray(0, bytesRead))) await once(stdin, 'drain', { signal: over });
  return bytesRead;
}
