/** Going in: a debug container beside the target, and the process that is meant. */
import type { DebugContainer, DebugSpec, Target } from '../cluster.ts';
import { KprofError, NotYet } from '../errors.ts';
import type { Flags } from '../flags.ts';
import { answerOf, insist } from '../remote/remote.ts';
import type { Report } from '../report.ts';
import { wait } from '../retry.ts';
import { chooseProcess, parseView, type View } from '../runtimes/processes.ts';
import type { Process, Way } from '../toolkit.ts';
import { agree, type Climbed, climb, orRetire } from './ladder.ts';
import { debugSpec, type Request } from './request.ts';

/** A debug container from which the process can be reached, and the process that is meant. */
interface Inside {
  readonly container: DebugContainer;
  readonly view: View;
  readonly process: Process;
}

/** Goes in; `again` where a debug container has been there a moment before. */
export async function enter(
  request: Request,
  way: Pick<Way<Flags>, 'image' | 'access'>,
  target: Target,
  report: Report,
  signal: AbortSignal,
  again = false,
): Promise<Inside> {
  const { container, view } = await reach(request, way, target, report, signal, again);
  return { container, view, process: await orRetire(container, async () => choose(view, request, target)) };
}

/** The process that is meant, among those that were seen. */
const choose = (view: View, { pid, toolkit: { looksFor, matches } }: Request, { container }: Target): Process =>
  chooseProcess(view, { pid, container, looksFor, matches });

/** Milliseconds: who begins is ready by then. */
const readyWithin = 5_000;

/** What `work` makes of the process; where that says that it is too early, what it makes of another look. */
export async function onceReady<T>(
  entered: Inside,
  { request, target, signal }: { readonly request: Request; readonly target: Target; readonly signal: AbortSignal },
  work: (entered: Inside) => T,
): Promise<T> {
  const { container } = entered;
  for (let now = entered, end = performance.now() + readyWithin; ; await wait(500, signal)) {
    try {
      return work(now);
    } catch (error) {
      if (!(error instanceof NotYet) || performance.now() > end) throw error;
    }
    const view = await look(container, target, request.pid, signal);
    now = { container, view, process: choose(view, request, target) };
  }
}

/** A debug container from which the processes can be reached: where one turns out to need another user, or by consent SYS_PTRACE, a further one. */
export async function reach(
  request: Request,
  way: Pick<Way<Flags>, 'image' | 'access'>,
  target: Target,
  report: Report,
  signal: AbortSignal,
  again = false,
): Promise<{ container: DebugContainer; view: View }> {
  let rung: Climbed = {};
  if (again) report.stage('looking at the processes');
  for (;;) {
    const said = again && Object.keys(rung).length === 0;
    const { container, view } = await injected(target, debugSpec(request, way, rung), request.pid, report, signal, said);
    const next = climb(view, rung, request);
    if (next === undefined) return { container, view };
    if (next.adds !== undefined) await agree(next, request, target, { report, signal });
    rung = next;
  }
}

/** One that is used again may end at just that moment, and the cluster tells it late: then it is a new one. */
async function injected(
  target: Target,
  spec: DebugSpec,
  pid: number | undefined,
  report: Report,
  signal: AbortSignal,
  said = false,
): Promise<{ container: DebugContainer; view: View }> {
  if (!said) report.stage('starting the debug container');
  const container = await target.inject(spec, signal);
  if (!said || !container.reused) report.stage(`${container.reused ? 'using' : 'started'} ${container.name}, ${container.why}`);
  try {
    return { container, view: await look(container, target, pid, signal) };
  } catch (error) {
    if (!container.reused || signal.aborted || error instanceof NothingToSee) throw error;
    report.debug(1, `${container.name} is of no use any more: ${error}`);
    return injected(target, { ...spec, fresh: true }, pid, report, signal);
  }
}

class NothingToSee extends KprofError {}

/** A hundred processes, each with a command line that is as long as it may be. */
const mostBytes = 16 * 2 ** 20;

async function look(container: DebugContainer, target: Target, pid: number | undefined, signal: AbortSignal): Promise<View> {
  const words = ['look', target.containerId, ...(pid === undefined ? [] : [String(pid)])];
  const bounds = { what: 'look at the processes', deadline: 60_000, maxBytes: mostBytes, signal };
  const view = parseView(await answerOf(container, words, bounds, insist));
  if (view.processes.length > 0) return view;
  throw new NothingToSee('unsupported', `No process of container ${target.container} can be seen from ${container.name}`, {
    cause: "the container runtime did not share the target's processes (targetContainerName)",
    hint: 'set shareProcessNamespace: true in the pod spec',
  });
}
