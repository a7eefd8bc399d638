/** The cluster of cluster.ts, made of Kubernetes' API. */
import type { V1Container, V1ContainerStatus, V1EphemeralContainer, V1Pod } from '@kubernetes/client-node';
import type { Cluster, DebugContainer, DebugSpec, Listed, Target } from '../cluster.ts';
import { isLineLost, KprofError } from '../errors.ts';
import type { Report } from '../report.ts';
import { readJournal, remember } from '../state/journal.ts';
import { knownUser, type Rung, rungFor, scout } from './access.ts';
import { answeredPod } from './answered-pod.ts';
import { type Api, openApi } from './api.ts';
import { bearsOf } from './bears.ts';
import type { ConnectionOptions } from './choice.ts';
import { loadConnection } from './config.ts';
import { crowded, explainSize } from './crowd.ts';
import { ephemeralContainer, randomSuffix, reusable, specDigest } from './ephemeral-container.ts';
import { execStream } from './exec-stream.ts';
import { forward } from './forward.ts';
import { linePorts } from './line-ports.ts';
import { logOf } from './log.ts';
import { meshOf } from './mesh.ts';
import { declaredPorts, probesOf } from './pod-state.ts';
import { cpuLimit } from './resources.ts';
import { checkWhere, type Resolved, readPod, resolveTarget } from './target.ts';
import { untilRestarted, waitForEphemeral, watchGone } from './wait.ts';
import { podsOf } from './workloads.ts';

/** Opens the cluster that kubectl would talk to; nothing is sent yet. */
export async function connect(
  options: ConnectionOptions,
  { report, version, tool, verbose = 0 }: { report: Report; version: string; tool: string; verbose?: number },
): Promise<Cluster> {
  const connection = await loadConnection(options, {
    userAgent: `kprof/${version} ${tool}`,
    say: report.foreign,
    trace: verbose < 6 ? undefined : (level, text) => level <= verbose && report.debug(level, text()),
  });
  const api = openApi(connection);
  return {
    context: connection.context,
    kubeconfigs: connection.kubeconfigs,
    check: (where) => void checkWhere(where.namespace ?? connection.namespace, where),
    list: async ({ name, selector, namespace = connection.namespace }, signal) => {
      const typed = selector === undefined ? checkWhere(namespace, { name }) : undefined;
      if (typed?.kind.name === 'pod')
        throw new KprofError('usage', `--all-pods is for what has several pods, and ${name} is one`, {
          hint: 'name a workload, such as deploy/NAME, or labels: -l app=NAME',
        });
      return (await podsOf(api, namespace, { selector, typed }, signal)).map((pod) => names(pod).pod);
    },
    find: async (where, signal) => {
      const settle = (pod: V1Pod, container: string) => untilRestarted(api, pod, container, { say: report.note, signal });
      return openTarget(api, await resolveTarget(api, where.namespace ?? connection.namespace, where, signal, settle), report, where.whole);
    },
  };
}

const isPodSecurityRefusal = (error: unknown): boolean =>
  error instanceof KprofError && error.failure === 'forbidden' && error.message.startsWith('Pod Security');

interface Opened {
  readonly api: Api;
  readonly pod: V1Pod;
  readonly container: V1Container;
  readonly containerId: string;
  readonly report: Report;
}

const names = ({ metadata }: V1Pod) => ({ namespace: metadata?.namespace ?? '', pod: metadata?.name ?? '', uid: metadata?.uid ?? '' });

function openTarget(api: Api, { pod, container: name, alternatives, status, notes }: Resolved, report: Report, whole = false): Target {
  for (const note of notes) report.note(note);
  const container = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])].find(
    (each) => each.name === name,
  ) as V1Container;
  const watch = watchGone(
    api,
    { ...names(pod), container: whole ? '' : name, containerId: status?.containerID, restartCount: status?.restartCount ?? 0 },
    (error) => report.debug(2, `watching the pod: ${error}`),
  );
  const opened: Opened = { api, pod, container, containerId: status?.containerID?.replace(/^.*:\/\//, '') ?? '', report };
  return {
    ...names(pod),
    container: name,
    alternatives,
    containerId: opened.containerId,
    gone: watch.signal,
    cpuLimit: cpuLimit(pod),
    bears: bearsOf(pod, container, status ?? {}),
    hostNetwork: pod.spec?.hostNetwork === true,
    linePorts: linePorts(api.connection.server),
    hostPid: pod.spec?.hostPID === true,
    mesh: meshOf(pod),
    ports: declaredPorts(pod, [name, ...alternatives]),
    probes: probesOf(container),
    forward: (port, signal) => forward(api.connection, { ...names(pod), port }, signal),
    log: (after, signal) => logOf(api, { ...names(pod), container: name }, after, signal),
    inject: (spec, signal) => inject(opened, spec, signal),
    rejoin: (known, signal) => rejoin(opened, known, signal),
    debugContainers: (signal) => list(opened, signal),
    manifest: (spec) => patchOf(ephemeralContainer(spec, name, rungFor(pod, container, spec), 'xxxxx')),
    close: watch.close,
  };
}

const patchOf = (entry: V1EphemeralContainer) => ({ spec: { ephemeralContainers: [entry] } });

async function inject(opened: Opened, spec: DebugSpec, signal: AbortSignal): Promise<DebugContainer> {
  const { pod, container } = opened;
  const chosen = rungFor(pod, container, spec);
  try {
    return await injectAs(opened, spec, chosen, signal);
  } catch (error) {
    // Whom the app runs as is not known, and root may not be: see first who it is.
    const certain =
      spec.access !== 'attach' || spec.user !== undefined || spec.adds !== undefined || knownUser(pod, container) !== undefined;
    if (certain || !isPodSecurityRefusal(error)) throw error;
    return injectAs(opened, spec, scout, signal);
  }
}

async function injectAs(opened: Opened, spec: DebugSpec, chosen: Rung, signal: AbortSignal): Promise<DebugContainer> {
  const { api, container, containerId, report } = opened;
  const wanted = ephemeralContainer(spec, container.name, chosen, randomSuffix());
  const { namespace, pod: name } = names(opened.pod);
  const pod = await readPod(api, namespace, name, signal);
  const running =
    spec.fresh === true || spec.adds !== undefined ? undefined : reusable(pod, wanted, containerId, await readJournal(process.env));
  if (running !== undefined) return debugContainer(opened, chosen, running, true);
  warnOnce(opened, crowded(pod));
  const awaited = { ...names(opened.pod), name: wanted.name, image: spec.image, reference: spec.reference };
  const { accepted, status } = await begun(opened, wanted, signal, (accepted) =>
    waitForEphemeral(api, awaited, { timeout: spec.timeout, signal }).then(({ status }) => ({ accepted, status })),
  );
  const entry = {
    context: api.connection.context,
    kubeconfigs: api.connection.kubeconfigs,
    namespace,
    pod: name,
    podUid: awaited.uid,
    container: wanted.name,
    targetContainerId: containerId,
    imageId: status.imageID,
    spec: specDigest(accepted),
    at: Date.now(),
  };
  if (!spec.reference.includes('@sha256:'))
    report.warn(`The image ${spec.reference} is named by a tag, which may mean another image tomorrow; now it is ${status.imageID}`);
  if (!(await remember(process.env, entry))) report.warn('The journal could not be written: this debug container will not be used again');
  return debugContainer(opened, chosen, { entry: accepted, status }, false);
}

// Another one may follow at once, with other rights.
const warned = new WeakSet<Opened>();

function warnOnce(opened: Opened, text: string | undefined): void {
  if (text === undefined || warned.has(opened)) return;
  warned.add(opened);
  opened.report.warn(text);
}

/** Adds it and waits for it; who gives up meanwhile hears what stays. */
async function begun<T>(
  opened: Opened,
  wanted: V1EphemeralContainer,
  signal: AbortSignal,
  wait: (accepted: V1EphemeralContainer) => Promise<T>,
): Promise<T> {
  const { namespace, pod } = names(opened.pod);
  try {
    return await wait(await add(opened, wanted, signal));
  } catch (error) {
    if (signal.aborted && error instanceof KprofError && ['interrupted', 'terminated'].includes(error.failure))
      opened.report.note(
        `Pod ${namespace}/${pod} was asked for the debug container ${wanted.name}: should it still start, it ends by itself`,
      );
    throw error;
  }
}

async function rejoin(
  opened: Opened,
  { name, user, rung, why }: Pick<DebugContainer, 'name' | 'user' | 'rung' | 'why'>,
  signal: AbortSignal,
): Promise<DebugContainer> {
  const { namespace, pod: podName, uid } = names(opened.pod);
  const pod = await readPod(opened.api, namespace, podName, signal);
  const entry = pod.spec?.ephemeralContainers?.find((each) => each.name === name);
  const status = pod.status?.ephemeralContainerStatuses?.find((each) => each.name === name);
  if (pod.metadata?.uid !== uid || entry === undefined || status?.state?.running === undefined)
    throw new KprofError('gone', `The debug container ${name} of pod ${namespace}/${podName} has ended, and what it kept is gone`);
  return debugContainer(opened, { name: rung, why, user }, { entry, status }, true);
}

async function list({ api, pod: { metadata } }: Opened, signal: AbortSignal): Promise<readonly Listed[]> {
  const { spec, status } = await readPod(api, metadata?.namespace ?? '', metadata?.name ?? '', signal);
  const journal = await readJournal(process.env);
  const isOurs = (name: string) => journal.some(({ podUid, container }) => podUid === metadata?.uid && container === name);
  return (spec?.ephemeralContainers ?? [])
    .filter(({ name }) => name.startsWith('kprof-'))
    .map(({ name, image = '', targetContainerName = '' }) => {
      const { running, terminated } = status?.ephemeralContainerStatuses?.find((each) => each.name === name)?.state ?? {};
      const state = running !== undefined ? 'runs' : terminated !== undefined ? 'ended' : 'waits';
      const since = running?.startedAt ?? terminated?.finishedAt;
      return {
        name,
        image,
        state,
        killed: terminated !== undefined && terminated.exitCode !== 0,
        since: since === undefined ? undefined : String(since),
        target: targetContainerName,
        ours: isOurs(name),
      };
    });
}

/** Adds the container to the pod's spec, and reads back what admission made of it. */
async function add(
  { api, pod, report }: Pick<Opened, 'api' | 'pod' | 'report'>,
  wanted: V1EphemeralContainer,
  signal: AbortSignal,
): Promise<V1EphemeralContainer> {
  const { namespace, pod: name, uid } = names(pod);
  const path = ['api', 'v1', 'namespaces', namespace, 'pods', name, 'ephemeralcontainers'];
  // With the uid, a pod of the same name that was made since is left alone.
  report.debug(1, `adding ${wanted.name} to the pod`);
  const answer = await api
    .patch<unknown>(path, { metadata: { uid }, ...patchOf(wanted) }, { signal, doing: `add a debug container to pod ${namespace}/${name}` })
    .catch((error: unknown) => whatBecameOf({ api, pod }, wanted.name, explainSize(pod, error), signal));
  const { spec } = answeredPod(answer, { server: api.connection.server, namespace, name });
  const accepted = spec?.ephemeralContainers?.find((each) => each.name === wanted.name);
  if (accepted === undefined) throw new KprofError('failed', `The API server accepted the debug container ${wanted.name} and left it out`);
  if (specDigest(accepted) !== specDigest(wanted))
    report.warn(`Admission changed the debug container: ${changes(wanted, accepted).join(', ')}`);
  return accepted;
}

/** Without an answer nobody knows whether it was done, and to ask twice could add two: the pod itself tells. */
async function whatBecameOf(
  { api, pod }: Pick<Opened, 'api' | 'pod'>,
  wanted: string,
  error: unknown,
  signal: AbortSignal,
): Promise<V1Pod> {
  signal.throwIfAborted();
  if (!isLineLost(error) && !(error instanceof KprofError && error.failure === 'timeout')) throw error;
  const { namespace, pod: name, uid } = names(pod);
  const now = await readPod(api, namespace, name, signal).catch(() => undefined);
  signal.throwIfAborted();
  if (now?.metadata?.uid !== uid || !now?.spec?.ephemeralContainers?.some((each) => each.name === wanted)) throw error;
  return now;
}

function changes(wanted: V1EphemeralContainer, accepted: V1EphemeralContainer): readonly string[] {
  const keys = Object.keys(accepted) as (keyof V1EphemeralContainer)[];
  return keys.filter((key) => specDigest({ name: '', [key]: accepted[key] }) !== specDigest({ name: '', [key]: wanted[key] }));
}

function debugContainer(
  { api, pod }: Opened,
  { name, why, user }: Pick<Rung, 'why' | 'user'> & { readonly name: string },
  { entry, status }: { entry: V1EphemeralContainer; status: V1ContainerStatus },
  reused: boolean,
): DebugContainer {
  const { namespace, pod: podName } = names(pod);
  return {
    name: entry.name,
    reference: entry.image ?? '',
    imageId: status.imageID,
    user,
    rung: name,
    why,
    reused,
    exec: (argv, io) => execStream(api.connection, { namespace, pod: podName, container: entry.name, argv }, io),
  };
}
