/** Fetches one file from a pod, and says that it is here only when everything agrees. */
import { unlink } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Execution, Sink } from '../cluster.ts';
import { KprofError } from '../errors.ts';
import { createPartial, type PartialFile, roomFor } from './partial.ts';
import { createReceiver, type Pulled, type Wanted } from './receiver.ts';

/** Starts the sender in the pod: it prints a tar of one file, waits for the line `ack` on stdin, and exits 0. */
export type OpenPull = (io: { readonly stdout: Sink; readonly stderr: Sink; readonly signal: AbortSignal }) => Execution;

/** What is pulled, and where to. */
export interface PullOptions extends Wanted {
  /** The local file to create: NAME.partial. */
  readonly to: string;
  readonly signal?: AbortSignal | undefined;
}

/** Whatever else failed meanwhile, what it means here is that the file is not whole. */
function stopped(reason: unknown): KprofError {
  if (!(reason instanceof KprofError)) return new KprofError('interrupted', 'it was stopped', { cause: reason });
  return reason.failure === 'failed' ? new KprofError('incomplete', reason.message, { hint: reason.hint, cause: reason.cause }) : reason;
}

// Said by a person, or by the cluster: the file is not whole, but that is not what is wrong.
const ownKinds: ReadonlySet<string> = new Set(['forbidden', 'interrupted', 'terminated']);

function lost(cause: unknown): never {
  if (cause instanceof KprofError && ownKinds.has(cause.failure)) throw cause;
  throw new KprofError('incomplete', 'the line to the pod was lost', { cause });
}

// The promise's own outcome, unless trouble comes first.
function createTrouble(signal: AbortSignal): {
  readonly failed: (error: unknown) => void;
  readonly unless: <T>(promise: Promise<T>) => Promise<T>;
} {
  const { promise, reject } = Promise.withResolvers<never>();
  promise.catch(() => {}); // it may come when nobody waits any more
  signal.addEventListener('abort', () => reject(stopped(signal.reason)), { once: true });
  return { failed: reject, unless: (other) => Promise.race([promise, other]) };
}

// Bytes that are still on their way when the sender leaves can be lost, so it waits for this.
async function acknowledge(file: PartialFile, execution: () => Execution | undefined): Promise<void> {
  await file.flush();
  try {
    execution()?.send('ack\n');
  } catch {
    // A line that is gone says so itself, by `done`.
  }
}

async function transfer(open: OpenPull, file: PartialFile, signal: AbortSignal, options: PullOptions): Promise<Pulled> {
  let execution: Execution | undefined;
  const trouble = createTrouble(signal);
  const receiver = createReceiver(file, await roomFor(options.to), options, {
    whole: () => void acknowledge(file, () => execution).catch(trouble.failed),
    failed: trouble.failed,
  });
  try {
    execution = open({ stdout: receiver.stdout, stderr: receiver.stderr, signal });
    const { code } = await trouble.unless(execution.done.catch(lost));
    const pulled = await trouble.unless(receiver.end(code));
    await file.sync();
    return pulled;
  } finally {
    receiver.stop();
  }
}

/** The error as the person reads it, with what is kept; an empty file is not worth keeping. */
async function unfinished(error: unknown, file: PartialFile, to: string): Promise<unknown> {
  await file.flush().catch(() => {}); // the first error is the one that counts
  const bytes = await file.size();
  if (bytes === 0) await unlink(to).catch(() => {});
  if (!(error instanceof KprofError)) return error;
  const kept = bytes === 0 ? 'nothing is kept' : `${bytes} bytes are kept in ${to}`;
  return new KprofError(error.failure, `${basename(to, '.partial')} did not arrive whole: ${error.message} (${kept})`, {
    hint: error.hint,
    cause: error.cause,
  });
}

/**
 * Pulls one file into the new file `to` (0600) and resolves when it is whole, verified and on the disk. Rejects with a KprofError: `incomplete`
 * when it is not whole or not what was asked for, `disk`, `timeout` when nothing came for `silence`, or what `signal` has as its reason.
 * The line is dropped then, and what came stays in `to`.
 */
export async function pull(open: OpenPull, options: PullOptions): Promise<Pulled> {
  const { to, signal } = options;
  if (signal?.aborted) throw stopped(signal.reason);
  const file = await createPartial(to);
  const line = new AbortController();
  try {
    return await transfer(open, file, AbortSignal.any(signal ? [line.signal, signal] : [line.signal]), options);
  } catch (error) {
    line.abort(error);
    throw await unfinished(error, file, to);
  } finally {
    await file.close();
  }
}
