/** Fetches one file from a pod, over as many lines as it takes, and says that it is here only when everything agrees. */
import { unlink } from 'node:fs/promises';
import { basename } from 'node:path';
import { KprofError } from '../errors.ts';
import { createTries, type Patience } from '../retry.ts';
import { createArrival } from './arrival.ts';
import { type AttemptOptions, attempt, type OpenPull, stopped } from './attempt.ts';
import { Fault } from './fault.ts';
import { createPartial, type PartialFile, reopenPartial } from './partial.ts';
import type { Pulled } from './receiver.ts';
import type { Identity } from './remarks.ts';
import { least } from './stall.ts';

/** How patient a pull is, unless told otherwise; what counts as new is told by `least`. */
export const usual: Patience = { pause: 500, longestPause: 10_000, fruitless: 60_000 };

/** What is pulled, and how. */
export interface PullOptions extends AttemptOptions {
  readonly signal?: AbortSignal | undefined;
  /** Goes on with `to` as an earlier run left it, of this file; without it `to` is created. */
  readonly resume?: Identity | undefined;
  /** Told before each further try what was lost, and how far it is. */
  readonly onResume?: ((error: KprofError, bytes: number, total: number | undefined) => void) | undefined;
  readonly patience?: Patience | undefined;
}

/** The error as the person reads it, with what is kept; an empty file is not worth keeping. */
async function unfinished(error: unknown, file: PartialFile, to: string): Promise<unknown> {
  await file.flush().catch(() => {}); // the first error is the one that counts
  const bytes = await file.size();
  if (bytes === 0) await unlink(to).catch(() => {});
  if (!(error instanceof KprofError)) return error;
  const kept = bytes === 0 ? 'nothing is kept' : `${bytes} bytes are kept in ${to}`;
  return new KprofError(
    error.failure,
    `${basename(to).replace(/(\.\d+)?\.partial$/, '')} did not arrive whole: ${error.message} (${kept})`,
    {
      hint: error.hint,
      cause: error.cause,
      // Whether somebody who comes later may have more luck.
      lost: error.lost || error instanceof Fault,
    },
  );
}

/** Tries until it is whole, or nothing more can be hoped for. */
async function persist(open: OpenPull, file: PartialFile, signal: AbortSignal, options: PullOptions): Promise<Pulled> {
  const arrival = await createArrival(file);
  const tries = createTries(options.patience ?? usual);
  const left = { rest: 1, anew: 1 };
  let identity = options.resume;
  if (identity !== undefined && arrival.bytes() > identity.size) await arrival.drop();
  const onIdentity = (known: Identity): void => {
    identity = known;
    options.onIdentity?.(known);
  };
  for (;;) {
    try {
      return await attempt(open, file, { arrival, identity }, { ...options, onIdentity, signal });
    } catch (error) {
      if (!(error instanceof Fault) || signal.aborted) throw error;
      // What is not known to be of the same file can't be gone on with.
      if (identity === undefined && arrival.bytes() > 0) throw error;
      const worth = tries.worth(Math.floor(arrival.bytes() / least));
      if (error.again === 'line' ? !worth : left[error.again]-- === 0) throw error;
      if (error.again === 'anew') await arrival.drop();
      options.onResume?.(error, arrival.bytes(), identity?.size);
      await tries.pause(signal).catch(() => {
        throw stopped(signal.reason);
      });
    }
  }
}

/**
 * Pulls one file into `to` (0600) and resolves when it is whole, verified and on the disk. A line that breaks, falls silent or damages
 * what passes is replaced by another one, which goes on at the last good byte. Rejects with a KprofError: `incomplete` when it is not
 * whole or not what was asked for, `disk`, `timeout` when nothing came any more, or what `signal` has as its reason. What came stays in `to`.
 */
export async function pull(open: OpenPull, options: PullOptions): Promise<Pulled> {
  const { to, signal = new AbortController().signal, resume } = options;
  if (signal.aborted) throw stopped(signal.reason);
  const file = await (resume === undefined ? createPartial(to) : reopenPartial(to));
  try {
    const pulled = await persist(open, file, signal, options);
    await file.sync();
    return pulled;
  } catch (error) {
    throw await unfinished(error, file, to);
  } finally {
    await file.close();
  }
}
