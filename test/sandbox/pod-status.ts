/** A pod's status, from the states of its containers. */
import { type Container, type ContainerStatus, lists, now, type Pod, type State } from './objects.ts';

/** Writes a container's state, and what follows from it for the pod. */
export function setState(draft: Pod, container: Container, state: State, more: Partial<ContainerStatus> = {}): void {
  const { spec, status } = draft;
  const [list, statuses] = lists.find(([each]) => spec[each]?.some(({ name }) => name === container.name)) ?? lists[1];
  const all = status[statuses] ?? [];
  const old = all.find(({ name }) => name === container.name);
  const runs = state.running !== undefined;
  const isEphemeral = list === 'ephemeralContainers';
  const next: ContainerStatus = {
    lastState: {},
    restartCount: 0,
    imageID: '',
    ...old,
    name: container.name,
    image: container.image ?? '',
    state,
    ready: runs && !isEphemeral,
    ...(isEphemeral ? {} : { started: runs }),
    ...more,
  };
  status[statuses] = old === undefined ? [...all, next] : all.map((each) => (each === old ? next : each));
  // An evicted pod stays Failed, whatever its containers do.
  if (status.reason === undefined) conclude(draft);
}

/** Phase and conditions, from the states of the containers. */
function conclude({ spec, status }: Pod): void {
  const states = spec.containers.map(({ name }) => status.containerStatuses?.find((each) => each.name === name));
  const ready = states.every((each) => each?.ready === true);
  const over =
    spec.restartPolicy !== undefined && spec.restartPolicy !== 'Always' && states.every((each) => each?.state.terminated !== undefined);
  const failed = states.some((each) => (each?.state.terminated?.exitCode ?? 0) !== 0);
  const begun = states.some((each) => each?.state.running !== undefined || each?.lastState.terminated !== undefined);
  status.phase = over ? (failed ? 'Failed' : 'Succeeded') : begun ? 'Running' : status.phase;
  const condition = (type: string, holds: boolean) => {
    const text = holds ? 'True' : 'False';
    const old = status.conditions?.find((each) => each.type === type);
    return old?.status === text ? old : { type, status: text, lastTransitionTime: now() };
  };
  status.conditions = [condition('PodScheduled', true), condition('Ready', ready), condition('ContainersReady', ready)];
}
