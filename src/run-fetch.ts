/** The story of a capture over a forwarded port: finds the endpoint, asks, checks and publishes. */
import { artifactName, prepareDestination } from './artifact.ts';
import { addressOf, type Found, findDeclared, notFound, search, seen, theOne } from './capture/endpoint.ts';
import { reach } from './capture/enter.ts';
import { fetchInto } from './capture/fetch.ts';
import { listeners } from './capture/listeners.ts';
import type { Request } from './capture/request.ts';
import type { DebugContainer, Target } from './cluster.ts';
import { KprofError } from './errors.ts';
import { finish } from './finish.ts';
import type { Flags } from './flags.ts';
import { formats } from './formats/index.ts';
import type { Artifact } from './record.ts';
import type { Around } from './run.ts';
import { describe } from './runtimes/processes.ts';
import type { Stopwatch } from './stopwatch.ts';
import type { Endpoint, ForwardWay } from './toolkit.ts';

interface Located {
  readonly found: Found;
  /** Where it had to be looked for inside the pod. */
  readonly container?: DebugContainer;
  readonly pid?: number | undefined;
}

/** Captures from the target, which stays open. */
export async function runFetch(
  request: Request,
  around: Around,
  target: Target,
  way: ForwardWay<Flags>,
  clock: Stopwatch,
): Promise<Artifact> {
  const { report, stops } = around;
  const plan = way.plan({ options: request.options, container: target.container, ports: target.ports });
  const signal = AbortSignal.any([stops.early, stops.abort, target.gone]);
  const { found, container: debugging, pid } = await locate(request, around, target, way, plan.endpoint, signal);
  report.note(
    `Asking ${addressOf(found)} of pod ${target.pod}${found.server.scheme === 'https' ? ', whose certificate is not checked' : ''}`,
  );
  if (target.hostNetwork && pid === undefined)
    report.warn(`Pod ${target.pod} is in the network of its node: port ${found.server.port} may be that of another program there`);
  clock('find-port');
  const format = formats[way.format];
  const asks = plan.ask(found.index);
  const container = pid === undefined ? containerOf(request, target, found.server.port) : target.container;
  if (container === '')
    report.note(`Port ${found.server.port} is that of the whole pod: no container declares it, so which one listens is not known`);
  const where = {
    tool: request.toolkit.name,
    namespace: target.namespace,
    pod: target.pod,
    container,
    pid,
    at: new Date(),
  };
  // What was taken is told by the name, too: a folder of profiles is of no use without.
  const name = artifactName({ ...where, tool: [where.tool, ...kindOf(request)].join('-') }, format.extension);
  const destination = await prepareDestination(request.file ?? request.scratch, name, { force: request.force });
  around.capturing(plan.result.early);
  const captured = await fetchInto({ target, found, report, signal }, asks, destination.partial, way.format === 'bundle')
    .catch((error: unknown) => {
      throw stops.early.aborted && asks.some(({ takes }) => takes > 0) ? lost(error) : error;
    })
    .finally(() => around.capturing(undefined));
  clock('capture');
  const { path, summary } = await finish(destination, format, { force: request.force, report });
  const remark = plan.result.remark?.(summary.facts);
  if (remark !== undefined) report.warn(remark);
  const { at, ...origin } = where;
  return {
    path,
    ...captured,
    format: format.name,
    summary: summary.facts,
    ...origin,
    uid: target.uid,
    runtime: undefined,
    port: found.server.port,
    debugContainer: debugging?.name,
    image: debugging?.reference,
    imageId: debugging?.imageId,
    way: 'forward',
    rung: debugging?.rung,
    startedAt: at.toISOString(),
    early: false,
    timings: clock.timings(),
    warnings: report.warnings,
  };
}

/** Whose port it is, as far as that is declared or said; empty where it may be that of several. */
export const containerOf = ({ where }: Pick<Request, 'where'>, { ports, container, alternatives }: Target, port: number): string =>
  ports.find((each) => each.port === port)?.container ?? (where.container === undefined && alternatives.length > 0 ? '' : container);

const kindOf = ({ toolkit, options }: Request): readonly string[] =>
  toolkit.second === undefined ? [] : [String(options[toolkit.second]).replace(/[^\w-]/g, '_')];

/** What Ctrl-C means where the app gives its profile at the end or not at all. */
function lost(error: unknown): unknown {
  if (!(error instanceof KprofError) || (error.failure !== 'interrupted' && error.failure !== 'terminated')) return error;
  return new KprofError(
    error.failure,
    `${error.message}: the app gives what it measured at the end of the time, so there is nothing to keep`,
    {
      hint: 'take less time: --duration 5s',
    },
  );
}

/** By the ports that the pod declares and the usual one; else, or for one process, by what its processes listen on. */
async function locate(
  request: Request,
  around: Around,
  target: Target,
  way: ForwardWay<Flags>,
  endpoint: Endpoint,
  signal: AbortSignal,
): Promise<Located> {
  const { report } = around;
  report.stage(`looking for the ${endpoint.looksFor}`);
  const tried =
    request.pid === undefined || endpoint.named ? await findDeclared(target, endpoint, signal) : { found: undefined, others: [] };
  if (tried.found !== undefined) return { found: tried.found };
  if (endpoint.named) throw notFound(target, endpoint, tried.others, report);
  const ports = tried.others.map(({ port }) => port);
  report.note(
    request.pid === undefined
      ? `None answers at port ${ports.join(', ')}: looking for the ports that the processes listen on, with a debug container.`
      : `Looking for the ports that process ${request.pid} listens on, with a debug container.`,
  );
  const { container, view } = await reach(request, way, target, report, signal);
  const processes = request.pid === undefined ? view.processes : view.processes.filter(({ pid }) => pid === request.pid);
  if (processes.length === 0) throw new KprofError('usage', `There is no process ${request.pid} in container ${target.container}`);
  const listening = await listeners(container, processes, view.tools, signal);
  const fresh = [...new Set(listening.map(({ port }) => port))].filter((port) => !ports.includes(port));
  const { found, others } = await search(target, endpoint, fresh, signal);
  if (found.length === 0) {
    const all = [...tried.others, ...others].map((other) => seen(other, listening));
    throw notFound(target, endpoint, all, report);
  }
  const owner = (at: number) => processes.find(({ pid }) => pid === listening.find(({ port }) => port === at)?.pid);
  const known = (port: number) => {
    const process = owner(port);
    return process === undefined ? undefined : `process ${describe(process)}`;
  };
  const one = await theOne(found, endpoint, signal, known);
  return { found: one, container, pid: owner(one.server.port)?.pid };
}
