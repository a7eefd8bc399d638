/** A debug container that was killed in the middle of a capture: its supervisor could undo nothing. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { DebugContainer, Target } from '../cluster.ts';
import { KprofError } from '../errors.ts';
import type { Lease } from '../remote/lease.ts';
import { insist } from '../remote/remote.ts';
import type { Argv } from '../toolkit.ts';

/** Makes another debug container like the one that was used. */
export type Another = (signal: AbortSignal) => Promise<DebugContainer>;

/** Whether it is dead: killed by the kernel for its memory, say. The cluster tells it late, so it is asked for a few seconds. */
export async function hasDied(container: DebugContainer, { rejoin, gone }: Target): Promise<boolean> {
  const signal = AbortSignal.any([gone, AbortSignal.timeout(10_000)]);
  for (let tries = 0; tries < 4; tries++) {
    const died = await rejoin(container, signal).then(
      () => false,
      (error: unknown) => error instanceof KprofError && error.failure === 'gone',
    );
    if (died || signal.aborted) return died;
    await sleep(1000);
  }
  return false;
}

/** The folder in the pod's shared memory that an undo removes, if it is such a one. */
export const sharedMemoryOf = (undo: Argv): readonly string[] =>
  undo.includes('rm') ? undo.filter((word) => /^\/dev\/shm\/kprof-[0-9a-f]{16}$/.test(word)) : [];

/** Does in another container what the one that died can't; what runs first, then the files. */
export async function undoFrom(another: Another, { kept }: Pick<Lease, 'kept'>, { gone }: Pick<Target, 'gone'>): Promise<boolean> {
  const signal = AbortSignal.any([gone, AbortSignal.timeout(60_000)]);
  try {
    const container = await another(signal);
    let code = 0;
    for (const undo of kept.toReversed()) ({ code } = await insist(container, ['run', ...undo], { what: 'clean up', signal }));
    return code === 0;
  } catch {
    return false;
  }
}
