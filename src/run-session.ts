/** The story of a session: goes in, asks, attaches, serves clients here, and leaves the process as it was. */
import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { checkProgram, runClient } from './capture/client.ts';
import { type Doorstep, openDoorstep } from './capture/doorstep.ts';
import { enter } from './capture/enter.ts';
import { holding, noJournal } from './capture/held.ts';
import { orRetire } from './capture/ladder.ts';
import { relayed } from './capture/relay.ts';
import type { Request } from './capture/request.ts';
import { asTarget, explained, type Session } from './capture/session.ts';
import type { Probe, Target } from './cluster.ts';
import { confirm } from './confirm.ts';
import { KprofError } from './errors.ts';
import type { Flags } from './flags.ts';
import { readLaunch, writeLaunch } from './launch-json.ts';
import { printSession } from './print.ts';
import { answerOf, persist, step } from './remote/remote.ts';
import { duration, plural } from './report.ts';
import { type Around, among } from './run.ts';
import type { Doorway, Process, Served, SessionPlan, SessionWay, Tools } from './toolkit.ts';

/** Longer than any debug container lives. */
const wholeSession = 25 * 3_600_000;

/** Runs it to its end; resolves when the process runs on without a debugger. */
export async function runSession(request: Request, way: SessionWay<Flags>, around: Around, output: 'json' | undefined): Promise<void> {
  const { report, stops, cluster } = around;
  const doorway = way.doorway(request.options);
  // What does not work here is said before anything is done there.
  if (doorway.client !== undefined) checkProgram(doorway);
  if (doorway.launch) await readLaunch(doorway.port);
  const doorstep = await openDoorstep(doorway.port);
  try {
    report.stage(`looking for ${request.where.name}`);
    const first = await cluster.find(request.where, stops.early);
    await among(request, around, first, async (target) => {
      try {
        await debug({ request, way, around, doorway, doorstep, output }, target);
      } finally {
        target.close();
      }
    });
  } finally {
    await doorstep.close();
  }
}

interface Story {
  readonly request: Request;
  readonly way: SessionWay<Flags>;
  readonly around: Around;
  readonly doorway: Doorway;
  readonly doorstep: Doorstep;
  readonly output: 'json' | undefined;
}

async function debug(story: Story, target: Target): Promise<void> {
  const { request, way, around } = story;
  const { report, stops } = around;
  const { container, view, process } = await enter(request, way, target, report, AbortSignal.any([stops.early, target.gone]));
  await orRetire(container, () => consent(story, target, process, view.tools));
  const id = randomBytes(8).toString('hex');
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const key = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('hex');
  const plan = way.plan({ process, id, pod: target.pod, key, first: request.ttl });
  const { result: word } = await holding({ request, target, container, view, process, way }, { id, report, stops }, noJournal, (session) =>
    serve(story, session, plan, privateKey),
  ).catch((error: unknown) => orGone(error, target));
  report.note(plan.ended(word));
}

/** Says what it would mean, and goes on only with a yes. */
async function consent({ request, way, around: { report, stops } }: Story, target: Target, process: Process, tools: Tools): Promise<void> {
  for (const limit of way.guard(process, tools)) report.warn(limit);
  const why = haltInWords(target.probes);
  const what = `${request.toolkit.name} on process ${process.pid} of ${target.namespace}/${target.pod}`;
  const signal = AbortSignal.any([stops.early, target.gone]);
  await confirm(what, { ask: true, yes: request.yes, report, signal, why });
  if (request.yes) report.note(why);
}

/** What ends with its target is told by what became of that, which the cluster tells a moment later. */
async function orGone(error: unknown, { gone }: Target): Promise<never> {
  if (error instanceof KprofError && error.failure === 'failed') await Promise.race([aborted(gone), sleep(3000)]);
  throw gone.aborted ? gone.reason : error;
}

/** What standing still means to the pod, in words. */
export function haltInWords(probes: readonly Probe[]): string {
  const shortest = ({ period, timeout, failures }: Probe) => duration(((failures - 1) * period + timeout) * 1000);
  const told = probes.map((probe) => {
    const asked = `its ${probe.kind} probe, each ${probe.period}s, fails ${plural(probe.failures, 'time')}`;
    const then = probe.kind === 'liveness' ? 'restarts it' : 'takes its traffic away';
    return `a halt of more than ${shortest(probe)} ${then} (${asked})`;
  });
  const alone = probes.some(({ kind }) => kind === 'liveness') ? [] : ['it has no liveness probe that would restart it'];
  return `while it is halted, at a breakpoint and when a client connects, it answers nobody; ${[...told, ...alone].join('; ')}`;
}

/** Has it served until its end, and gives the word for that. */
async function serve(story: Story, session: Session, plan: SessionPlan, key: KeyObject): Promise<string> {
  const { doorstep, doorway, around, output } = story;
  const { report, container, lease, stops, target, process } = session;
  const over = new AbortController();
  const signal = AbortSignal.any([session.signal, over.signal]);
  const began = attach(session, plan, signal);
  const gone = began.then((word) => {
    plan.ended(word); // one that is no good is told first
    throw new KprofError('failed', 'The debugger ended before it was used');
  });
  try {
    const ask = () =>
      answerOf(container, ['run', ...asTarget(session, plan.ready)], { what: 'say that it is ready', deadline: 90_000, signal });
    const ready = persist(lease, ask, AbortSignal.any([signal, stops.early]));
    const answer = await Promise.race([gone, ready]);
    const served = plan.served(answer, doorstep.address, doorway.launch);
    await tell(story, served);
    const relaying = { container, relay: asTarget(session, plan.relay), key, signal };
    doorstep.serve((socket) => void relayed(socket, relaying).catch((error) => report.debug(1, `a client: ${error}`)));
    around.capturing('ends');
    if (output === 'json') printSession({ address: doorstep.address.text, namespace: target.namespace, pod: target.pod, pid: process.pid });
    else printSession(doorstep.address.text);
    const left =
      doorway.client === undefined
        ? new Promise<never>(() => {})
        : runClient(doorway.client(doorstep.address, globalThis.process.stdin.isTTY), around);
    await Promise.race([began, left, aborted(stops.early)]);
    // Whichever it was: the client has left, Ctrl-C, or it is over.
    const end = () =>
      answerOf(container, ['run', ...asTarget(session, plan.serve.undo)], { what: 'end the debugger', signal: session.signal });
    await Promise.race([began, persist(lease, end, session.signal)]);
    return await began;
  } finally {
    around.capturing(undefined);
    over.abort(new KprofError('interrupted', 'The session is over'));
  }
}

/** The server's whole life, as a step of the capture. */
async function attach(session: Session, { serve: { run, undo, says, what, failed } }: SessionPlan, signal: AbortSignal): Promise<string> {
  session.report.stage(says);
  session.report.debug(1, run.join(' '));
  const kept = { name: '00001.undo', undo: asTarget(session, undo), run: asTarget(session, run) };
  const running = step(session.lease, kept, { what, deadline: wholeSession, signal }).catch((error: unknown) => {
    throw explained(error, { failed });
  });
  running.catch(() => {}); // who awaits it hears of it
  return running;
}

async function tell({ around: { report }, doorway }: Story, { notes, warnings, next, launch }: Served): Promise<void> {
  for (const note of notes) report.note(note);
  for (const warning of warnings) report.warn(warning);
  if (doorway.launch && launch !== undefined)
    report.note(`The configuration "${launch.name}" is written into ${await writeLaunch(launch)}`);
  if (doorway.client === undefined) report.note(['Connect with one of', ...next, 'Ctrl-C here ends the session.'].join('\n'));
  if (!doorway.launch && launch !== undefined) report.debug(1, JSON.stringify(launch, null, 2));
}

const aborted = (signal: AbortSignal): Promise<void> =>
  signal.aborted ? Promise.resolve() : new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
