/**
 * The port: what the engine needs of a cluster, in words without Kubernetes types.
 * Implemented by src/kube, and in tests by local processes.
 */
import type { Duplex } from 'node:stream';
import { KprofError } from './errors.ts';
import type { Access, Argv, Bears, DeclaredPort, ImageName } from './toolkit.ts';

/** Takes bytes, which are its own from then on; a promise it returns holds the sender back until it settles. */
export type Sink = (bytes: Uint8Array) => void | Promise<void>;

/** Where a remote command's bytes go. A sink that is absent discards. */
export interface Io {
  readonly stdout?: Sink;
  readonly stderr?: Sink;
  /** Drops the line; the pod ends the command by itself when it notices. */
  readonly signal?: AbortSignal;
}

/** A remote command under way. */
export interface Execution {
  /** Settles when the command ended and its streams are closed; rejects when the line is lost or was never granted. */
  readonly done: Promise<{ readonly code: number }>;
  /** Writes to the command's stdin. */
  send(text: string): void;
}

/** A user and group as numbers, as the kernel has them. */
export interface User {
  readonly uid: number;
  readonly gid: number;
}

/** What the user asked for: `name` may be `pod`, `pod/NAME`, `deploy/NAME` … */
export interface Where {
  readonly name: string;
  /** Else the one of the context, or of the flag. */
  readonly namespace?: string | undefined;
  readonly container?: string | undefined;
  /** The pod as a whole is meant: it does not matter what becomes of one of its containers. */
  readonly whole?: boolean | undefined;
  /** How a container looks that is probably meant, when none is named. */
  readonly likely?: RegExp | undefined;
}

/** The debug container that is wanted. */
export interface DebugSpec {
  readonly image: ImageName;
  /** The full reference to pull. */
  readonly reference: string;
  readonly pullPolicy: 'Always' | 'IfNotPresent' | 'Never';
  readonly access: Access;
  /** Whom the process runs as, where that was seen to differ from what the cluster says. */
  readonly user?: User;
  /** What is added to the runtime's default capabilities, by consent. Such a container is used once. */
  readonly adds?: 'SYS_PTRACE' | 'NET_RAW';
  /** Not one that is there already. */
  readonly fresh?: boolean;
  /** The main process: the supervisor. */
  readonly command: Argv;
  /** How long to wait for it to run. */
  readonly timeout: number;
}

/** A port of the pod can't be connected to; others may be. */
export class PortFailed extends KprofError {}

/** Nothing in the pod takes connections at a port. */
export class NothingListens extends PortFailed {}

/** A line of a container's log, and when it was printed; the moments can be compared as texts. */
export interface LogLine {
  readonly at: string;
  readonly text: string;
}

/** What the kubelet asks the container from time to time; in seconds. */
export interface Probe {
  readonly kind: 'liveness' | 'readiness';
  readonly period: number;
  readonly timeout: number;
  /** So many in a row count. */
  readonly failures: number;
}

/** One container of one pod, pinned: a pod of the same name that is made later is another target. */
export interface Target {
  readonly namespace: string;
  readonly pod: string;
  readonly uid: string;
  readonly container: string;
  /** Other containers of the pod that may be meant; none when one was named. */
  readonly alternatives: readonly string[];
  /** The runtime's ID, without its `containerd://`. */
  readonly containerId: string;
  /** Aborts, with a KprofError as its reason, when the pod goes away or the container restarts. */
  readonly gone: AbortSignal;
  /** CPU limit of the whole pod in cores; undefined without one. */
  readonly cpuLimit: number | undefined;
  /** What it bears that is done to the container. */
  readonly bears: Bears;
  /** Its localhost is its node's: a port there may be anybody's. */
  readonly hostNetwork: boolean;
  /** TCP ports of its node by which what we take out of the pod may pass. */
  readonly linePorts: readonly number[];
  /** Its processes are among those of its node. */
  readonly hostPid: boolean;
  /** The service mesh that has a proxy in the pod, by its name. */
  readonly mesh?: string | undefined;
  /** TCP ports that this container and its alternatives declare. */
  readonly ports: readonly DeclaredPort[];
  readonly probes: readonly Probe[];
  /**
   * A connection to a port of the pod, as if from inside it: what only listens on the pod's loopback is reached too.
   * Rejects when it is not granted; emits `error` with a NothingListens when nobody takes it. Its end is the end of both directions.
   */
  forward(port: number, signal: AbortSignal): Promise<Duplex>;
  /** What the app's container printed after that moment, which is the `at` of a line; without one, its last line alone. */
  log(after: string | undefined, signal: AbortSignal): Promise<readonly LogLine[]>;
  /** Gives a running debug container: one of ours that fits, or a new one. */
  inject(spec: DebugSpec, signal: AbortSignal): Promise<DebugContainer>;
  /** A debug container that was made before, if it still runs; throws `gone` when it does not. */
  rejoin(known: Pick<DebugContainer, 'name' | 'user' | 'rung' | 'why'>, signal: AbortSignal): Promise<DebugContainer>;
  /** All debug containers of kprof that the pod's spec has, the newest first, as the API server keeps them. */
  debugContainers(signal: AbortSignal): Promise<readonly Listed[]>;
  /** What `inject` would send, as the object of the request; changes nothing. */
  manifest(spec: DebugSpec): unknown;
  /** Ends the watch behind `gone`. */
  close(): void;
}

/** An ephemeral container of ours that runs. */
export interface DebugContainer {
  readonly name: string;
  readonly reference: string;
  /** The digest as the runtime resolved it. */
  readonly imageId: string;
  readonly user: User;
  /** Which step of the access ladder it stands on. */
  readonly rung: string;
  /** The same in words: «as the app's own user 1000:3000, without any capability». */
  readonly why: string;
  readonly reused: boolean;
  exec(argv: Argv, io: Io): Execution;
}

/** A debug container as the cluster tells of it. */
export interface Listed {
  readonly name: string;
  readonly image: string;
  readonly state: 'waits' | 'runs' | 'ended';
  /** It ended otherwise than by itself, so without having undone what it began. */
  readonly killed: boolean;
  /** ISO 8601, when it started or ended. */
  readonly since: string | undefined;
  /** The container that it looks at. */
  readonly target: string;
  /** Made by this user, here. */
  readonly ours: boolean;
}

/** Finds targets. */
export interface Cluster {
  /** Of the kubeconfig; undefined inside a pod. */
  readonly context: string | undefined;
  /** Absolute paths of the kubeconfigs that name it; none inside a pod. */
  readonly kubeconfigs?: readonly string[] | undefined;
  /** Throws a usage error for what no cluster could have. */
  check(where: Where): void;
  find(where: Where, signal: AbortSignal): Promise<Target>;
  /** Names of all pods that run and that labels fit, or that are of the workload `where.name`; the oldest first. */
  list(
    where: Pick<Where, 'name' | 'namespace'> & { readonly selector: string | undefined },
    signal: AbortSignal,
  ): Promise<readonly string[]>;
}
