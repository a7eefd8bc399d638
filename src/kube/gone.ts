/** Whether a pod is still the one that was found; pure. */
import type { V1Pod } from '@kubernetes/client-node';
import { KprofError } from '../errors.ts';
import type { Snapshot } from './ephemeral-state.ts';
import { ended, statusOf } from './pod-state.ts';

/** The container that must stay what it is. */
export interface Pinned {
  readonly namespace: string;
  readonly pod: string;
  readonly uid: string;
  readonly container: string;
  /** As the status has it, with its `containerd://`. */
  readonly containerId: string | undefined;
  readonly restartCount: number;
}

/** The error when the target is gone, or undefined while it lives. */
export function goneReason(pinned: Pinned, { pod, deleted }: Snapshot): KprofError | undefined {
  const name = `${pinned.namespace}/${pinned.pod}`;
  const gone = (what: string, cause?: string) => new KprofError('gone', what, { cause });
  if (pod !== undefined && pod.metadata?.uid !== pinned.uid) return gone(`The pod ${name} was replaced by another of the same name`);
  const eviction = pod === undefined ? undefined : evicted(pod);
  if (eviction !== undefined) return gone(`The pod ${name} was evicted`, eviction);
  if (pod === undefined || deleted) return gone(`The pod ${name} was deleted`);
  if (pod.metadata?.deletionTimestamp !== undefined) return gone(`The pod ${name} is being deleted`);
  return lost(pod, name) ?? restarted(pinned, pod, gone);
}

function evicted({ status }: V1Pod): string | undefined {
  if (status?.reason === 'Evicted' || status?.reason === 'Preempting') return status.message ?? status.reason;
  const disruption = status?.conditions?.find((condition) => condition.type === 'DisruptionTarget' && condition.status === 'True');
  return disruption === undefined
    ? undefined
    : [disruption.reason, disruption.message].filter((part) => part !== undefined && part !== '').join(': ');
}

function lost({ status }: V1Pod, name: string): KprofError | undefined {
  if (status?.reason === 'NodeLost' || status?.phase === 'Unknown')
    return new KprofError('gone', `The node of pod ${name} is lost`, { cause: status.message });
  return undefined;
}

function restarted(pinned: Pinned, pod: V1Pod, gone: (what: string, cause?: string) => KprofError): KprofError | undefined {
  const status = statusOf(pod, pinned.container);
  const what = `The container ${pinned.container} of pod ${pinned.namespace}/${pinned.pod}`;
  // A status that is missing for a moment says nothing.
  if (status === undefined) return undefined;
  if (status.state?.terminated !== undefined) return gone(`${what} has ended`, ended(status.state.terminated));
  const changed =
    status.containerID !== undefined &&
    status.containerID !== '' &&
    pinned.containerId !== undefined &&
    status.containerID !== pinned.containerId;
  return changed || status.restartCount > pinned.restartCount
    ? gone(`${what} was restarted`, ended(status.lastState?.terminated))
    : undefined;
}
