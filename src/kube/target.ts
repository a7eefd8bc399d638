/** From what was typed to one container of one pod that runs. */
import type { V1ContainerStatus, V1Pod } from '@kubernetes/client-node';
import type { Where } from '../cluster.ts';
import { byDistance, distance } from '../nearest.ts';
import { answeredPod } from './answered-pod.ts';
import type { Api } from './api.ts';
import { ApiError, isMissing } from './errors.ts';
import { checkContainer, checkNamespace, isSubdomain } from './names.ts';
import { checkPlaced, checkRunning, checkSupported, chooseContainer, isRunning, statusOf } from './pod-state.ts';
import { parseName, podOf } from './workloads.ts';

/** The pod and container to look at. */
export interface Resolved {
  readonly pod: V1Pod;
  readonly container: string;
  /** Other containers that may be meant, when none was named. */
  readonly alternatives: readonly string[];
  /** The container's status: it runs. Of a pod as a whole none may. */
  readonly status: V1ContainerStatus | undefined;
  /** What was chosen that was not named, to be said. */
  readonly notes: readonly string[];
}

/** What was typed, taken apart; throws a usage error where no cluster could have it, before anything is asked. */
export function checkWhere(namespace: string, { name, container }: Where): ReturnType<typeof parseName> {
  checkNamespace(namespace);
  if (container !== undefined) checkContainer(container);
  return parseName(name);
}

/** The pod as it is once the container is no longer between two runs, or as it was when nobody waits any more. */
export type Settle = (pod: V1Pod, container: string) => Promise<V1Pod>;

/** Finds the pod and the container, and checks that they can be looked at. */
export async function resolveTarget(
  api: Api,
  namespace: string,
  where: Where,
  signal: AbortSignal,
  settle: Settle = async (pod) => pod,
): Promise<Resolved> {
  const typed = checkWhere(namespace, where);
  const isPod = typed.kind.name === 'pod';
  const found = await (isPod ? readPod(api, namespace, typed.name, signal) : podOf(api, namespace, typed, signal)).catch((error) =>
    explainMissing(api, namespace, typed, error, signal),
  );
  checkSupported(found);
  const { container: first, alternatives, note } = chooseContainer(found, where.container, where.likely);
  const chosen = isPod ? [] : [`Using pod ${found.metadata?.name} of ${where.name}`];
  if (where.whole === true) {
    checkPlaced(found);
    const container = [first, ...alternatives].find((each) => isRunning(found, each)) ?? first;
    return { pod: found, container, alternatives, status: statusOf(found, container), notes: chosen };
  }
  const pod = await settle(found, first);
  const notes = note === undefined ? chosen : [...chosen, note];
  return { pod, container: first, alternatives, status: checkRunning(pod, first), notes };
}

/** Reads a pod; what comes back is the pod that was asked for. */
export async function readPod(api: Api, namespace: string, name: string, signal: AbortSignal): Promise<V1Pod> {
  const pod = await api.get<unknown>(['api', 'v1', 'namespaces', namespace, 'pods', name], {
    signal,
    doing: `read pod ${namespace}/${name}`,
  });
  return answeredPod(pod, { server: api.connection.server, namespace, name });
}

/** Of a 404: is it the namespace that is missing, and what is near the name? */
async function explainMissing(
  api: Api,
  namespace: string,
  { kind, name }: ReturnType<typeof parseName>,
  error: unknown,
  signal: AbortSignal,
): Promise<never> {
  if (!(error instanceof ApiError && isMissing(error))) throw error;
  const [hasNamespace, names] = await Promise.all([
    namespaceExists(api, namespace, signal),
    siblings(api, [...kind.group, 'namespaces', namespace, kind.plural], signal),
  ]);
  const more = { cause: error.cause, code: error.code };
  if (!hasNamespace)
    throw new ApiError('missing', `There is no namespace ${namespace}`, {
      ...more,
      hint: `-n NAMESPACE names it${api.connection.context === undefined ? '' : `; the context is ${api.connection.context}`}`,
    });
  throw new ApiError('missing', `There is no ${kind.name} ${name} in namespace ${namespace}`, {
    ...more,
    hint: nearNames(name, names, kind.plural),
  });
}

/** The hint for a name that does not exist; undefined names could not be listed. */
export function nearNames(name: string, names: readonly string[] | undefined, plural: string): string {
  if (names === undefined) return `the ${plural} there cannot be listed with your rights, so there is no suggestion`;
  if (names.length === 0) return `there are no ${plural} in that namespace; -n NAMESPACE names another`;
  const sorted = byDistance(name, names);
  const near = sorted.filter((each) => each.startsWith(name) || distance(each, name) <= Math.max(2, name.length / 2)).slice(0, 5);
  return near.length > 0
    ? `did you mean ${near.join(', ')}?`
    : `there are ${sorted.slice(0, 5).join(', ')}${sorted.length > 5 ? ` and ${sorted.length - 5} more` : ''}`;
}

// Asked only after a 404, and for a hint alone: whatever goes wrong here must not hide it.
async function namespaceExists(api: Api, namespace: string, signal: AbortSignal): Promise<boolean> {
  try {
    await api.get(['api', 'v1', 'namespaces', namespace], { signal, doing: `read namespace ${namespace}`, timeout: 5000 });
    return true;
  } catch (error) {
    signal.throwIfAborted();
    return !isMissing(error);
  }
}

async function siblings(api: Api, path: readonly string[], signal: AbortSignal): Promise<readonly string[] | undefined> {
  try {
    const items = await api.list<{ readonly metadata?: { readonly name?: string } }>(path, {
      signal,
      doing: 'list names',
      timeout: 5000,
      accept: namesOnly,
    });
    return items.map(({ metadata }) => metadata?.name ?? '').filter(isSubdomain);
  } catch {
    // No right to list, or no time: then there is no suggestion.
    signal.throwIfAborted();
    return undefined;
  }
}

const namesOnly = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json';
