/** The story of one capture, from a request to an artifact. */
import { randomBytes } from 'node:crypto';
import { artifactName, prepareDestination } from './artifact.ts';
import { sweep } from './capture/clean-in.ts';
import { enter, onceReady } from './capture/enter.ts';
import { type Captured, captureFile } from './capture/file.ts';
import { type Entered, held } from './capture/held.ts';
import { captureInspect } from './capture/inspect.ts';
import { orRetire } from './capture/ladder.ts';
import { makePlan, type Request } from './capture/request.ts';
import { explained, onlyFor, type Session, type Stops } from './capture/session.ts';
import { captureStream } from './capture/stream.ts';
import type { Cluster, Target } from './cluster.ts';
import { confirm } from './confirm.ts';
import { KprofError } from './errors.ts';
import { finish } from './finish.ts';
import type { Flags } from './flags.ts';
import { formats } from './formats/index.ts';
import type { FirstInterrupt } from './interrupts.ts';
import type { Artifact } from './record.ts';
import { answerOf, persist } from './remote/remote.ts';
import type { Report } from './report.ts';
import { runFetch } from './run-fetch.ts';
import { runPod } from './run-pod.ts';
import { slowest } from './runtimes/heap.ts';
import { NoSuchProcess } from './runtimes/processes.ts';
import { type Stopwatch, stopwatch } from './stopwatch.ts';
import type { Ends, Facts, ForwardWay, Plan, PodWay, Process, Secrets, Tools, Way } from './toolkit.ts';

/** What the engine needs around it. */
export interface Around {
  readonly cluster: Cluster;
  readonly report: Report;
  readonly stops: Stops;
  /** Told when a capture runs that a first Ctrl-C would keep. */
  readonly capturing: (early: FirstInterrupt | undefined) => void;
}

/** Captures once: finds the target, goes in, looks, plans, captures, checks and publishes. */
export async function run(request: Request, around: Around): Promise<Artifact> {
  const clock = stopwatch();
  // Before anything is done to the pod: is there a place for what comes?
  // (The name is its own: another kprof may try the same folder at the same moment.)
  if (!request.stdout)
    await prepareDestination(request.file ?? request.scratch, `kprof-${randomBytes(8).toString('hex')}`, { force: request.force });
  around.report.stage(`looking for ${request.where.name}`);
  const target = await around.cluster.find(request.where, around.stops.early);
  clock('find');
  return among(request, around, target, (each) => captureFrom(request, around, each, clock));
}

/** Where no container was named and the one that was chosen has no such process, the others are looked into. */
export async function among<T>(
  request: Request,
  { cluster, report, stops }: Around,
  first: Target,
  work: (target: Target) => Promise<T>,
): Promise<T> {
  for (let target = first, left = first.alternatives; ; left = left.slice(1)) {
    try {
      return await work(target);
    } catch (error) {
      const next = left[0];
      if (!(error instanceof NoSuchProcess) || request.pid !== undefined || next === undefined) throw error;
      report.note(`There is no ${request.toolkit.looksFor} in container ${target.container}. Looking into ${next}.`);
      target = await cluster.find({ name: `pod/${first.pod}`, container: next }, stops.early);
    }
  }
}

async function captureFrom(request: Request, around: Around, target: Target, clock: Stopwatch): Promise<Artifact> {
  const { report, stops } = around;
  try {
    const before = AbortSignal.any([stops.early, target.gone]);
    await sweep(target, { report, signal: before });
    type Debugging = readonly [Way<Flags>, ...Way<Flags>[]];
    const [first, ...others] = request.toolkit.ways(request.options) as [Way<Flags> | ForwardWay<Flags> | PodWay<Flags>, ...Way<Flags>[]];
    if (first.via === 'pod') return await runPod(request, around, target, first, clock);
    if (first.via === 'forward') {
      try {
        return await runFetch(request, around, target, first, clock);
      } catch (error) {
        if (others.length === 0 || !(error instanceof NoSuchProcess)) throw error;
        report.note([error.message, ...(others[0]?.instead === undefined ? [] : [others[0].instead])].join('. '));
      }
    }
    const ways = (first.via === 'forward' ? others : [first, ...others]) as readonly Way<Flags>[] as Debugging;
    const inside = await enter(request, ways[0], target, report, before, first.via === 'forward');
    clock('enter');
    const { container } = inside;
    const { view, process, way } = await orRetire(container, () =>
      onceReady(inside, { request, target, signal: before }, (now) => ({
        ...now,
        way: guarded(ways, now.process, now.view.tools, report),
      })),
    );
    const format = formats[way.format];
    const where = {
      tool: request.toolkit.name,
      namespace: target.namespace,
      pod: target.pod,
      container: target.container,
      pid: process.pid,
      at: new Date(),
    };
    const destination = await orRetire(container, () =>
      prepareDestination(request.file ?? request.scratch, artifactName(where, format.extension), { force: request.force }),
    );
    const entered: Entered = { request, target, container, view, process, way, destination, at: where.at };
    const { outcome, path, summary } = await held(
      entered,
      { report, stops },
      (session) => captureIn(session, entered, around, clock),
      async (outcome) => {
        if (request.scratch === undefined) around.capturing('is here');
        const { secrets, ends } = outcome;
        const finished = await finish(destination, format, { force: request.force, report, secrets, ends });
        around.capturing(undefined);
        return { outcome, ...finished };
      },
    );
    const { facts, early } = outcome;
    const { facts: told, ...captured } = outcome.captured;
    const { at, ...origin } = where;
    return {
      path,
      ...captured,
      format: format.name,
      summary: { ...summary.facts, ...told },
      ...origin,
      uid: target.uid,
      runtime: captured.runtime ?? way.runtime(facts),
      debugContainer: container.name,
      image: container.reference,
      imageId: container.imageId,
      way: 'debug',
      rung: container.rung,
      startedAt: at.toISOString(),
      early,
      timings: clock.timings(),
      warnings: report.warnings,
    };
  } finally {
    target.close();
  }
}

/** The first way that can be gone; the reason against the first one is told, and is the error where none can. */
function guarded([way, ...others]: readonly [Way<Flags>, ...Way<Flags>[]], process: Process, tools: Tools, report: Report): Way<Flags> {
  try {
    way.guard(process, tools);
    return way;
  } catch (error) {
    const other = others.find((each) => passes(each, process, tools));
    if (other === undefined || !(error instanceof KprofError)) throw error;
    report.note(`${error.message}. ${other.instead}`);
    return other;
  }
}

function passes(way: Way<Flags>, process: Process, tools: Tools): boolean {
  try {
    way.guard(process, tools);
    return true;
  } catch (error) {
    if (error instanceof KprofError) return false;
    throw error;
  }
}

interface Outcome {
  readonly captured: Captured & { readonly runtime?: string };
  readonly facts: Facts;
  readonly early: boolean;
  readonly secrets: Secrets | undefined;
  readonly ends: Ends | undefined;
}

async function captureIn(
  session: Session,
  { request, view, process, way, destination }: Entered,
  { capturing, stops }: Around,
  clock: Stopwatch,
): Promise<Outcome> {
  let is: FirstInterrupt | undefined;
  try {
    const facts = await probe(session, way);
    session.journal({ runtime: way.runtime(facts) });
    const { bears } = session.target;
    const plan = makePlan(request, way, { process, tools: view.tools, facts, id: session.id, bears });
    clock('probe');
    capturing(plan.result.early);
    const onFinished = request.scratch === undefined ? () => capturing('leaves') : undefined;
    const captured = await perform(session, plan, destination.partial, { yes: request.yes, onFinished });
    clock('capture');
    if (request.scratch === undefined) is = 'lets go';
    const { secrets, ends } = plan.kind === 'file' ? plan.result : {};
    return { captured, facts, early: stops.early.aborted, secrets, ends };
  } finally {
    capturing(is);
  }
}

async function perform(
  session: Session,
  plan: Plan,
  partial: string,
  { yes, onFinished }: { readonly yes: boolean; readonly onFinished: (() => void) | undefined },
): Promise<Captured & { readonly runtime?: string }> {
  if (plan.kind !== 'inspect' && plan.costs !== undefined) {
    if (yes) session.report.note(plan.costs);
    const signal = AbortSignal.any([session.stops.early, session.signal]);
    await confirm(plan.costs, { ask: true, yes, report: session.report, signal, why: 'it does more than look' });
  }
  if (plan.kind !== 'inspect') for (const note of plan.notes ?? []) session.report.note(note);
  if (plan.kind === 'file') return captureFile(session, plan, partial, onFinished);
  if (plan.kind === 'stream') return captureStream(session, plan, partial);
  return captureInspect(session, plan, partial, yes);
}

async function probe({ lease, target, container, process, tools, stops, signal }: Session, way: Way<Flags>): Promise<Facts> {
  const before = AbortSignal.any([stops.early, signal]);
  const facts: Record<string, string> = {};
  for (const [name, argv] of Object.entries(way.probe(process, tools, target.bears))) {
    // Of the debug container itself, and no program.
    const words = ['run', ...(argv[0] === 'yardstick' ? argv : onlyFor({ container, process, tools }, argv))];
    const what = `ask the process for its ${name}`;
    const answered = persist(lease, () => answerOf(container, words, { what, signal: before }), before).catch((error: unknown) => {
      throw explained(error, way);
    });
    facts[name] = argv[0] === 'yardstick' ? await answered.catch(tooSlow) : await answered;
  }
  return facts;
}

/** A container that is too busy to be measured tells by that how slow it is. */
function tooSlow(error: unknown): string {
  if (!(error instanceof KprofError) || error.failure !== 'timeout') throw error;
  return slowest;
}
