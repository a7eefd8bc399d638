/** The verbs on objects: read, make, change, remove; each answers with an object, or throws a Refusal. */
import { randomInt } from 'node:crypto';
import { admit, type Webhook } from './admission.ts';
import type { Call } from './call.ts';
import { apiVersion, type Resource, resources } from './discovery.ts';
import type { Kubelet } from './kubelet.ts';
import { type Container, containersOf, now, type Pod, statusOf, type Thing } from './objects.ts';
import { merge } from './patch.ts';
import { conflict, exists, forbidden, modified, noSuchResource, notAllowed, notFound, refuse } from './refusal.ts';
import { selector } from './select.ts';
import type { Draft, Store } from './store.ts';
import { checkEphemeral, checkNew, withDefaults } from './validation.ts';

/** What the verbs work on. */
export interface Ground {
  readonly store: Store;
  readonly kubelet: Kubelet;
  readonly webhooks: readonly Webhook[];
  readonly allows: (call: Pick<Call, 'user' | 'verb' | 'group' | 'resource' | 'subresource' | 'namespace' | 'name'>) => boolean;
}

/** The resource of a call; throws 404 when there is none. */
export function resourceOf({ group, resource, subresource }: Call): Resource {
  const found = resources.find((each) => each.group === group && each.plural === resource);
  if (found === undefined || (subresource !== undefined && !found.subresources.includes(subresource))) throw noSuchResource();
  return found;
}

/** The object that a call names; throws 404. */
export function named({ store }: Ground, { resource, namespace, name = '' }: Call): Thing {
  const { namespaced } = resources.find(({ plural }) => plural === resource) ?? { namespaced: true };
  const found = store.get(resource, namespaced ? namespace : undefined, name);
  if (found === undefined) throw notFound(resource, name);
  return found;
}

/** Performs a call with its body. */
export function perform(
  ground: Ground,
  call: Call,
  body: unknown,
  contentType: string,
): { readonly code: number; readonly object: object } {
  const resource = resourceOf(call);
  if (call.verb === 'create' && (body ?? undefined) === undefined) throw noBody(resource);
  if (resource.plural === 'selfsubjectaccessreviews') return { code: 201, object: review(ground, call, body as Thing) };
  switch (call.verb) {
    case 'get':
      return { code: 200, object: named(ground, call) };
    case 'create':
      return { code: 201, object: create(ground, call, resource, body as Draft) };
    case 'patch':
    case 'update':
      return { code: 200, object: change(ground, call, patched(ground, call, body, contentType)) };
    case 'delete':
      return { code: 200, object: remove(ground, call, body) };
    default:
      throw notAllowed();
  }
}

/** The objects of a list, as its query selects them. */
export function listed({ store }: Ground, call: Call): readonly Thing[] {
  const { namespaced } = resourceOf(call);
  return store.list(call.resource, namespaced ? call.namespace : undefined).filter(selector(call.query));
}

const isDry = ({ query }: Call): boolean => query.get('dryRun') === 'All';

function create(ground: Ground, call: Call, resource: Resource, draft: Draft): Thing {
  const { store, kubelet } = ground;
  const { plural, namespaced } = resource;
  const namespace = namespaced ? (call.namespace ?? 'default') : undefined;
  const object = {
    ...draft,
    apiVersion: apiVersion(resource),
    kind: resource.kind,
    metadata: { ...draft.metadata, name: nameOf(draft), ...(namespace === undefined ? {} : { namespace }) },
  };
  const { name } = object.metadata;
  if (namespace !== undefined && store.get('namespaces', undefined, namespace) === undefined) throw notFound('namespaces', namespace);
  checkNew(resource, object);
  if (store.get(plural, namespace, name) !== undefined) throw exists(plural, name);
  if (plural !== 'pods') return isDry(call) ? (object as Thing) : store.add(plural, object as Draft);
  const pod = newPod(object as unknown as Pod);
  admit(pod, containersOf(pod), ground.webhooks, store.get('namespaces', undefined, namespace ?? ''));
  if (isDry(call)) return pod;
  const made = store.add(plural, pod) as Pod;
  kubelet.event(made, 'Normal', 'Scheduled', `Successfully assigned ${namespace}/${name} to sandbox`);
  kubelet.sync(made);
  return made;
}

// The characters of Kubernetes' own random names: no vowels, so no words.
const letters = 'bcdfghjklmnpqrstvwxz2456789';

/** The name of a new object, empty where it has none. */
function nameOf({ metadata }: Partial<Draft>): string {
  if (metadata?.name || !metadata?.generateName) return metadata?.name ?? '';
  return metadata.generateName + Array.from({ length: 5 }, () => letters[randomInt(letters.length)]).join('');
}

const noBody = ({ kind }: Resource) =>
  refuse(
    400,
    `the object provided is unrecognized (must be of type ${kind}): couldn't get version/kind; json parse error: unexpected end of JSON input (<empty>)`,
  );

/** A pod with what the API server fills in. */
export const newPod = (pod: Pick<Pod, 'apiVersion' | 'kind' | 'metadata' | 'spec'>): Pod =>
  ({
    ...pod,
    spec: {
      restartPolicy: 'Always',
      terminationGracePeriodSeconds: 30,
      nodeName: 'sandbox',
      securityContext: {},
      ...pod.spec,
      containers: pod.spec.containers.map(withDefaults),
      ...(pod.spec.initContainers === undefined ? {} : { initContainers: pod.spec.initContainers.map(withDefaults) }),
    },
    status: { phase: 'Pending', podIP: '127.0.0.1', startTime: now(), conditions: [{ type: 'PodScheduled', status: 'True' }] },
  }) as Pod;

function patched(ground: Ground, call: Call, body: unknown, contentType: string): Thing {
  const before = named(ground, call);
  if (call.verb === 'update') return body as Thing;
  const isStrategic = contentType.startsWith('application/strategic-merge-patch+json');
  if (!isStrategic && !contentType.startsWith('application/merge-patch+json')) throw refuse(415, '415: Unsupported Media Type', {});
  return merge(before, body, isStrategic) as Thing;
}

function change(ground: Ground, call: Call, after: Thing): Thing {
  const { store, kubelet, webhooks } = ground;
  const before = named(ground, call);
  const { namespace, name, resourceVersion } = before.metadata;
  const given = after.metadata?.resourceVersion;
  let next = { ...after, metadata: { ...before.metadata, ...after.metadata } };
  if (call.subresource === 'ephemeralcontainers') next = ephemeral(ground, before as Pod, next as Pod, webhooks);
  else if (given !== undefined && given !== resourceVersion) throw conflict(call.resource, name, modified);
  if (isDry(call)) return next;
  const written = store.update(call.resource, namespace, name, (draft) => void Object.assign(draft, next)) as Thing;
  if (call.resource === 'pods') kubelet.sync(written as Pod);
  return written;
}

// Of what was sent, the subresource takes the ephemeral containers alone.
function ephemeral({ store }: Ground, before: Pod, sent: Pod, webhooks: readonly Webhook[]): Pod {
  const next = structuredClone(before);
  next.metadata = {
    ...next.metadata,
    ...(sent.metadata.uid && { uid: sent.metadata.uid }),
    ...(sent.metadata.resourceVersion && { resourceVersion: sent.metadata.resourceVersion }),
  };
  next.spec.ephemeralContainers = (sent.spec.ephemeralContainers ?? []).map(withDefaults);
  next.metadata.generation = (before.metadata.generation ?? 1) + 1;
  const isNew = ({ name }: Container) => !before.spec.ephemeralContainers?.some((old) => old.name === name);
  admit(next, next.spec.ephemeralContainers.filter(isNew), webhooks, store.get('namespaces', undefined, before.metadata.namespace ?? ''));
  checkEphemeral(before, next);
  return next;
}

function remove({ store, kubelet, ...ground }: Ground, call: Call, body: unknown): Thing {
  const object = named({ store, kubelet, ...ground }, call);
  const { name, namespace, uid } = object.metadata;
  const options = (body ?? {}) as { gracePeriodSeconds?: number; preconditions?: { uid?: string } };
  const wanted = options.preconditions?.uid;
  if (wanted !== undefined && wanted !== uid)
    throw conflict(call.resource, name, `Precondition failed: UID in precondition: ${wanted}, UID in object meta: ${uid}`);
  if (isDry(call)) return object;
  if (call.resource !== 'pods') return store.remove(call.resource, namespace, name) as Thing;
  const pod = object as Pod;
  const asked = call.query.get('gracePeriodSeconds') ?? options.gracePeriodSeconds ?? pod.spec.terminationGracePeriodSeconds ?? 30;
  const deleting = store.update<Pod>('pods', namespace, name, ({ metadata }) => {
    metadata.deletionTimestamp ??= now();
    metadata.deletionGracePeriodSeconds = Number(asked);
  }) as Pod;
  void kubelet.remove(deleting, Number(asked));
  return deleting;
}

function review({ allows }: Ground, { user }: Call, body: Thing): Thing {
  const { resourceAttributes: asked = {} } = (body['spec'] ?? {}) as { resourceAttributes?: Partial<Call> };
  const { verb = '', group = '', resource = '', subresource, namespace, name } = asked;
  return {
    ...body,
    metadata: body.metadata ?? { name: '' },
    status: { allowed: allows({ user, verb, group, resource, subresource, namespace, name }) },
  };
}

/** Throws 403 in RBAC's words unless the call is allowed. */
export function authorize({ allows }: Ground, call: Call): void {
  if (call.resource === '' || call.resource === 'selfsubjectaccessreviews' || allows(call)) return;
  throw denied(call);
}

export function denied({ user, verb, resource, subresource, group, namespace, name }: Call) {
  const what = subresource === undefined ? resource : `${resource}/${subresource}`;
  const where = namespace === undefined ? 'at the cluster scope' : `in the namespace "${namespace}"`;
  return forbidden(resource, name, `User "${user}" cannot ${verb} resource "${what}" in API group "${group}" ${where}`);
}

/** The container of a pod that a stream or a log is about; throws what the API server and the kubelet say. */
export function containerOf({ kubelet, ...ground }: Ground, call: Call) {
  const pod = named({ kubelet, ...ground }, call) as Pod;
  const name = call.query.get('container') ?? pod.spec.containers[0]?.name ?? '';
  if (!containersOf(pod).some((container) => container.name === name))
    throw refuse(400, `container ${name} is not valid for pod ${pod.metadata.name}`);
  return { pod, name, kept: kubelet.container(pod, name), status: statusOf(pod, name) };
}
