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
import { type Another, fateOf, sharedMemoryOf, undoFrom } from './died.ts';
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

/**
 * Takes the lease, does `work`, lets go, and does `last` with what came, here: with a clean pod, or, where the artifact is finished and only the
 * way here failed, with what `kprof resume` needs. Until `last` is done, or has found that what came is nothing, it is on record.
 */
export async function held<T, R>(
  entered: Holding,
  attended: Attended,
  work: (session: Session) => Promise<T>,
  last: (result: T) => Promise<R>,
): Promise<R> {
  const id = randomBytes(8).toString('hex');
  const journal = createJournal(await recordOf(entered, id), entered.request.scratch === undefined);
  const { result, isClean } = await holding(entered, { id, ...attended }, journal, work);
  const finishing = async (): Promise<R> => {
    const { abort } = attended.stops;
    // Of a text nothing stays that somebody could go on with.
    if (abort.aborted) throw entered.request.scratch === undefined ? unchecked(abort.reason, id) : abort.reason;
    return last(result);
  };
  return recorded(finishing, isClean ? journal : noJournal);
}

const unchecked = (reason: unknown, id: string): unknown =>
  reason instanceof KprofError
    ? new KprofError(reason.failure, `${reason.message}: it is all here, and not checked`, { hint: `kprof resume ${id} does that` })
    : reason;

/** Forgets the record once the work is done; what fails for want of room or a name can be tried again. */
export async function recorded<R>(work: () => Promise<R>, { forget }: Pick<Journal, 'forget'>): Promise<R> {
  const done = await work().catch(async (error: unknown) => {
    if (error instanceof KprofError && error.failure === 'incomplete') await forget();
    throw error;
  });
  await forget();
  return done;
}

/** Seconds: a heart that beats each 5 s is not to look idle. */
const leastTtl = 15;

/** Of what leaves nothing behind that somebody could go on with. */
export const noJournal: Journal = { change: () => {}, now: async () => ({ stage: 'capturing' }), forget: async () => {} };

/** The same with a journal of the caller's, who has it forgotten where the pod is clean. */
export async function holding<T>(
  { request, target, container, view, process, way }: Held,
  { id, report, stops }: Attended & { readonly id: string },
  journal: Journal,
  work: (session: Session) => Promise<T>,
): Promise<{ readonly result: T; readonly isClean: boolean }> {
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
    const isClean = await letGo(lease, 'done', { target, report, another });
    await retire(container);
    return { result, isClean };
  } catch (error) {
    const { stage } = await journal.now();
    const isKept = stage === 'pulling' && request.scratch === undefined && !stops.abort.aborted && !target.gone.aborted;
    if (isKept && isWorthResuming(error)) {
      lease.leave();
      throw resumable(error, id);
    }
    if (await letGo(lease, 'abort', { target, report, another })) await journal.forget();
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

/** Cleans up in the pod; false where it can't be done now, and the record is needed for that. */
export async function letGo(lease: Lease, word: 'done' | 'abort', { target, report, another }: Ending): Promise<boolean> {
  if (target.gone.aborted) {
    lease.leave();
    // The pod's shared memory outlives its containers.
    const [left] = lease.kept.flatMap(sharedMemoryOf);
    if (left === undefined || !isRestart(target.gone.reason)) return true;
    report.warn(`The folder ${left} is left in the pod's shared memory until the pod ends. To remove it: kprof gc`);
    return false;
  }
  if (await lease.end(word)) return true;
  const fate = await fateOf(lease.container, target);
  if (fate === 'ended') return true;
  if (fate === 'killed') {
    if (another !== undefined && (await undoFrom(another, lease, target))) return true;
    report.warn(
      `${lease.container.name} died and could not clean up: the folder /tmp/kprof-${lease.id} may be left in the pod. To remove it: kprof gc`,
    );
    return false;
  }
  report.warn(
    `The pod could not be asked to clean up: ${lease.container.name} ends what still runs by itself within 60s, and removes its files when it was idle for ${duration(lease.ttl * 1000)}. To do it now: kprof gc`,
  );
  return false;
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
