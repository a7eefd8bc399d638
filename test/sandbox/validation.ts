/** What the API server checks of a new object, of a pod's ephemeral containers, and of what is asked of a log (kubernetes pkg/apis/core/validation). */
import type { Resource } from './discovery.ts';
import { type Container, containersOf, type Pod, type PodSpec } from './objects.ts';
import { conflict, invalid, modified, refuse, type Wrong } from './refusal.ts';

const required = (field: string, why?: string): Wrong => ({
  reason: 'FieldValueRequired',
  message: why === undefined ? 'Required value' : `Required value: ${why}`,
  field,
});
const denied = (field: string, why: string): Wrong => ({ reason: 'FieldValueForbidden', message: `Forbidden: ${why}`, field });
const missing = (field: string, value: string): Wrong => ({
  reason: 'FieldValueNotFound',
  message: `Not found: ${JSON.stringify(value)}`,
  field,
});
const bad = (field: string, value: string | number, why: string): Wrong => ({
  reason: 'FieldValueInvalid',
  message: `Invalid value: ${JSON.stringify(value)}: ${why}`,
  field,
});

const notALabel =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";

/** In the order in which they are told. */
const notForEphemeral = ['ports', 'resources', 'livenessProbe', 'readinessProbe', 'startupProbe', 'lifecycle'];

/** What the API server fills in. */
export function withDefaults(container: Container): Container {
  const tag = /@/.test(container.image ?? '') ? 'digest' : (/:([^:/]+)$/.exec(container.image ?? '')?.[1] ?? 'latest');
  return {
    ...container,
    resources: container['resources'] ?? {},
    terminationMessagePath: container['terminationMessagePath'] ?? '/dev/termination-log',
    terminationMessagePolicy: container['terminationMessagePolicy'] ?? 'File',
    imagePullPolicy: container.imagePullPolicy ?? (tag === 'latest' ? 'Always' : 'IfNotPresent'),
  };
}

/** Throws unless a new object has what it can't be without. */
export function checkNew(
  { kind, group }: Resource,
  object: { readonly metadata: { readonly name: string }; readonly spec?: unknown },
): void {
  const { metadata, spec } = object;
  const wrong: Wrong[] = [];
  if (metadata.name === '') wrong.push(required('metadata.name', 'name or generateName is required'));
  if (kind === 'Pod' && ((spec as Partial<PodSpec> | undefined)?.containers ?? []).length === 0) wrong.push(required('spec.containers'));
  if (wrong.length > 0) throw invalid(kind, metadata.name, wrong, group);
}

/** Throws unless the time from which on a log is asked for is one time. */
export function checkSince(pod: string, query: URLSearchParams): void {
  const [seconds, time] = [query.get('sinceSeconds'), query.get('sinceTime') || null];
  if (time !== null && Number.isNaN(Date.parse(time)))
    throw refuse(400, `parsing time "${time}" as "2006-01-02T15:04:05Z07:00": cannot parse "${time}" as "2006"`);
  if (seconds === null) return;
  if (!/^[-+]?\d+$/.test(seconds)) throw refuse(400, `strconv.ParseInt: parsing "${seconds}": invalid syntax`);
  const wrong = (field: Wrong) => invalid('PodLogOptions', pod, [field]);
  if (time !== null) throw wrong(denied('[]', 'at most one of `sinceTime` or `sinceSeconds` may be specified'));
  if (Number(seconds) < 1) throw wrong(bad('sinceSeconds', Number(seconds), 'must be greater than 0'));
}

/** Throws unless `after` differs from `before` by added ephemeral containers that are as they should be. */
export function checkEphemeral(before: Pod, after: Pod): void {
  const { name, uid, resourceVersion } = before.metadata;
  if (after.metadata.resourceVersion !== resourceVersion) throw conflict('pods', name, modified);
  if (after.metadata.uid !== uid) throw invalid('Pod', name, [bad('metadata.uid', String(after.metadata.uid), 'field is immutable')]);
  const old = before.spec.ephemeralContainers ?? [];
  const next = after.spec.ephemeralContainers ?? [];
  const others = containersOf(before).filter((container) => !old.includes(container));
  const wrong = [...next.flatMap((container, index) => checkOne(container, index, { before, next, others })), ...checkKept(old, next)];
  if (wrong.length > 0) throw invalid('Pod', name, wrong);
}

interface Around {
  readonly before: Pod;
  readonly next: readonly Container[];
  readonly others: readonly Container[];
}

function checkOne(container: Container, index: number, { before, next, others }: Around): readonly Wrong[] {
  const at = `spec.ephemeralContainers[${index}]`;
  const wrong: Wrong[] = [];
  const { name = '', image = '', targetContainerName: target = '', volumeMounts = [] } = container;
  if (name === '') wrong.push(required(`${at}.name`));
  else if (!/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(name)) wrong.push(bad(`${at}.name`, name, notALabel));
  if (image === '') wrong.push(required(`${at}.image`));
  volumeMounts.forEach((mount, number) => {
    if (!before.spec.volumes?.some((volume) => volume.name === mount.name))
      wrong.push(missing(`${at}.volumeMounts[${number}].name`, mount.name));
  });
  if (name !== '' && (others.some((other) => other.name === name) || next.findIndex((other) => other.name === name) < index))
    wrong.push({ reason: 'FieldValueDuplicate', message: `Duplicate value: ${JSON.stringify(name)}`, field: `${at}.name` });
  for (const field of notForEphemeral)
    if (Object.keys((container[field] as object | undefined) ?? {}).length > 0)
      wrong.push(denied(`${at}.${field}`, 'cannot be set for an Ephemeral Container'));
  if (target !== '' && !others.some((other) => other.name === target)) wrong.push(missing(`${at}.targetContainerName`, target));
  return wrong;
}

// The real text goes on with a diff of the two, in Go's own notation.
function checkKept(old: readonly Container[], next: readonly Container[]): readonly Wrong[] {
  return old.flatMap((container) => {
    const now = next.find(({ name }) => name === container.name);
    if (now !== undefined && JSON.stringify(sorted(now)) === JSON.stringify(sorted(container))) return [];
    const what = now === undefined ? 'removed' : 'changed';
    return [denied('spec.ephemeralContainers', `existing ephemeral containers ${JSON.stringify(container.name)} may not be ${what}\n`)];
  });
}

const sorted = (value: unknown): unknown =>
  Array.isArray(value)
    ? value.map(sorted)
    : typeof value === 'object' && value !== null
      ? Object.fromEntries(
          Object.entries(value)
            .sort(([a], [b]) => (a < b ? -1 : 1))
            .map(([key, inner]) => [key, sorted(inner)]),
        )
      : value;
