/** One try of a pull: a sender, a receiver, and what they agree on. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Execution, Sink } from '../cluster.ts';
import { isLineLost, KprofError } from '../errors.ts';
import { Fault } from './fault.ts';
import { type PartialFile, roomFor } from './partial.ts';
import { createReceiver, type Pulled, type Start, type Wanted } from './receiver.ts';
import type { Identity } from './remarks.ts';

/** Where a sender begins. */
export interface From {
  /** Bytes that are here already: 0 asks for a tar of the file, more for the bare rest of it. */
  readonly offset: number;
  /** The file that is meant; with another one, or a changed one, the sender fails. Undefined the first time. */
  readonly identity: Identity | undefined;
}

/** Starts the sender in the pod: it prints the file, waits for the line `ack` on stdin, and exits 0. */
export type OpenPull = (io: {
  readonly stdout: Sink;
  readonly stderr: Sink;
  readonly signal: AbortSignal;
  readonly from: From;
}) => Execution;

/** What is pulled, where to, and whom to tell. */
export interface AttemptOptions extends Wanted {
  /** The local file: NAME.partial. */
  readonly to: string;
  /** Told which file it is, as soon as that is known; with it a later run can go on. */
  readonly onIdentity?: ((identity: Identity) => void) | undefined;
}

/** Whatever else failed meanwhile, what it means here is that the file is not whole. */
export function stopped(reason: unknown): KprofError {
  if (!(reason instanceof KprofError)) return new KprofError('interrupted', 'it was stopped', { cause: reason });
  return reason.failure === 'failed'
    ? new KprofError('incomplete', reason.message, { hint: reason.hint, cause: reason.cause, lost: reason.lost })
    : reason;
}

// Said by a person, or by the cluster: the file is not whole, but that is not what is wrong.
const ownKinds: ReadonlySet<string> = new Set(['forbidden', 'interrupted', 'terminated']);

function ended(cause: unknown): never {
  if (isLineLost(cause)) throw new Fault('line', 'the line to the pod was lost', { cause });
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

const acknowledgeEvery = 2000;

// Bytes that are still on their way when the sender leaves can be lost, so it waits for this. A shell that reads with a
// timeout can lose a word that comes in two parts: it is said until the line ends.
async function acknowledge(file: PartialFile, execution: () => Execution | undefined, over: AbortSignal): Promise<void> {
  await file.flush();
  while (!over.aborted) {
    try {
      execution()?.send('ack\n');
    } catch {
      // A line that is gone says so itself, by `done`.
    }
    await sleep(acknowledgeEvery, undefined, { signal: over }).catch(() => {}); // over
  }
}

/** Tries once. Rejects with a Fault where another try makes sense; the line is dropped then, and nothing is written any more. */
export async function attempt(
  open: OpenPull,
  file: PartialFile,
  { arrival, identity }: Omit<Start, 'room'>,
  { signal, ...options }: AttemptOptions & { readonly signal: AbortSignal },
): Promise<Pulled> {
  const line = new AbortController();
  const either = AbortSignal.any([line.signal, signal]);
  let execution: Execution | undefined;
  const over = new AbortController();
  const trouble = createTrouble(either);
  const receiver = createReceiver({ arrival, identity, room: await roomFor(options.to) }, options, {
    whole: () => void acknowledge(file, () => execution, over.signal).catch(trouble.failed),
    failed: trouble.failed,
    identity: options.onIdentity ?? (() => {}),
  });
  try {
    execution = open({ stdout: receiver.stdout, stderr: receiver.stderr, signal: either, from: { offset: arrival.bytes(), identity } });
    const { code } = await trouble.unless(execution.done.catch(ended));
    return await trouble.unless(receiver.end(code));
  } catch (error) {
    line.abort(error);
    throw error;
  } finally {
    over.abort();
    await receiver.stop();
  }
}
