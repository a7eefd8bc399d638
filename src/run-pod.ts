/** The story of a capture of the pod as a whole: goes in, asks, captures as it comes, checks and publishes. */
import { artifactName, type Destination, prepareDestination } from './artifact.ts';
import { enterPod } from './capture/enter-pod.ts';
import type { Captured } from './capture/file.ts';
import { captureFlow, checkFlow, type Flowed, keeping, lossNotes } from './capture/flow.ts';
import { held } from './capture/held.ts';
import type { Request } from './capture/request.ts';
import type { Session } from './capture/session.ts';
import { wishOf } from './capture/show.ts';
import { createStdout } from './capture/stdout.ts';
import type { Tape } from './capture/tape.ts';
import { sealed, taped } from './capture/taped.ts';
import type { Target } from './cluster.ts';
import { finish } from './finish.ts';
import type { Flags } from './flags.ts';
import type { Format, Intake, Summary } from './formats/format.ts';
import { formats } from './formats/index.ts';
import type { Artifact } from './record.ts';
import { answerOf, persist } from './remote/remote.ts';
import type { Around } from './run.ts';
import type { Stopwatch } from './stopwatch.ts';
import { columns } from './terminal.ts';
import type { Facts, FlowPlan, PodWay, Process } from './toolkit.ts';
import { type Found, findLive } from './viewers/live.ts';

/** Stands where a process would: the debug container's own user. */
const nobody: Process = {
  pid: 0,
  ppid: 0,
  started: '0',
  uid: 0,
  gid: 0,
  groups: [],
  comm: '',
  argv: [],
  exe: '',
  handles: 0n,
  capabilities: 0n,
  tracer: 0,
  maps: [],
  tells: {},
};

/** Captures from the target, which stays open. */
export async function runPod(request: Request, around: Around, target: Target, way: PodWay<Flags>, clock: Stopwatch): Promise<Artifact> {
  const { report, stops } = around;
  // What was asked for and isn't here is said before anything is done.
  const viewer = await findLive(wishOf(request), { env: process.env, platform: process.platform, isTTY: process.stderr.isTTY === true });
  const before = AbortSignal.any([stops.early, target.gone]);
  const entered = await enterPod(request, way, target, report, before);
  clock('enter');
  const at = new Date();
  const format = formats[way.format];
  const origin = { tool: request.toolkit.name, namespace: target.namespace, pod: target.pod, container: target.container, pid: undefined };
  const name = artifactName({ ...origin, container: '', at }, format.extension);
  const destination = request.stdout
    ? undefined
    : await prepareDestination(request.file, name, { force: request.force, isNumbered: isRotated(request) });
  const holding = {
    ...entered,
    request,
    target,
    process: nobody,
    way: { ...way, needsLine: true as const },
    destination: destination ?? nowhere,
    at,
  };
  let watched: Tape | undefined;
  const onTape = (tape: Tape) => {
    watched = tape;
  };
  const work = (session: Session) => captureInto(session, { request, around, way, format, destination, viewer, clock, onTape });
  // Whoever watches may take their time: the pod is let go before, and giving up ends it.
  const outcome = await held(holding, { report, stops }, work, async (whole) => whole).finally(() => watched?.finish?.(stops.abort));
  const { path, summary, ...more } = await published(outcome, destination, format, { request, around });
  return {
    path,
    ...more,
    ...outcome.captured,
    format: format.name,
    summary: summary.facts,
    ...origin,
    uid: target.uid,
    runtime: undefined,
    debugContainer: entered.container.name,
    image: entered.container.reference,
    imageId: entered.container.imageId,
    way: 'debug',
    rung: entered.container.rung,
    live: viewer?.viewer.name,
    startedAt: at.toISOString(),
    // Without a duration Ctrl-C is the usual end.
    early: outcome.flowed.end === 'early' && outcome.plan.for !== undefined,
    timings: clock.timings(),
    warnings: report.warnings,
  };
}

const isRotated = ({ options }: Request): boolean => options['rotate'] !== undefined;

/** Of what goes to stdout there is no file. */
const nowhere: Destination = { final: '-', partial: '-' };

interface Doing {
  readonly request: Request;
  readonly around: Around;
  readonly way: PodWay<Flags>;
  readonly format: Format;
  readonly destination: Destination | undefined;
  readonly viewer: Found | undefined;
  readonly clock: Stopwatch;
  readonly onTape: (tape: Tape) => void;
}

interface Outcome {
  readonly captured: Captured;
  /** Where there are several. */
  readonly files: readonly string[] | undefined;
  readonly flowed: Flowed;
  readonly intake: Intake;
  readonly plan: FlowPlan;
}

async function captureInto(
  session: Session,
  { request, around, way, format, destination, viewer, clock, onTape }: Doing,
): Promise<Outcome> {
  const { namespace, pod, container, hostNetwork, linePorts } = session.target;
  const facts = await probe(session, way);
  const plan = way.plan({ options: request.options, facts, linePorts: hostNetwork ? linePorts : undefined });
  if (plan.without !== undefined) session.report.note(plan.without);
  const provenance = { namespace, pod, container, command: plan.run.join(' '), link: plan.link, filter: plan.filter };
  const intake = format.intake?.(provenance);
  if (intake === undefined) throw new Error(`${format.name} can't be written as it comes`);
  await checkFlow(session, plan);
  clock('probe');
  around.capturing(plan.result.early);
  const outlet =
    destination === undefined ? createStdout() : await taped(destination, { session, plan, intake, viewer, force: request.force });
  onTape(outlet);
  try {
    const flowed = await captureFlow(session, plan, intake, outlet);
    clock('capture');
    await outlet.write(intake.tail(flowed.tallied), true);
    for (const note of lossNotes(plan, flowed)) session.report.warn(note);
    const closed = await outlet.close(true);
    const files = outlet.paths;
    const captured =
      files === undefined && destination !== undefined ? await sealed(destination.partial, closed, session, plan, intake) : closed;
    return { captured, files, flowed, intake, plan };
  } catch (error) {
    await outlet.close(false).catch(() => {}); // the error that ended it is told
    throw destination === undefined ? error : keeping(error, intake, outlet.paths ?? [destination.partial], outlet.bytes);
  } finally {
    around.capturing(undefined);
  }
}

async function probe({ lease, container, stops, signal }: Session, { probe: questions }: PodWay<Flags>): Promise<Facts> {
  const before = AbortSignal.any([stops.early, signal]);
  const facts: Record<string, string> = {};
  for (const [name, argv] of Object.entries(questions)) {
    const bounds = { what: `ask for the pod's ${name}`, signal: before };
    facts[name] = await persist(lease, () => answerOf(container, ['run', ...argv], bounds), before);
  }
  return facts;
}

async function published(
  { intake, files }: Outcome,
  destination: Destination | undefined,
  format: Format,
  { request, around: { report } }: { request: Request; around: Around },
): Promise<{ path: string; files?: readonly string[]; summary: Summary }> {
  if (destination !== undefined && files === undefined) return finish(destination, format, { force: request.force, report });
  const summary = intake.summary();
  report.note(summary.text);
  if (summary.details !== undefined) report.note(summary.details(columns(process.stderr)));
  return files === undefined ? { path: '-', summary } : { path: files.at(-1) ?? '-', files, summary };
}
