/** Which pods a workload has, and which of them is meant. */
import type { V1LabelSelector, V1Pod } from '@kubernetes/client-node';
import { KprofError } from '../errors.ts';
import { nearest } from '../nearest.ts';
import { shellWord } from '../safe.ts';
import { answeredPod } from './answered-pod.ts';
import type { Api } from './api.ts';
import type { Path } from './http.ts';
import { checkName } from './names.ts';

/** A kind of object that has pods. */
export interface Kind {
  readonly name: string;
  readonly group: Path;
  readonly plural: string;
}

const apps = ['apis', 'apps', 'v1'];
const core = ['api', 'v1'];
const kinds: readonly (Kind & { readonly short: readonly string[] })[] = [
  { name: 'pod', short: ['po'], group: core, plural: 'pods' },
  { name: 'deployment', short: ['deploy'], group: apps, plural: 'deployments' },
  { name: 'statefulset', short: ['sts'], group: apps, plural: 'statefulsets' },
  { name: 'daemonset', short: ['ds'], group: apps, plural: 'daemonsets' },
  { name: 'replicaset', short: ['rs'], group: apps, plural: 'replicasets' },
  { name: 'job', short: [], group: ['apis', 'batch', 'v1'], plural: 'jobs' },
  { name: 'service', short: ['svc'], group: core, plural: 'services' },
];

/** What was typed, taken apart: `deploy/api`, `deployment.apps/api` or `api`. */
export function parseName(typed: string): { readonly kind: Kind; readonly name: string } {
  const slash = typed.indexOf('/');
  const [word = '', ...groups] = slash === -1 ? ['pod'] : typed.slice(0, slash).toLowerCase().split('.');
  const kind = kinds.find(({ name, plural, short }) => word === name || word === plural || short.includes(word));
  if (kind === undefined) {
    const near = nearest(
      word,
      kinds.flatMap(({ name, plural, short }) => [name, plural, ...short]),
    );
    throw new KprofError('usage', `"${typed.slice(0, slash)}", of "${typed}", is no kind that has pods`, {
      hint:
        near === undefined
          ? `these are: ${kinds.flatMap(({ name, short }) => short[0] ?? name).join(', ')}`
          : `did you mean ${near}/${typed.slice(slash + 1)}?`,
    });
  }
  checkGroup(kind, groups.join('.'), typed);
  return { kind, name: checkName(typed.slice(slash + 1), kind.name) };
}

/** As kubectl takes it: `apps`, or `v1.apps` with the version. */
function checkGroup({ name, group: [, group, version], plural }: Kind, said: string, typed: string): void {
  const known = version === undefined ? [''] : ['', group, `${version}.${group}`];
  if (known.includes(said)) return;
  throw new KprofError('usage', `"${typed}" names a kind of the group ${said}, which kprof does not know`, {
    hint: `it knows ${version === undefined ? name : `${plural}.${group}`}: ${name}/${typed.slice(typed.indexOf('/') + 1)}`,
  });
}

/** A selector as the query of a list has it. */
export function selectorText({ matchLabels = {}, matchExpressions = [] }: V1LabelSelector): string {
  const equal = Object.entries(matchLabels).map(([key, value]) => `${key}=${value}`);
  const expressions = matchExpressions.map(({ key, operator, values = [] }) => {
    if (operator === 'Exists') return key;
    if (operator === 'DoesNotExist') return `!${key}`;
    return `${key} ${operator === 'In' ? 'in' : 'notin'} (${values.join(',')})`;
  });
  return [...equal, ...expressions].join(',');
}

interface Workload {
  readonly spec?: { readonly selector?: V1LabelSelector | Readonly<Record<string, string>> };
}

const isPlaced = ({ metadata, spec, status }: V1Pod): boolean =>
  metadata?.deletionTimestamp === undefined &&
  (status?.phase === 'Running' || (status?.phase === 'Pending' && spec?.nodeName !== undefined));

/** All pods that a selector, or a workload's own one, fits and that are on a node and not over, the oldest first. */
export async function podsOf(
  api: Api,
  namespace: string,
  { selector, typed }: { readonly selector: string | undefined; readonly typed: ReturnType<typeof parseName> | undefined },
  signal: AbortSignal,
): Promise<readonly V1Pod[]> {
  const labelSelector = selector ?? (typed === undefined ? '' : await selectorOf(api, namespace, typed, signal));
  const items = await api.list<unknown>(['api', 'v1', 'namespaces', namespace, 'pods'], {
    signal,
    doing: `list the pods with the labels ${labelSelector}`,
    query: { labelSelector },
  });
  const age = (pod: V1Pod) => new Date(pod.metadata?.creationTimestamp ?? 0).getTime();
  const pods = items
    .map((item) => answeredPod(item, { server: api.connection.server, namespace }))
    .filter(isPlaced)
    .sort((a, b) => age(a) - age(b) || String(a.metadata?.name).localeCompare(String(b.metadata?.name)));
  if (pods.length > 0) return pods;
  throw new KprofError('failed', `No pod with the labels ${labelSelector} runs in namespace ${namespace}`, {
    hint: `kubectl get pods -n ${namespace} -l ${shellWord(labelSelector)}`,
  });
}

/** The pod of a workload that is looked at: ready before running before the rest, the oldest first. */
export async function podOf(
  api: Api,
  namespace: string,
  { kind, name }: ReturnType<typeof parseName>,
  signal: AbortSignal,
): Promise<V1Pod> {
  const what = `${kind.name} ${namespace}/${name}`;
  const labelSelector = await selectorOf(api, namespace, { kind, name }, signal);
  const items = await api.list<unknown>(['api', 'v1', 'namespaces', namespace, 'pods'], {
    signal,
    doing: `list the pods of ${what}`,
    query: { labelSelector },
  });
  const pod = bestPod(items.map((item) => answeredPod(item, { server: api.connection.server, namespace })));
  if (pod === undefined)
    throw new KprofError('failed', `The ${what} has no pods`, { hint: `kubectl get pods -n ${namespace} -l ${shellWord(labelSelector)}` });
  return pod;
}

/** What a workload selects its pods by. */
async function selectorOf(api: Api, namespace: string, { kind, name }: ReturnType<typeof parseName>, signal: AbortSignal): Promise<string> {
  const what = `${kind.name} ${namespace}/${name}`;
  const workload = await api.get<Workload>([...kind.group, 'namespaces', namespace, kind.plural, name], { signal, doing: `read ${what}` });
  const selector = workload.spec?.selector ?? {};
  // A service's selector is the labels themselves.
  const labelSelector = selectorText(
    kind.name === 'service' ? { matchLabels: selector as Record<string, string> } : (selector as V1LabelSelector),
  );
  // An empty selector would list every pod of the namespace.
  if (labelSelector === '') throw new KprofError('unsupported', `The ${what} selects no pods`, { hint: 'name a pod' });
  return labelSelector;
}

/** Of several pods the one to look at; undefined when there is none that is not on its way out. */
export function bestPod(pods: readonly V1Pod[]): V1Pod | undefined {
  const age = (pod: V1Pod) => new Date(pod.metadata?.creationTimestamp ?? 0).getTime();
  const rank = (pod: V1Pod) => (isReady(pod) ? 0 : pod.status?.phase === 'Running' ? 1 : pod.status?.phase === 'Pending' ? 2 : 3);
  return pods.filter((pod) => pod.metadata?.deletionTimestamp === undefined).sort((a, b) => rank(a) - rank(b) || age(a) - age(b))[0];
}

const isReady = (pod: V1Pod): boolean =>
  pod.status?.phase === 'Running' && pod.status.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true;
