/** A capture between taking its lease and letting go of it: what is kept of it here, and how it ends. */
import { randomBytes } from 'node:crypto';
import type { Destination } from '../artifact.ts';
import type { DebugContainer, DebugSpec, Target } from '../cluster.ts';
import { isLineLost, KprofError } from '../errors.ts';
import type { Flags } from '../flags.ts';
import { hold, type Lease } from '../remote/lease.ts';
import { duration, type Report } from '../report.ts';
import type { View } from '../runtimes/processes.ts';
import { type CaptureRecord, forgetCapture, keepCapture, thisClient } from '../state/captures.ts';
import type { Argv, Process, Way } from '../toolkit.ts';
import { type Another, hasDied, sharedMemoryOf, undoFrom } from './died.ts';
import { retire } from './ladder.ts';
import { debugSpec, type Request } from './request.ts';
import type { Session, Stops } from './session.ts';

/** What is held. */
export interface Held {
  readonly request: Request;
  readonly target: Target;
  readonly container: DebugContainer;
  readonly view: View;
  readonly process: Process;
  readonly way: Pick<Way<Flags>, 'image' | 'access' | 'needsLine'>;
}

/** What is captured from, and where to. */
export interface Holding extends Held {
  readonly way: Pick<Way<Flags>, 'image' | 'access' | 'format' | 'needsLine'>;
  readonly destination: Destination;
  readonly at: Date;
}

/** The same of one process. */
export interface Entered extends Holding {
  readonly way: Way<Flags>;
}

/** Who is told, and who stops it. */
export interface Attended {
  readonly report: Report;
  readonly stops: Stops;
}

/** Says what becomes of the line; the capture goes on without it. */
export const lineNotes =
  (report: Report, goesOn = true) =>
  (up: boolean): void => {
    const lost = goesOn ? 'lost. The capture goes on in the pod; trying' : 'lost; trying';
    report.note(`The line to the pod is ${up ? 'back' : `${lost} to reach it again`}`);
  };

/** Takes the lease, does `work`, and lets go: with a clean pod, or, where the artifact is finished and only the way here failed, with what `kprof resume` needs. */
export async function held<T>(entered: Holding, attended: Attended, work: (session: Session) => Promise<T>): Promise<T> {
  const id = randomBytes(8).toString('hex');
  return holding(entered, { id, ...attended }, createJournal(await recordOf(entered, id), entered.request.scratch === undefined), work);
}

/** Seconds: a heart that beats each 5 s is not to look idle. */
const leastTtl = 15;

/** Of what leaves nothing behind that somebody could go on with. */
export const noJournal: Journal = { change: () => {}, now: async () => ({ stage: 'capturing' }), forget: async () => {} };

/** The same with a journal of the caller's. */
export async function holding<T>(
  { request, target, container, view, process, way }: Held,
  { id, report, stops }: Attended & { readonly id: string },
  journal: Journal,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const before = AbortSignal.any([stops.early, target.gone]);
  const { command: _, ...from } = debugSpec(request, way, likeBefore(container));
  const onKept = (words: readonly Argv[]) => journal.change({ undo: { from, words } });
  const onLine = lineNotes(report, way.needsLine !== true);
  const lease = await hold(container, id, {
    ttl: Math.max(request.ttl, leastTtl),
    signal: before,
    gone: target.gone,
    onKept,
    onLine,
  }).catch(async (error: unknown) => {
    await journal.forget();
    throw error;
  });
  const signal = AbortSignal.any([stops.abort, target.gone, lease.lost]);
  const another = (until: AbortSignal) => target.inject({ ...debugSpec(request, way, likeBefore(container)), fresh: true }, until);
  try {
    const result = await work({ id, target, container, process, tools: view.tools, lease, report, stops, signal, journal: journal.change });
    journal.change({ stage: 'done' });
    await letGo(lease, 'done', journal, { target, report, another });
    await retire(container);
    return result;
  } catch (error) {
    const { stage } = await journal.now();
    const isKept = stage === 'pulling' && request.scratch === undefined && !stops.abort.aborted && !target.gone.aborted;
    if (isKept && isWorthResuming(error)) {
      lease.leave();
      throw resumable(error, id);
    }
    await letGo(lease, 'abort', journal, { target, report, another });
    await retire(container);
    throw becauseGone(error, target);
  }
}

/** What fails in a pod whose app ends may fail before the cluster has told that; by now it may have. */
const becauseGone = (error: unknown, { gone }: Pick<Target, 'gone'>): unknown =>
  gone.aborted && error instanceof KprofError && error.failure === 'failed' ? gone.reason : error;

/** What was agreed to holds for the container that takes its place. */
const likeBefore = ({ user, rung }: DebugContainer): Pick<DebugSpec, 'user' | 'adds'> =>
  rung === 'ptrace' ? { adds: 'SYS_PTRACE' } : rung === 'network' ? { adds: 'NET_RAW' } : { user };

interface Ending {
  readonly target: Target;
  readonly report: Report;
  readonly another?: Another;
}

/** Cleans up in the pod; the record outlives what could not be cleaned up. */
export async function letGo(
  lease: Lease,
  word: 'done' | 'abort',
  journal: Pick<Journal, 'forget'>,
  { target, report, another }: Ending,
): Promise<void> {
  if (target.gone.aborted) {
    lease.leave();
    // The pod's shared memory outlives its containers.
    const [left] = lease.kept.flatMap(sharedMemoryOf);
    if (left === undefined || !isRestart(target.gone.reason)) return journal.forget();
    return report.warn(`The folder ${left} is left in the pod's shared memory until the pod ends. To remove it: kprof gc`);
  }
  if (await lease.end(word)) return journal.forget();
  if (await hasDied(lease.container, target)) {
    if (another !== undefined && (await undoFrom(another, lease, target))) return journal.forget();
    return report.warn(
      `${lease.container.name} died and could not clean up: the folder /tmp/kprof-${lease.id} may be left in the pod. To remove it: kprof gc`,
    );
  }
  report.warn(
    `The pod could not be asked to clean up: ${lease.container.name} ends what still runs by itself within 60s, and removes its files when it was idle for ${duration(lease.ttl * 1000)}. To do it now: kprof gc`,
  );
}

const isRestart = (reason: unknown): boolean => reason instanceof KprofError && / (was restarted|has ended)$/.test(reason.message);

/** Whether somebody who comes later may have more luck: it was the line, the login, the disk here, or Ctrl-C; a file that is none will not become one. */
export const isWorthResuming = (error: unknown): boolean =>
  isLineLost(error) || (error instanceof KprofError && ['disk', 'forbidden', 'timeout', 'interrupted'].includes(error.failure));

const resumable = (error: unknown, id: string): unknown =>
  error instanceof KprofError
    ? new KprofError(error.failure, error.message, {
        hint: `kprof resume ${id} fetches the rest; the pod keeps it for now`,
        cause: error.cause,
      })
    : error;

/** The record of a capture, on the disk as fast as it goes and in order. */
export interface Journal {
  change(change: Partial<CaptureRecord>): void;
  now(): Promise<Pick<CaptureRecord, 'stage'>>;
  forget(): Promise<void>;
}

/** Keeps the record from now on; one of a text that nobody keeps is not worth it. */
export function createJournal(first: CaptureRecord, kept: boolean): Journal {
  let record = first;
  let written: Promise<unknown> = Promise.resolve();
  const write = (): void => {
    const snapshot = record;
    if (kept) written = written.then(() => keepCapture(process.env, snapshot));
  };
  write();
  return {
    change(change) {
      record = { ...record, ...change };
      write();
    },
    async now() {
      await written;
      return record;
    },
    async forget() {
      await written;
      await forgetCapture(process.env, record.id);
    },
  };
}

/** What going on with it later depends on. */
const pullTools = ['inroot', 'setpriv', 'zstd'];

async function recordOf({ request, target, container, view, process, way, destination, at }: Holding, id: string): Promise<CaptureRecord> {
  const { pid, started, uid, gid, groups } = process;
  const { name, user, rung, why } = container;
  return {
    version: 1,
    id,
    stage: 'capturing',
    tool: request.toolkit.name,
    format: way.format,
    startedAt: at.toISOString(),
    connection: request.connection,
    namespace: target.namespace,
    pod: target.pod,
    uid: target.uid,
    container: target.container,
    containerId: target.containerId,
    process: { pid, started, uid, gid, groups },
    runtime: undefined,
    debugContainer: { name, user, rung, why },
    tools: pullTools.filter((program) => view.tools.has(program)),
    early: false,
    remote: undefined,
    final: destination.final,
    partial: destination.partial,
    ours: destination.ours ?? false,
    ttl: request.ttl,
    client: await thisClient(),
  };
}
