/** The story of one capture, from a request to an artifact. */
import { randomBytes } from 'node:crypto';
import { artifactName, type Destination, prepareDestination, publish } from './artifact.ts';
import { enter } from './capture/enter.ts';
import { type Captured, captureFile } from './capture/file.ts';
import { makePlan, type Request } from './capture/request.ts';
import { asTarget, type Session, type Stops } from './capture/session.ts';
import { captureStream } from './capture/stream.ts';
import type { Cluster, DebugContainer, Target } from './cluster.ts';
import type { Flags } from './flags.ts';
import { formats } from './formats/index.ts';
import type { Artifact } from './record.ts';
import { answerOf, hold } from './remote/remote.ts';
import type { Report } from './report.ts';
import { runFetch } from './run-fetch.ts';
import { NoSuchProcess, type View } from './runtimes/processes.ts';
import { type Stopwatch, stopwatch } from './stopwatch.ts';
import { columns } from './terminal.ts';
import type { Facts, ForwardWay, Process, Way } from './toolkit.ts';

/** What the engine needs around it. */
export interface Around {
  readonly cluster: Cluster;
  readonly report: Report;
  readonly stops: Stops;
  /** Told when a capture runs that a first Ctrl-C would keep. */
  readonly capturing: (early: 'keeps' | 'loses' | undefined) => void;
}

/** Captures once: finds the target, goes in, looks, plans, captures, checks and publishes. */
export async function run(request: Request, around: Around): Promise<Artifact> {
  const clock = stopwatch();
  // Before anything is done to the pod: is there a place for what comes?
  // (The name is its own: another kprof may try the same folder at the same moment.)
  await prepareDestination(request.file ?? request.scratch, `kprof-${randomBytes(8).toString('hex')}`, { force: request.force });
  around.report.stage(`looking for ${request.where.name}`);
  const target = await around.cluster.find(request.where, around.stops.early);
  clock('find');
  return among(request, around, target, clock);
}

/** Where no container was named and the one that was chosen has no such process, the others are looked into. */
async function among(request: Request, around: Around, first: Target, clock: Stopwatch): Promise<Artifact> {
  const { cluster, report, stops } = around;
  for (let target = first, left = first.alternatives; ; left = left.slice(1)) {
    try {
      return await captureFrom(request, around, target, clock);
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
    const way = request.toolkit.ways(request.options)[0] as Way<Flags> | ForwardWay<Flags>;
    if (way.via === 'forward') return await runFetch(request, around, target, way, clock);
    const { container, view, process } = await enter(request, way, target, report, before);
    clock('enter');
    way.guard(process, view.tools);
    const format = formats[way.format];
    const where = {
      tool: request.toolkit.name,
      namespace: target.namespace,
      pod: target.pod,
      container: target.container,
      pid: process.pid,
      at: new Date(),
    };
    const destination = await prepareDestination(request.file ?? request.scratch, artifactName(where, format.extension), {
      force: request.force,
    });
    const { captured, facts, early } = await captureIn({ request, around, target, container, view, process, way }, destination, clock);
    const summary = await format.check(destination.partial);
    const path = await publish(destination, { force: request.force });
    report.note(summary.text);
    if (summary.details !== undefined) report.note(summary.details(columns(globalThis.process.stderr)));
    const { at, ...origin } = where;
    return {
      path,
      ...captured,
      format: format.name,
      summary: summary.facts,
      ...origin,
      uid: target.uid,
      runtime: way.runtime(facts),
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

interface Entered {
  readonly request: Request;
  readonly around: Around;
  readonly target: Target;
  readonly container: DebugContainer;
  readonly view: View;
  readonly process: Process;
  readonly way: Way<Flags>;
}

async function captureIn(
  { request, around, target, container, view, process, way }: Entered,
  { partial }: Destination,
  clock: Stopwatch,
): Promise<{ captured: Captured; facts: Facts; early: boolean }> {
  const { report, stops } = around;
  const id = randomBytes(8).toString('hex');
  const before = AbortSignal.any([stops.early, target.gone]);
  const lease = await hold(container, id, request.ttl, before);
  const signal = AbortSignal.any([stops.abort, target.gone, lease.lost]);
  const session: Session = { id, target, container, process, tools: view.tools, hold: lease, report, stops, signal };
  let word: 'done' | 'abort' = 'abort';
  try {
    const facts = await probe(session, way, before);
    const plan = makePlan(request, way, { process, tools: view.tools, facts, id });
    clock('probe');
    around.capturing(plan.result.early);
    const captured = await (plan.kind === 'file' ? captureFile(session, plan, partial) : captureStream(session, plan, partial));
    clock('capture');
    word = 'done';
    return { captured, facts, early: stops.early.aborted };
  } finally {
    around.capturing(undefined);
    if (!(await lease.end(word)) && !target.gone.aborted)
      report.warn(`The pod could not be asked to clean up; ${container.name} does it by itself within 60s`);
  }
}

async function probe({ container, process, tools }: Session, way: Way<Flags>, signal: AbortSignal): Promise<Facts> {
  const facts: Record<string, string> = {};
  for (const [name, argv] of Object.entries(way.probe(process, tools))) {
    const words = ['run', ...asTarget({ container, process, tools }, argv)];
    facts[name] = await answerOf(container, words, { what: `ask the process for its ${name}`, signal });
  }
  return facts;
}
