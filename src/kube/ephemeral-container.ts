/** The ephemeral container: built here and nowhere else, from a target and what is wanted. */
import { createHash, randomBytes } from 'node:crypto';
import type { V1ContainerStatus, V1EphemeralContainer, V1Pod } from '@kubernetes/client-node';
import type { DebugSpec } from '../cluster.ts';
import type { Entry } from '../state/journal.ts';
import type { Rung } from './access.ts';

/** The kubelet reads `$$` as `$` and `$(NAME)` as a variable (https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/, command). */
const literal = (word: string): string => word.replace(/\$(?=[$(])/g, '$$$$');

/** The entry of `spec.ephemeralContainers` for a container of the pod. */
export function ephemeralContainer(spec: DebugSpec, target: string, { securityContext }: Rung, suffix: string): V1EphemeralContainer {
  return {
    name: `kprof-${spec.image}-${suffix}`,
    image: spec.reference,
    imagePullPolicy: spec.pullPolicy,
    command: spec.command.map(literal),
    // Any uid, with or without an entry in passwd, has a home that it can write to.
    env: [{ name: 'HOME', value: '/tmp' }],
    // The pod's network is every container's; its processes are nobody else's business.
    ...(spec.access === 'network' ? {} : { targetContainerName: target }),
    securityContext,
  };
}

/** Five characters as Kubernetes' own names end: no vowels, so no words. */
export function randomSuffix(): string {
  const letters = 'bcdfghjklmnpqrstvwxz2456789';
  return [...randomBytes(5)].map((byte) => letters[byte % letters.length]).join('');
}

/** What the API server filled in or what has no bearing on what runs. */
const defaults: Partial<V1EphemeralContainer> = {
  resources: {},
  terminationMessagePath: '/dev/termination-log',
  terminationMessagePolicy: 'File',
};

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  );
}

/** A digest over the whole entry but its name, so that a look-alike or an altered one differs. */
export function specDigest(entry: V1EphemeralContainer): string {
  const { name: _, ...rest } = { ...defaults, ...entry };
  return createHash('sha256')
    .update(JSON.stringify(sorted(rest)))
    .digest('hex');
}

/** A running debug container in the pod, with what runs in it. */
export interface Running {
  readonly entry: V1EphemeralContainer;
  readonly status: V1ContainerStatus;
}

/** Milliseconds: a debug container ends after a day whoever is at work in it, so whoever comes later than that makes another. */
const inItsYouth = 12 * 3_600_000;

const isYoung = ({ state }: V1ContainerStatus): boolean => {
  const since = state?.running?.startedAt;
  return since === undefined || Date.now() - new Date(since).getTime() < inItsYouth;
};

/** The newest debug container that this user made for exactly this purpose, still running and for long, with the image it was made with. */
export function reusable(pod: V1Pod, wanted: V1EphemeralContainer, containerId: string, journal: readonly Entry[]): Running | undefined {
  const digest = specDigest(wanted);
  const ours = journal.filter(
    (entry) => entry.podUid === pod.metadata?.uid && entry.targetContainerId === containerId && entry.spec === digest,
  );
  for (const { container, imageId } of ours.toReversed()) {
    const entry = pod.spec?.ephemeralContainers?.find(({ name }) => name === container);
    const status = pod.status?.ephemeralContainerStatuses?.find(({ name }) => name === container);
    if (entry === undefined || status?.state?.running === undefined) continue;
    if (specDigest(entry) === digest && status.imageID === imageId && isYoung(status)) return { entry, status };
  }
  return undefined;
}
