/** What a pod object tells of itself and of its containers; pure. */
import type { V1Container, V1ContainerState, V1ContainerStateTerminated, V1ContainerStatus, V1Pod } from '@kubernetes/client-node';
import type { Probe } from '../cluster.ts';
import { Down, KprofError } from '../errors.ts';
import { byDistance, nearest } from '../nearest.ts';
import type { DeclaredPort } from '../toolkit.ts';
import { checkContainer } from './names.ts';

/** `NAMESPACE/NAME`, as errors name a pod. */
export const podName = (pod: V1Pod): string => `${pod.metadata?.namespace ?? 'default'}/${pod.metadata?.name ?? ''}`;

/** Containers that run beside each other: the app's own, and init containers that stay (sidecars). */
export function longRunning(pod: V1Pod): readonly V1Container[] {
  const sidecars = (pod.spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always');
  return [...(pod.spec?.containers ?? []), ...sidecars];
}

/** The TCP ports that these containers declare, in their order. */
export const declaredPorts = (pod: V1Pod, containers: readonly string[]): readonly DeclaredPort[] =>
  containers.flatMap((name) =>
    (longRunning(pod).find((each) => each.name === name)?.ports ?? [])
      .filter(({ protocol }) => protocol === undefined || protocol === 'TCP')
      .map(({ name: port, containerPort }) => ({ name: port, port: containerPort, container: name })),
  );

/** The probes that go on while a container runs, with the API's defaults. */
export const probesOf = ({ livenessProbe, readinessProbe }: V1Container): readonly Probe[] =>
  (
    [
      ['liveness', livenessProbe],
      ['readiness', readinessProbe],
    ] as const
  ).flatMap(([kind, probe]) =>
    probe === undefined
      ? []
      : [{ kind, period: probe.periodSeconds ?? 10, timeout: probe.timeoutSeconds ?? 1, failures: probe.failureThreshold ?? 3 }],
  );

/** The status of a container that is no ephemeral one. */
export function statusOf(pod: V1Pod, container: string): V1ContainerStatus | undefined {
  const { containerStatuses = [], initContainerStatuses = [] } = pod.status ?? {};
  return [...containerStatuses, ...initContainerStatuses].find(({ name }) => name === container);
}

const defaultContainer = 'kubectl.kubernetes.io/default-container';

/** Which container was meant: `alternatives` are the others that may be meant as well, when none was named. */
export interface Chosen {
  readonly container: string;
  readonly alternatives: readonly string[];
  /** What to say of a choice that nobody made. */
  readonly note: string | undefined;
}

/** The container to look at: the one named, else the annotated one, else the first that looks `likely`, else the first. */
export function chooseContainer(pod: V1Pod, named: string | undefined, likely?: RegExp): Chosen {
  const containers = longRunning(pod);
  const names = containers.map(({ name }) => name);
  if (named !== undefined) return { container: known(pod, checkContainer(named), names), alternatives: [], note: undefined };
  const annotated = pod.metadata?.annotations?.[defaultContainer];
  const promising = likely === undefined ? undefined : containers.find((container) => likely.test(appearance(container)))?.name;
  const container = annotated !== undefined && names.includes(annotated) ? annotated : (promising ?? names[0]);
  if (container === undefined) throw new KprofError('unsupported', `The pod ${podName(pod)} has no containers`);
  const alternatives = names.filter((name) => name !== container && statusOf(pod, name)?.state?.running !== undefined);
  return { container, alternatives, note: names.length > 1 ? `Defaulted container "${container}" out of: ${names.join(', ')}` : undefined };
}

/** What tells of a container's runtime before it is looked into. */
const appearance = ({ image = '', command = [], args = [], env = [] }: V1Container): string =>
  [image, ...command, ...args, ...env.map(({ name }) => name)].join(' ');

function known(pod: V1Pod, container: string, names: readonly string[]): string {
  if (names.includes(container)) return container;
  const short = (pod.spec?.initContainers ?? []).some(({ name }) => name === container);
  if (short)
    throw new KprofError(
      'unsupported',
      `The container ${container} of pod ${podName(pod)} is an init container, which only runs before the others`,
    );
  const near = nearest(container, names);
  throw new KprofError('usage', `The pod ${podName(pod)} has no container ${container}`, {
    hint: near === undefined ? `it has ${byDistance(container, names).join(', ')}` : `did you mean -c ${near}? It has ${names.join(', ')}`,
  });
}

/** Throws when no debug container can be put into the pod, whatever state it is in. */
export function checkSupported(pod: V1Pod): void {
  const refuse = (why: string, hint?: string) => new KprofError('unsupported', `The pod ${podName(pod)} ${why}`, { hint });
  if (pod.metadata?.annotations?.['kubernetes.io/config.mirror'] !== undefined)
    throw refuse('is a static pod, which takes no debug containers', 'it is defined by a file on its node');
  const os = pod.spec?.os?.name ?? pod.spec?.nodeSelector?.['kubernetes.io/os'];
  if (os !== undefined && os !== 'linux') throw refuse(`runs on ${os}; kprof knows Linux`);
  // The process namespace that a debug container shares would be the node's.
  if (pod.spec?.hostPID === true)
    throw refuse('shares the process namespace of its node (hostPID): kprof would see every process of the node');
}

/** What crashes again after less than that is not what anybody would wait for. */
const livesAtLeast = 10_000;

const lifetime = ({ startedAt, finishedAt }: V1ContainerStateTerminated): number =>
  Date.parse(String(finishedAt)) - Date.parse(String(startedAt));

/** Whether the container is between two runs, and to be waited for: the kubelet starts it again, and it had lived for a while. */
export function isRestarting(pod: V1Pod, container: string): boolean {
  if (pod.metadata?.deletionTimestamp !== undefined || ['Succeeded', 'Failed'].includes(pod.status?.phase ?? '')) return false;
  const status = statusOf(pod, container);
  const { waiting, terminated } = status?.state ?? {};
  if (terminated !== undefined) return comesBack(pod, container, terminated.exitCode);
  const last = status?.lastState?.terminated;
  if (waiting === undefined || last === undefined) return false;
  return waiting.reason === 'CrashLoopBackOff' ? lifetime(last) >= livesAtLeast : waiting.reason === 'ContainerCreating';
}

function comesBack({ spec }: V1Pod, container: string, exitCode: number): boolean {
  const own = [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])].find(({ name }) => name === container)?.restartPolicy;
  const policy = own ?? spec?.restartPolicy ?? 'Always';
  return policy === 'Always' || (policy === 'OnFailure' && exitCode !== 0);
}

/** Whether the container runs. */
export const isRunning = (pod: V1Pod, container: string): boolean => statusOf(pod, container)?.state?.running !== undefined;

/** Throws, with the reason, unless the pod has a network: it is on a node and not over, whatever its containers do. */
export function checkPlaced(pod: V1Pod): void {
  checkKept(pod);
  checkNotOver(pod, undefined);
  if (pod.spec?.nodeName === undefined && pod.status?.phase !== 'Running') throw unready(pod);
}

function checkKept(pod: V1Pod): void {
  if (pod.metadata?.deletionTimestamp !== undefined) throw new KprofError('gone', `The pod ${podName(pod)} is being deleted`);
}

function checkNotOver(pod: V1Pod, last: V1ContainerStateTerminated | undefined): void {
  const { phase } = pod.status ?? {};
  if (phase === 'Succeeded' || phase === 'Failed')
    throw new KprofError('gone', `The pod ${podName(pod)} has ${phase === 'Failed' ? 'failed' : 'completed'}`, {
      cause: pod.status?.message ?? pod.status?.reason ?? ended(last),
    });
}

const unready = (pod: V1Pod): KprofError =>
  new KprofError('failed', `The pod ${podName(pod)} does not run yet`, {
    cause: pending(pod),
    hint: `kubectl describe pod -n ${pod.metadata?.namespace} ${pod.metadata?.name}`,
  });

/** Throws, with the reason, unless the container runs. */
export function checkRunning(pod: V1Pod, container: string): V1ContainerStatus {
  checkKept(pod);
  const { metadata } = pod;
  const status = statusOf(pod, container);
  if (status?.state?.running !== undefined) return status;
  checkNotOver(pod, status?.state?.terminated);
  const at = `The container ${container} of pod ${podName(pod)}`;
  const { waiting, terminated } = status?.state ?? {};
  if (terminated !== undefined)
    throw new (comesBack(pod, container, terminated.exitCode) ? Down : KprofError)('gone', `${at} has ended`, { cause: ended(terminated) });
  if (waiting?.reason === 'CrashLoopBackOff')
    throw new Down('gone', `${at} crashes again and again`, {
      cause: ended(status?.lastState?.terminated) ?? waiting.message,
      hint: `kubectl logs -n ${metadata?.namespace} ${metadata?.name} -c ${container} --previous`,
    });
  if (waiting !== undefined && waiting.reason !== 'PodInitializing')
    throw new KprofError('failed', `${at} does not run yet: ${waiting.reason ?? 'waiting'}`, {
      cause: waiting.message,
      hint: `kubectl describe pod -n ${metadata?.namespace} ${metadata?.name}`,
    });
  throw unready(pod);
}

/** Why a pod is not further than Pending. */
function pending(pod: V1Pod): string | undefined {
  const { conditions = [], initContainerStatuses = [], phase } = pod.status ?? {};
  const unscheduled = conditions.find(({ type, status }) => type === 'PodScheduled' && status === 'False');
  if (unscheduled !== undefined) return `${unscheduled.reason ?? 'Unschedulable'}: ${unscheduled.message ?? 'no node takes it'}`;
  const first = initContainerStatuses.find(({ ready }) => !ready);
  if (first !== undefined)
    return `its init container ${first.name} is not done${first.state?.waiting?.reason === undefined ? '' : `: ${first.state.waiting.reason}`}`;
  return phase === undefined ? undefined : `its phase is ${phase}`;
}

/** How a container ended: `exit code 137 (OOMKilled)`; undefined when it did not. */
export function ended(state: V1ContainerState['terminated']): string | undefined {
  if (state === undefined) return undefined;
  const reason = state.reason === undefined || state.reason === 'Error' || state.reason === 'Completed' ? '' : ` (${state.reason})`;
  const said = state.message?.trim();
  return `exit code ${state.exitCode}${reason}${said === undefined || said === '' ? '' : `: ${said}`}`;
}
