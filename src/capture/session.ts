/** One capture under way: a process, the debug container that looks at it, and the lease. */
import { createHash } from 'node:crypto';
import type { DebugContainer, Target } from '../cluster.ts';
import { KprofError } from '../errors.ts';
import type { Lease } from '../remote/lease.ts';
import { answerOf, persist, step } from '../remote/remote.ts';
import type { Report } from '../report.ts';
import { scratchOf } from '../runtimes/space.ts';
import type { CaptureRecord } from '../state/captures.ts';
import type { Argv, Place, Process, Step, Tools, Wait } from '../toolkit.ts';
import { printedInLog } from './log.ts';

/** How a person ends a capture: `early` keeps what there is, `abort` gives it up. */
export interface Stops {
  readonly early: AbortSignal;
  readonly abort: AbortSignal;
}

/** What a capture is performed with. */
export interface Session {
  readonly id: string;
  readonly target: Target;
  readonly container: DebugContainer;
  readonly process: Process;
  readonly tools: Tools;
  readonly lease: Lease;
  readonly report: Report;
  readonly stops: Stops;
  /** Aborts when the capture can't go on: given up, target gone, lease lost. */
  readonly signal: AbortSignal;
  /** Keeps how far it is, for who comes after us. */
  readonly journal: (change: Partial<CaptureRecord>) => void;
}

/** What it takes to run something as a process's own user. */
export interface Reaching extends Pick<Session, 'container' | 'tools'> {
  readonly process: Pick<Process, 'pid' | 'started' | 'uid' | 'gid' | 'groups'>;
}

/** Commands of the script, which become the process's user by themselves. */
const ownCommands: readonly string[] = ['inspector', 'profiler', 'quit', 'space', 'ticks'];

/** The argv, run as the process's own user where we are root and it is not. */
export function asTarget({ container, process, tools }: Reaching, argv: Argv): Argv {
  if (container.user.uid !== 0 || process.uid === 0 || ownCommands.includes(argv[0])) return argv;
  if (!tools.has('setpriv') || (argv[0] === 'inroot' && !tools.has('inroot'))) {
    throw new KprofError(
      'unsupported',
      `Process ${process.pid} runs as user ${process.uid} below a container of user 0, and ${container.reference} has no tools to become that user`,
      {
        hint: "use kprof's own image: leave out --image",
      },
    );
  }
  const groups = process.groups.length > 0 ? `--groups=${process.groups.join(',')}` : '--clear-groups';
  // The one right that was agreed to is needed to look at the process, whoever we are.
  const rights = container.rung === 'ptrace' ? ['--inh-caps=-all,+sys_ptrace', '--ambient-caps=-all,+sys_ptrace'] : ['--inh-caps=-all'];
  return ['setpriv', `--reuid=${process.uid}`, `--regid=${process.gid}`, groups, ...rights, ...argv];
}

/** What runs only as long as the number is that very process's; with `still` it has to be its afterwards, too. */
const pinned = ({ process }: Reaching, argv: Argv, word: 'only' | 'still' = 'only'): Argv => [
  word,
  String(process.pid),
  process.started,
  ...argv,
];

/** The argv, run as the process's own user, and only as long as there is that very process. */
export const onlyFor = (session: Reaching, argv: Argv): Argv => pinned(session, asTarget(session, argv));

/** A program of ours that opens files inside the target's root; the start time pins the process. */
export const inTarget = (session: Reaching, verb: string, path: string): Argv =>
  asTarget(session, ['inroot', String(session.process.pid), session.process.started, verb, path]);

/** Where a capture's files go: the target's own /tmp, or, where the image may not write there, the pod's shared memory. */
export const folder = (tools: Tools, id: string): Place => {
  const scratch = scratchOf(tools);
  return { at: scratch === '/tmp' ? 'target' : 'shared-memory', seenByTarget: `${scratch}/kprof-${id}` };
};

/** The same on the debug container's disk: `$room` is the number of a process in it that the target may look at. */
export const room = (id: string): Place & { readonly seenByTool: string } => ({
  at: 'tool',
  seenByTarget: `/proc/$room/root/tmp/kprof-${id}`,
  seenByTool: `/tmp/kprof-${id}`,
});

/** Makes the folder of a place, which the pod removes with the capture. */
export async function makeFolder(session: Session, { at }: Pick<Place, 'at'>): Promise<void> {
  const { seenByTarget, seenByTool: path = seenByTarget } = at === 'tool' ? room(session.id) : folder(session.tools, session.id);
  // In the debug container the target's own user may remove it, and its links lead nowhere else.
  const here = (argv: Argv) => (at === 'tool' ? asTarget(session, argv) : argv);
  const make: Argv = at === 'target' ? inTarget(session, 'mkdir', path) : here(['mkdir', '-m', '700', path]);
  const remove: Argv = at === 'target' ? inTarget(session, 'rm', path) : here(['rm', '-rf', path]);
  const what = `make the folder ${path} for process ${session.process.pid}`;
  await step(session.lease, { name: '00000.litter', undo: remove, run: make }, { what, signal: session.signal });
}

/** Puts a file of the user's where the target can read it. */
export async function upload(session: Session, { seenByTarget: path, at }: Place, content: Uint8Array): Promise<void> {
  const lines =
    Buffer.from(content)
      .toString('base64')
      .match(/.{1,4000}/g) ?? [];
  const run: Argv = at === 'target' ? inTarget(session, 'put', path) : ['dd', `of=${path}`];
  const bounds = { what: `put ${path} into the pod`, signal: session.signal, input: [...lines, '.'] };
  const digest = createHash('sha256').update(content).digest('hex');
  const put = async () => {
    const came = await answerOf(session.container, ['put', ...run], bounds);
    if (came.trim() !== digest) throw new KprofError('failed', `The line lost a part of what was put into ${path}`, { lost: true });
  };
  await persist(session.lease, put, session.signal);
}

/** How steps are performed. */
export interface Performing {
  /** The first Ctrl-C also leaves out the steps that are still to come. */
  readonly breaks: boolean;
  /** Of what a step prints. */
  readonly maxBytes: number;
  /** What steps print is the artifact: who died meanwhile may have said half of it. */
  readonly alive?: true;
  /** Takes what each step printed. */
  readonly onOutput?: (output: string, step: Step) => Promise<void>;
}

/** Performs steps in order. The first Ctrl-C ends a wait early. */
export async function perform(
  session: Session,
  steps: readonly (Step | Wait)[],
  { breaks, maxBytes, alive, onOutput = async () => {} }: Performing,
): Promise<void> {
  for (const [index, each] of steps.entries()) {
    session.signal.throwIfAborted();
    if (breaks && index > 0 && session.stops.early.aborted) break;
    if ('wait' in each) await pass(session, each);
    else await onOutput(await performStep(session, each, index, { maxBytes, alive }), each);
  }
}

/** What is not needed is not waited for at length, either. */
const mostOptional = 8 * 2 ** 20;

async function performStep(
  session: Session,
  each: Step,
  index: number,
  { maxBytes, alive = false }: { readonly maxBytes: number; readonly alive: boolean | undefined },
): Promise<string> {
  session.report.stage(each.says);
  session.report.debug(1, each.run.join(' '));
  const undo = typeof each.undo === 'string' ? undefined : onlyFor(session, each.undo);
  const bounds = {
    what: each.what,
    signal: session.signal,
    deadline: each.patience ?? 120_000,
    maxBytes: each.optional ? Math.min(maxBytes, mostOptional) : maxBytes,
  };
  const own = asTarget(session, each.run);
  const run = pinned(session, each.room === true ? ['room', String(session.process.pid), ...own] : own, alive ? 'still' : 'only');
  const kept = { name: `${String(index + 1).padStart(5, '0')}.undo`, undo, run };
  const performed = async () => {
    const done = step(session.lease, kept, bounds).catch((error: unknown) => {
      throw explained(error, each);
    });
    return each.optional === true ? done.catch((error: unknown) => unanswered(session, error)) : done;
  };
  const stdout = each.inLog === undefined ? await performed() : await printedInLog(session, each.inLog, performed);
  each.check?.(stdout);
  const remark = each.remark?.(stdout);
  if (remark !== undefined) session.report.note(remark);
  return stdout;
}

/** What the tool itself failed at, in the words of who knows the tool. */
export const explained = (error: unknown, { failed }: Pick<Step, 'failed'>): unknown =>
  error instanceof KprofError && error.failure === 'failed' && !error.lost && failed !== undefined ? failed(error) : error;

/** Of what is optional nothing is missing; but whoever was stopped, stays stopped. */
function unanswered({ signal, report }: Session, error: unknown): string {
  if (signal.aborted || !(error instanceof KprofError) || error.failure !== 'failed' || error.lost) throw error;
  report.debug(1, error.message);
  return '';
}

/** Lets time pass, less of it after a first Ctrl-C. */
export async function pass({ stops, signal, report }: Session, { wait, says }: Wait): Promise<void> {
  const { promise: over, resolve, reject } = Promise.withResolvers<void>();
  const began = performance.now();
  const tick = setInterval(
    () => report.progress(says, { done: Math.min(performance.now() - began, wait), total: wait, unit: 'time' }),
    250,
  );
  const timer = setTimeout(resolve, wait);
  const early = () => resolve();
  const aborted = () => reject(signal.reason);
  stops.early.addEventListener('abort', early);
  signal.addEventListener('abort', aborted);
  try {
    if (stops.early.aborted) resolve();
    signal.throwIfAborted();
    report.progress(says, { done: 0, total: wait, unit: 'time' });
    await over;
  } finally {
    clearInterval(tick);
    clearTimeout(timer);
    stops.early.removeEventListener('abort', early);
    signal.removeEventListener('abort', aborted);
  }
}
