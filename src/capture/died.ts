/** A debug container that was killed in the middle of a capture: its supervisor could undo nothing. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { DebugContainer, Listed, Target } from '../cluster.ts';
import type { Lease } from '../remote/lease.ts';
import { end, insist } from '../remote/remote.ts';
import type { Argv } from '../toolkit.ts';

/** Makes another debug container like the one that was used. */
export type Another = (signal: AbortSignal) => Promise<DebugContainer>;

/** What became of it: whoever ended in good order has undone what it began; whoever was killed, by the kernel for its memory say, has not. */
export type Fate = 'runs' | 'ended' | 'killed';

/** The cluster tells it late, so it is asked for a few seconds. */
export async function fateOf({ name }: DebugContainer, { debugContainers, gone }: Pick<Target, 'debugContainers' | 'gone'>): Promise<Fate> {
  const signal = AbortSignal.any([gone, AbortSignal.timeout(10_000)]);
  for (let tries = 0; tries < 4 && !signal.aborted; tries++) {
    const all = await debugContainers(signal).catch((): readonly Listed[] => []);
    const one = all.find((each) => each.name === name);
    if (one?.state === 'ended') return one.killed ? 'killed' : 'ended';
    await sleep(1000);
  }
  return 'runs';
}

/** The folder in the pod's shared memory that an undo removes, if it is such a one. */
export const sharedMemoryOf = (undo: Argv): readonly string[] =>
  undo.includes('rm') ? undo.filter((word) => /^\/dev\/shm\/kprof-[0-9a-f]{16}$/.test(word)) : [];

/** Does in another container what the one that died can't; what runs first, then the files. That one is for nothing else, and ends. */
export async function undoFrom(another: Another, { kept }: Pick<Lease, 'kept'>, { gone }: Pick<Target, 'gone'>): Promise<boolean> {
  if (kept.length === 0) return true;
  const signal = AbortSignal.any([gone, AbortSignal.timeout(60_000)]);
  try {
    const container = await another(signal);
    try {
      let code = 0;
      for (const undo of kept.toReversed()) ({ code } = await insist(container, ['run', ...undo], { what: 'clean up', signal }));
      return code === 0;
    } finally {
      await end(container);
    }
  } catch {
    return false;
  }
}
