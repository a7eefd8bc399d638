/** The API's objects as their JSON is, as far as the sandbox looks into them. */

export interface Meta {
  name: string;
  generateName?: string;
  namespace?: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  deletionGracePeriodSeconds?: number;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
}

/** Any object. */
export interface Thing {
  apiVersion: string;
  kind: string;
  metadata: Meta;
  [field: string]: unknown;
}

export interface SecurityContext {
  runAsUser?: number;
  runAsGroup?: number;
  runAsNonRoot?: boolean;
  privileged?: boolean;
  allowPrivilegeEscalation?: boolean;
  capabilities?: { add?: string[]; drop?: string[] };
  seccompProfile?: { type: string };
}

export interface Container {
  name: string;
  image?: string;
  imagePullPolicy?: string;
  command?: string[];
  args?: string[];
  env?: { name: string; value?: string }[];
  workingDir?: string;
  stdin?: boolean;
  tty?: boolean;
  restartPolicy?: string;
  targetContainerName?: string;
  securityContext?: SecurityContext;
  volumeMounts?: { name: string; mountPath: string }[];
  [field: string]: unknown;
}

export interface Terminated {
  exitCode: number;
  reason?: string;
  message?: string;
  startedAt?: string;
  finishedAt?: string;
  containerID?: string;
}

export interface State {
  waiting?: { reason: string; message?: string };
  running?: { startedAt: string };
  terminated?: Terminated;
}

export interface ContainerStatus {
  name: string;
  state: State;
  lastState: State;
  ready: boolean;
  started?: boolean;
  restartCount: number;
  image: string;
  imageID: string;
  containerID?: string;
  user?: { linux: { uid: number; gid: number; supplementalGroups: number[] } };
}

export interface PodSpec {
  containers: Container[];
  initContainers?: Container[];
  ephemeralContainers?: Container[];
  restartPolicy?: string;
  nodeName?: string;
  securityContext?: SecurityContext;
  terminationGracePeriodSeconds?: number;
  volumes?: { name: string; hostPath?: unknown }[];
  hostPID?: boolean;
  hostNetwork?: boolean;
  hostIPC?: boolean;
  [field: string]: unknown;
}

export interface PodStatus {
  phase: string;
  reason?: string;
  message?: string;
  podIP?: string;
  startTime?: string;
  conditions?: { type: string; status: string; reason?: string; message?: string; lastTransitionTime?: string }[];
  containerStatuses?: ContainerStatus[];
  initContainerStatuses?: ContainerStatus[];
  ephemeralContainerStatuses?: ContainerStatus[];
}

export interface Pod extends Thing {
  spec: PodSpec;
  status: PodStatus;
}

/** The lists of a pod's spec that hold containers, with the list of the status that tells of them. */
export const lists = [
  ['initContainers', 'initContainerStatuses'],
  ['containers', 'containerStatuses'],
  ['ephemeralContainers', 'ephemeralContainerStatuses'],
] as const;

/** All containers of a pod, in the order in which they start. */
export const containersOf = ({ spec }: Pod): Container[] => lists.flatMap(([list]) => spec[list] ?? []);

/** The status of a container, or undefined before it has one. */
export const statusOf = ({ status }: Pod, name: string): ContainerStatus | undefined =>
  lists.flatMap(([, list]) => status[list] ?? []).find((each) => each.name === name);

/** Now, as the API writes times: without fractions of a second. */
export const now = (): string => new Date().toISOString().replace(/\.\d+/, '');
