/** What the status of an ephemeral container says: it runs, it will never, or wait; pure. */
import type { V1ContainerStatus, V1Pod } from '@kubernetes/client-node';
import { type Failure, KprofError } from '../errors.ts';
import type { ImageName } from '../toolkit.ts';
import { ended } from './pod-state.ts';

/** A pod as it was at one moment; without one, it does not exist. */
export interface Snapshot {
  readonly pod: V1Pod | undefined;
  readonly deleted: boolean;
}

/** The debug container that is waited for. */
export interface Debugger {
  readonly namespace: string;
  readonly pod: string;
  readonly uid: string;
  /** Of the ephemeral container. */
  readonly name: string;
  readonly image: ImageName;
  /** The full reference of its image. */
  readonly reference: string;
}

/** Where it stands; `logs` when its own log may tell more. */
export type EphemeralState =
  | { readonly kind: 'runs'; readonly pod: V1Pod; readonly status: V1ContainerStatus }
  | { readonly kind: 'fails'; readonly error: KprofError; readonly logs: boolean }
  | { readonly kind: 'waits' };

const waits: EphemeralState = { kind: 'waits' };
const fails = (
  failure: Failure,
  message: string,
  more: { hint?: string | undefined; cause?: unknown } = {},
  logs = false,
): EphemeralState => ({ kind: 'fails', error: new KprofError(failure, message, more), logs });

/** Reads the snapshot. */
export function ephemeralState(wanted: Debugger, { pod, deleted }: Snapshot): EphemeralState {
  const where = `${wanted.namespace}/${wanted.pod}`;
  if (pod === undefined || deleted) return fails('gone', `The pod ${where} was deleted`);
  if (pod.metadata?.uid !== wanted.uid) return fails('gone', `The pod ${where} was replaced by another of the same name`);
  const status = pod.status?.ephemeralContainerStatuses?.find(({ name }) => name === wanted.name);
  const { running, terminated, waiting } = status?.state ?? {};
  if (status !== undefined && running !== undefined) return { kind: 'runs', pod, status };
  if (terminated !== undefined) return atOnce(wanted, `${terminated.reason ?? ''}: ${terminated.message ?? ''}`, ended(terminated));
  if (pod.metadata.deletionTimestamp !== undefined) return fails('gone', `The pod ${where} is being deleted`);
  return waiting === undefined ? waits : stuck(wanted, pod, waiting.reason ?? '', waiting.message);
}

const imageReasons: Readonly<Record<string, string>> = {
  ErrImagePull: 'cannot be pulled',
  ImagePullBackOff: 'cannot be pulled',
  ErrImageNeverPull: 'is not on the node, and may not be pulled (--image-pull-policy Never)',
  InvalidImageName: 'is no valid image name',
  ImageInspectError: 'cannot be inspected by the node',
  RegistryUnavailable: 'cannot be pulled: its registry is not available',
  SignatureValidationFailed: 'has no valid signature',
};

function stuck(wanted: Debugger, pod: V1Pod, reason: string, message: string | undefined): EphemeralState {
  const image = imageReasons[reason];
  if (image !== undefined)
    return fails('failed', `The image ${wanted.reference} ${image}`, { cause: message ?? reason, hint: imageHint(wanted, pod) });
  if (reason === 'CreateContainerConfigError')
    return fails('forbidden', `The node refuses to create ${wanted.name}`, { cause: message ?? reason });
  if (reason === 'RunContainerError' || reason === 'StartError') return atOnce(wanted, `${reason}: ${message ?? ''}`, message ?? reason);
  // The kubelet tries again, and a target that was not there yet may be there by then: CreateContainerError … CONTAINER_EXITED.
  return waits;
}

/** Another image for those who can't pull ours. */
const stockImages: Readonly<Partial<Record<ImageName, string>>> = { jvm: 'eclipse-temurin:25-jdk', net: 'nicolaka/netshoot:v0.16' };

function imageHint({ image }: Debugger, pod: V1Pod): string {
  const secrets = (pod.spec?.imagePullSecrets ?? []).map(({ name }) => name).join(', ');
  const pulls = secrets === '' ? 'the pod has no imagePullSecrets' : `the pod pulls with the imagePullSecrets ${secrets}`;
  const stock = stockImages[image];
  const other = stock === undefined ? '' : `--image ${stock} takes a stock image; `;
  return `${other}--registry REGISTRY (or KPROF_REGISTRY) ${stock === undefined ? 'takes ' : ''}one that mirrors kprof's; ${pulls}, and a debug container has the same`;
}

/** The error for an image of another architecture. */
export const wrongArchitecture = ({ reference }: Pick<Debugger, 'reference'>, cause: string | undefined): KprofError =>
  new KprofError('unsupported', `The image ${reference} is for another processor than the node has`, {
    cause,
    hint: '--image names one for its architecture',
  });

function atOnce({ name, reference }: Debugger, text: string, cause: string | undefined): EphemeralState {
  if (/exec format error/.test(text)) return { kind: 'fails', error: wrongArchitecture({ reference }, cause), logs: false };
  const program = /exec: "([^"]+)": (?:executable file not found|stat [^:]*: no such file)/.exec(text)?.[1];
  if (program !== undefined)
    return fails('unsupported', `The image ${reference} lacks ${/^(\/.*\/)?(ba|da|)sh$/.test(program) ? 'a shell' : program}`, {
      cause,
      hint: 'a debug image needs bash or busybox',
    });
  return fails('failed', `The debug container ${name} ended as soon as it began`, { cause }, true);
}

/** The error when time is up, with what was seen last. */
export function notYet({ name, namespace, pod: podName, reference }: Debugger, last: Snapshot | undefined, timeout: number): KprofError {
  const status = last?.pod?.status?.ephemeralContainerStatuses?.find((each) => each.name === name);
  const { reason, message } = status?.state?.waiting ?? {};
  const node = last?.pod?.spec?.nodeName ?? 'its node';
  const seen =
    last === undefined
      ? 'the API server did not answer'
      : status === undefined
        ? `the kubelet of ${node} has not taken it up`
        : reason === 'ContainerCreating'
          ? `${node} is pulling ${reference} or creating the container`
          : [reason, message].filter((part) => part !== undefined).join(': ');
  return new KprofError('timeout', `The debug container ${name} does not run after ${timeout / 1000}s`, {
    cause: seen,
    hint: `--timeout 5m waits longer; see: kubectl describe pod -n ${namespace} ${podName}`,
  });
}
