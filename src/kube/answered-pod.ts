/** Whether what a server calls a pod can be one: its names become parts of addresses, files and lines to paste. */
import type { V1Pod } from '@kubernetes/client-node';
import { KprofError } from '../errors.ts';
import { isLabel, isSubdomain } from './names.ts';

/** What was asked for. */
export interface Expected {
  readonly server: URL;
  readonly namespace: string;
  /** Undefined when it is one of a list. */
  readonly name?: string | undefined;
}

type Loose = Readonly<Record<string, unknown>>;

const lists = {
  spec: ['containers', 'initContainers', 'ephemeralContainers'],
  status: ['containerStatuses', 'initContainerStatuses', 'ephemeralContainerStatuses', 'conditions'],
} as const;

/** The pod, or an error: no API server gives a name that Kubernetes does not allow, another object than was asked for, or one without its form. */
export function answeredPod(answer: unknown, { server, namespace, name }: Expected): V1Pod {
  const refuse = (what: string) =>
    new KprofError('failed', `${server.host} gave ${what}`, { hint: 'is this the address of a Kubernetes API server, with its path?' });
  const asked = `pod ${namespace}/${name ?? ''}`.replace(/\/$/, '');
  if (!isMapping(answer) || !isMapping(answer['metadata'])) throw refuse(`something else than a pod when asked for ${asked}`);
  const { metadata, spec = {}, status = {} } = answer;
  if (metadata['namespace'] !== namespace || (name ?? metadata['name']) !== metadata['name']) throw refuse(`another object than ${asked}`);
  if (!isSubdomain(metadata['name'])) throw refuse(`a pod with the name ${JSON.stringify(metadata['name'])}`);
  if (typeof metadata['uid'] !== 'string' || !/^[\w-]{1,128}$/.test(metadata['uid'])) throw refuse(`${asked} without a uid`);
  if (!isMapping(spec) || !isMapping(status)) throw refuse(`something else than a pod when asked for ${asked}`);
  for (const [part, keys] of [[spec, lists.spec] as const, [status, lists.status] as const])
    for (const key of keys) if (!isList(part[key])) throw refuse(`${asked} with ${key} that are no list`);
  const wrong = lists.spec.flatMap((key) => (spec[key] ?? []) as readonly Loose[]).find((each) => !isLabel(each['name']));
  if (wrong !== undefined) throw refuse(`${asked} with a container of the name ${JSON.stringify(wrong['name'])}`);
  if (spec['nodeName'] !== undefined && !isSubdomain(spec['nodeName']))
    throw refuse(`${asked} on a node of the name ${JSON.stringify(spec['nodeName'])}`);
  return answer as V1Pod;
}

const isMapping = (value: unknown): value is Loose => typeof value === 'object' && value !== null && !Array.isArray(value);

const isList = (value: unknown): boolean => value === undefined || (Array.isArray(value) && value.every(isMapping));
