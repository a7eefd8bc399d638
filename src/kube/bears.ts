/** What a pod bears, as its spec says: how long a container may be silent, and what it may take of the node. */
import type { V1Container, V1ContainerStatus, V1Pod, V1Probe } from '@kubernetes/client-node';
import type { Bears, Mounted, Watched } from '../toolkit.ts';
import { bytesOf, coresOf } from './resources.ts';

/**
 * For how long an app may stand still before a probe has failed too often, at least: the last answer came just before. The kernel answers
 * TCP probes only until the app's queue of connections is full, which nobody takes from.
 */
function patience(probe: V1Probe | undefined): Watched | undefined {
  if (probe === undefined) return undefined;
  const { periodSeconds = 10, failureThreshold = 3, timeoutSeconds = 1 } = probe;
  const seconds = (failureThreshold - 1) * periodSeconds + Math.min(timeoutSeconds, periodSeconds);
  return { after: seconds * 1000, words: `${failureThreshold} × ${periodSeconds}s` };
}

/** The limit of the whole pod: its own, or the sum of its containers'; undefined where one has none. */
function podLimit({ spec }: V1Pod, resource: string): number | undefined {
  const own = bytesOf(spec?.resources?.limits?.[resource]);
  const limits = (spec?.containers ?? []).map(({ resources }) => bytesOf(resources?.limits?.[resource]));
  return own ?? (limits.includes(undefined) ? undefined : (limits as readonly number[]).reduce((sum, limit) => sum + limit, 0));
}

/** Ephemeral storage is held against the sum of the limits that there are: a container without one adds nothing to it. */
function storageLimit({ spec }: V1Pod): number | undefined {
  const limits = (spec?.containers ?? []).flatMap(({ resources }) => bytesOf(resources?.limits?.['ephemeral-storage']) ?? []);
  return limits.length === 0 ? undefined : limits.reduce((sum, limit) => sum + limit, 0);
}

/** Where the container has what, and how much that may hold. */
const mountedIn = ({ spec }: V1Pod, { volumeMounts = [] }: V1Container): readonly Mounted[] =>
  volumeMounts.map(({ name, mountPath: path }) => {
    const emptyDir = spec?.volumes?.find((each) => each.name === name)?.emptyDir;
    // Another medium is memory, or huge pages.
    const isEphemeral = emptyDir !== undefined && !emptyDir.medium;
    return { path, limit: isEphemeral ? bytesOf(emptyDir.sizeLimit) : undefined, isEphemeral };
  });

/** What the pod bears of what is done to one of its containers. */
export function bearsOf(pod: V1Pod, container: V1Container, status: Pick<V1ContainerStatus, 'started'>): Bears {
  const starting = status.started === false ? patience(container.startupProbe) : undefined;
  const liveness = patience(container.livenessProbe);
  return {
    liveness: starting ?? liveness,
    readiness: patience(container.readinessProbe),
    memory: bytesOf(container.resources?.limits?.['memory']) ?? podLimit(pod, 'memory'),
    storage: storageLimit(pod),
    cores: coresOf(pod, container),
    volumes: mountedIn(pod, container),
  };
}
