/** The access ladder as it is climbed: what a look from one rung says about the next, and the consent that the last one takes. */

import type { DebugContainer, DebugSpec, Target } from '../cluster.ts';
import { type Asking, askYes } from '../confirm.ts';
import { KprofError } from '../errors.ts';
import { end } from '../remote/remote.ts';
import { describe, type View } from '../runtimes/processes.ts';
import type { Process } from '../toolkit.ts';
import type { Request } from './request.ts';

/** A rung beyond the first one. */
export interface Climbed extends Pick<DebugSpec, 'user' | 'adds'> {
  /** The process that can't be reached without it, and why. */
  readonly for?: Process;
  readonly why?: string;
}

/** The next rung, or undefined where this one will do, or none would help. */
export function climb(
  { processes, uid, gid, capabilities }: View,
  now: Climbed,
  { toolkit, pid }: Pick<Request, 'toolkit' | 'pid'>,
): Climbed | undefined {
  const seen = processes.filter((process) => process.exe !== '' && (pid === undefined || process.pid === pid));
  if (now.adds !== undefined || seen.some(toolkit.matches)) return undefined;
  const hidden = processes.filter((process) => process.exe === '' && (pid === undefined || process.pid === pid));
  const other = hidden.find((process) => process.uid !== uid || process.gid !== gid);
  if (uid !== 0 && other !== undefined && now.user === undefined) return { user: { uid: other.uid, gid: other.gid } };
  const wanted = hidden.find((process) => pid !== undefined || toolkit.likely.test([process.comm, ...process.argv].join(' ')));
  if (wanted === undefined) return undefined;
  const more = (wanted.capabilities & ~capabilities) !== 0n;
  const why = more
    ? 'it has capabilities that a debug container is not given'
    : 'the kernel hides it from its own user: its program can not be read, or it has changed its user';
  return { adds: 'SYS_PTRACE', for: wanted, why };
}

/** Throws unless a container with SYS_PTRACE was agreed to: by the flag, or on the terminal. Not by --yes, which answers other questions. */
export async function agree(
  { for: process, why }: Climbed,
  { allowPtrace, toolkit }: Request,
  { hostPid, container }: Target,
  asking: Asking,
): Promise<void> {
  const what = `Process ${process?.pid} of container ${container} can't be looked into without the capability SYS_PTRACE`;
  const cause = `${why}: ${process === undefined ? '' : describe(process)}`;
  if (hostPid)
    throw new KprofError('unsupported', `${what}, and kprof adds it to no pod that sees the processes of its node (hostPID)`, { cause });
  if (allowPtrace) return;
  const hint = [
    `kprof ${toolkit.name} … --allow-ptrace`,
    'adds a container as root with SYS_PTRACE, which can read and change every process of this container and ends with the capture;',
    'its entry stays in the pod, and where the namespace gets stricter Pod Security later, no further debug container is let in beside it',
  ].join('\n');
  if (!process || !globalThis.process.stdin.isTTY) throw new KprofError('unsupported', what, { cause, hint });
  asking.report.warn(`${what}: ${why}`);
  await askYes(
    `Add a container as root with SYS_PTRACE, which can read and change every process of ${container}, and whose entry stays in the pod`,
    asking,
  );
}

/** A container with an added right ends with the capture that it was agreed to for. */
export async function retire(debugContainer: DebugContainer): Promise<void> {
  if (debugContainer.rung !== 'ptrace' && debugContainer.rung !== 'network') return;
  await end(debugContainer);
}

/** Does what comes before the capture; such a container is of no use when that fails. */
export async function orRetire<T>(debugContainer: DebugContainer, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    await retire(debugContainer);
    throw error;
  }
}
