/** A node of local processes: it runs the containers of the store's pods, and writes their status. */
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chownSync, mkdirSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { type ContainerLog, openLog } from './container-log.ts';
import { failedState, type Image, imageName, unpack } from './images.ts';
import {
  type Container,
  type ContainerStatus,
  containersOf,
  lists,
  now,
  type Pod,
  type State,
  statusOf,
  type Terminated,
} from './objects.ts';
import { CannotRun, kill, killAll, marks, type Room, run } from './processes.ts';
import type { Store } from './store.ts';

/** A container that runs. */
export interface Running extends Room {
  readonly id: string;
  readonly main: ChildProcess;
}

/** What is kept of a container beyond its end. */
export interface Kept {
  readonly log: ContainerLog;
  previous?: ContainerLog;
  running?: Running | undefined;
  restarts: number;
  ended?: Promise<Terminated>;
}

export interface Kubelet {
  /** Takes up whatever is new in a pod. */
  sync(pod: Pod): void;
  container(pod: Pod, name: string): Kept | undefined;
  /** SIGTERM, after the grace period SIGKILL, then the pod is removed. */
  remove(pod: Pod, graceSeconds: number): Promise<void>;
  /** Ends a container's processes at once, as by the kernel; the kubelet does with it as its pod's restart policy says. */
  end(pod: Pod, name: string, how?: Partial<Terminated>): void;
  /** Ends all containers; the pod stays as Failed. */
  evict(pod: Pod, message: string): void;
  event(pod: Pod, type: 'Normal' | 'Warning', reason: string, message: string): void;
  /** From now on nothing is started, and nothing is written. */
  close(): void;
}

export interface Node {
  readonly store: Store;
  readonly folder: string;
  readonly sandbox: string;
  readonly images: Readonly<Record<string, Image>>;
  /** Of all containers. */
  readonly env: Readonly<Record<string, string>>;
  /** Milliseconds of the first CrashLoopBackOff. */
  readonly backOff: number;
}

const self = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
const runc = 'failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed:';

/** Starts the node. */
export function startKubelet(node: Node): Kubelet {
  const { store } = node;
  const kept = new Map<string, Kept>();
  const overrides = new Map<string, Partial<Terminated>>();
  const paths = new Map<string, string>();
  const keyOf = (pod: Pod, name: string) => `${pod.metadata.uid}/${name}`;
  let closed = false;
  const fresh = (pod: Pod): Pod | undefined => {
    if (closed) return undefined;
    const found = store.get('pods', pod.metadata.namespace, pod.metadata.name) as Pod | undefined;
    return found?.metadata.uid === pod.metadata.uid ? found : undefined;
  };

  function write(pod: Pod, alter: (draft: Pod) => void): void {
    if (fresh(pod) !== undefined) store.update<Pod>('pods', pod.metadata.namespace, pod.metadata.name, alter);
  }

  /** Writes a container's state, and what follows from it for the pod. */
  function report(pod: Pod, container: Container, state: State, more: Partial<ContainerStatus> = {}): void {
    write(pod, (draft) => {
      const [list, statuses] = lists.find(([each]) => draft.spec[each]?.some(({ name }) => name === container.name)) ?? lists[1];
      draft.status[statuses] ??= [];
      const old = draft.status[statuses].find(({ name }) => name === container.name);
      const runs = state.running !== undefined;
      const next: ContainerStatus = {
        lastState: {},
        restartCount: 0,
        imageID: '',
        ...old,
        name: container.name,
        image: container.image ?? '',
        state,
        ready: runs && list !== 'ephemeralContainers',
        ...(list === 'ephemeralContainers' ? {} : { started: runs }),
        ...more,
      };
      draft.status[statuses] =
        old === undefined ? [...draft.status[statuses], next] : draft.status[statuses].map((each) => (each === old ? next : each));
      if (draft.status.reason === undefined) conclude(draft);
    });
  }

  function event(pod: Pod, type: 'Normal' | 'Warning', reason: string, message: string): void {
    const { name, namespace = 'default', uid } = pod.metadata;
    store.add('events', {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: `${name}.${randomBytes(8).toString('hex')}`, namespace },
      involvedObject: { apiVersion: 'v1', kind: 'Pod', name, namespace, uid },
      type,
      reason,
      message,
      source: { component: 'kubelet', host: 'sandbox' },
      firstTimestamp: now(),
      lastTimestamp: now(),
      count: 1,
    });
  }

  function room(pod: Pod, container: Container, id: string, image: string): Room {
    const { securityContext: own = {} } = container;
    const { securityContext: shared = {} } = pod.spec;
    const user = { uid: own.runAsUser ?? shared.runAsUser ?? self.uid, gid: own.runAsGroup ?? shared.runAsGroup ?? self.gid };
    const folder = join(node.folder, id.slice(0, 12));
    mkdirSync(folder, { mode: 0o700 });
    if (self.uid === 0) chownSync(folder, user.uid, user.gid);
    return {
      folder,
      user,
      env: {
        PATH: pathOf(image),
        HOME: folder,
        HOSTNAME: pod.metadata.name,
        ...node.env,
        ...envOf(container),
        KPROF_DIR: join(folder, 'kprof'),
        // Only what the image has is to be found.
        KPROF_PATH: '',
        [marks.sandbox]: node.sandbox,
        [marks.container]: id,
      },
    };
  }

  function pathOf(name: string): string {
    const image = node.images[name];
    if (image === undefined || 'fails' in image) return '';
    const path = paths.get(name) ?? unpack(join(node.folder, `image-${name}`), image.programs, image.from);
    paths.set(name, path);
    return path;
  }

  /** Pulls and starts; a failure is a state. */
  async function begin(pod: Pod, container: Container): Promise<void> {
    const entry = kept.get(keyOf(pod, container.name)) ?? { log: openLog(), restarts: 0 };
    kept.set(keyOf(pod, container.name), entry);
    report(pod, container, { waiting: { reason: 'ContainerCreating' } });
    const reference = container.image ?? '';
    const name = imageName(reference);
    const image = node.images[name] ?? {
      fails: /[A-Z]|:.*:/.test(reference.replace(/^[^/]*\//, ''))
        ? ('InvalidImageName' as const)
        : container.imagePullPolicy === 'Never'
          ? ('ErrImageNeverPull' as const)
          : ('ErrImagePull' as const),
    };
    if ('fails' in image) return fail(pod, container, failedState(image.fails, reference));
    if (image.pull !== undefined) await new Promise((resolve) => setTimeout(resolve, image.pull));
    const refusal = nonRoot(pod, container);
    if (refusal !== undefined) return fail(pod, container, [{ waiting: { reason: 'CreateContainerConfigError', message: refusal } }]);
    if (fresh(pod) === undefined) return;
    event(pod, 'Normal', 'Pulled', `Container image "${reference}" already present on machine`);
    const id = randomBytes(32).toString('hex');
    const target = container.targetContainerName;
    if (target !== undefined && kept.get(keyOf(pod, target))?.running === undefined)
      return fail(pod, container, [
        { waiting: { reason: 'CreateContainerError', message: `container "${target}" is not running - in state CONTAINER_EXITED` } },
      ]);
    try {
      launch(pod, container, entry, id, name, image.command ?? ['sh']);
    } catch (error) {
      if (!(error instanceof CannotRun)) throw error;
      const message = `${runc} ${error.message}`;
      fail(pod, container, [
        {
          terminated: {
            exitCode: 128,
            reason: 'StartError',
            message,
            startedAt: now(),
            finishedAt: now(),
            containerID: `containerd://${id}`,
          },
        },
      ]);
    }
  }

  function launch(pod: Pod, container: Container, entry: Kept, id: string, image: string, usual: readonly string[]): void {
    const where = room(pod, container, id, image);
    const argv = [...(container.command ?? (container.args === undefined ? usual : usual.slice(0, 1))), ...(container.args ?? [])].map(
      expand(container),
    );
    const main = run(argv, where, [container.stdin === true ? 'pipe' : 'ignore', 'pipe', 'pipe']);
    const startedAt = now();
    entry.running = { ...where, id, main };
    main.stdin?.on('error', () => undefined);
    main.stdout?.on('data', (bytes: Buffer) => entry.log.write('stdout', bytes));
    main.stderr?.on('data', (bytes: Buffer) => entry.log.write('stderr', bytes));
    const { promise, resolve } = Promise.withResolvers<Terminated>();
    entry.ended = promise;
    const over = (exitCode: number, message?: string) => {
      // Whatever main leaves behind is ended with it, as where a process namespace ends.
      killAll(id);
      entry.running = undefined;
      const state: Terminated = {
        exitCode,
        reason: exitCode === 0 ? 'Completed' : 'Error',
        ...(message === undefined ? {} : { message }),
        startedAt,
        finishedAt: now(),
        containerID: `containerd://${id}`,
        ...overrides.get(keyOf(pod, container.name)),
      };
      overrides.delete(keyOf(pod, container.name));
      ended(pod, container, entry, state);
      resolve(state);
    };
    main.once('error', (error: NodeJS.ErrnoException) => {
      const message = `${runc} unable to start container process: exec ${argv[0]}: ${error.code === 'ENOEXEC' ? 'exec format error' : error.code === 'EPERM' ? 'operation not permitted' : error.message}`;
      overrides.set(keyOf(pod, container.name), { reason: 'StartError', message });
      over(128);
    });
    main.once('exit', (code, signal) => over(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
    report(
      pod,
      container,
      { running: { startedAt } },
      {
        containerID: `containerd://${id}`,
        imageID: `${container.image?.replace(/[:@][^/]*$/, '')}@sha256:${Buffer.from(image.padEnd(32)).toString('hex').slice(0, 64)}`,
        restartCount: entry.restarts,
        user: { linux: { ...where.user, supplementalGroups: [where.user.gid] } },
      },
    );
    event(pod, 'Normal', 'Started', `Started container ${container.name}`);
  }

  function fail(pod: Pod, container: Container, [first, second]: readonly State[]): void {
    if (first === undefined) return;
    const at = now();
    const dated = (state: State): State =>
      state.terminated === undefined
        ? state
        : { terminated: { startedAt: at, finishedAt: at, containerID: `containerd://${'0'.repeat(64)}`, ...state.terminated } };
    report(pod, container, dated(first));
    const { reason = '', message = '' } = first.waiting ?? first.terminated ?? {};
    if (reason !== 'ContainerCreating') event(pod, 'Warning', 'Failed', `Error: ${reason}${message === '' ? '' : `: ${message}`}`);
    if (second !== undefined) setTimeout(() => report(pod, container, second), 200).unref();
  }

  function ended(pod: Pod, container: Container, entry: Kept, state: Terminated): void {
    const current = fresh(pod);
    if (current === undefined) return;
    // The kernel takes whoever shares its process namespace with it.
    for (const other of current.spec.ephemeralContainers ?? []) if (other.targetContainerName === container.name) end(pod, other.name);
    const isEphemeral = current.spec.ephemeralContainers?.some(({ name }) => name === container.name) === true;
    const policy = container.restartPolicy ?? current.spec.restartPolicy ?? 'Always';
    const isInit =
      container.restartPolicy === undefined && current.spec.initContainers?.some(({ name }) => name === container.name) === true;
    const again =
      !isEphemeral &&
      !isInit &&
      current.metadata.deletionTimestamp === undefined &&
      current.status.reason === undefined &&
      (policy === 'Always' || (policy === 'OnFailure' && state.exitCode !== 0));
    report(pod, container, { terminated: state });
    if (isInit && state.exitCode === 0) sync(current);
    if (!again) return;
    entry.restarts++;
    kept.set(keyOf(pod, container.name), { log: openLog(), previous: entry.log, restarts: entry.restarts });
    const lastState = { terminated: state };
    const restart = () => {
      const now = fresh(pod);
      if (now === undefined || now.metadata.deletionTimestamp !== undefined || now.status.reason !== undefined) return;
      report(pod, container, { waiting: { reason: 'ContainerCreating' } }, { lastState });
      void begin(pod, container);
    };
    if (entry.restarts === 1) {
      restart();
      return;
    }
    const message = `back-off ${node.backOff / 1000}s restarting failed container=${container.name} pod=${pod.metadata.name}_${pod.metadata.namespace}(${pod.metadata.uid})`;
    report(pod, container, { waiting: { reason: 'CrashLoopBackOff', message } }, { lastState, restartCount: entry.restarts - 1 });
    event(pod, 'Warning', 'BackOff', message);
    setTimeout(restart, node.backOff).unref();
  }

  function end(pod: Pod, name: string, how: Partial<Terminated> = {}): void {
    const running = kept.get(keyOf(pod, name))?.running;
    if (running === undefined) return;
    overrides.set(keyOf(pod, name), how);
    if (running.main.pid !== undefined) kill(running.main.pid, 'SIGKILL');
    killAll(running.id);
  }

  function sync(pod: Pod): void {
    const inits = pod.spec.initContainers ?? [];
    for (const container of containersOf(pod)) {
      if (kept.has(keyOf(pod, container.name))) continue;
      const before = inits.slice(0, inits.includes(container) ? inits.indexOf(container) : undefined);
      const waits = before.some(
        (init) => init.restartPolicy === undefined && statusOf(fresh(pod) ?? pod, init.name)?.state.terminated?.exitCode !== 0,
      );
      if (waits) report(pod, container, { waiting: { reason: 'PodInitializing' } });
      else void begin(pod, container);
    }
  }

  async function remove(pod: Pod, graceSeconds: number): Promise<void> {
    const all = containersOf(fresh(pod) ?? pod).flatMap(({ name }) => kept.get(keyOf(pod, name)) ?? []);
    for (const { running } of all) if (running?.main.pid !== undefined) kill(running.main.pid, 'SIGTERM');
    event(pod, 'Normal', 'Killing', 'Stopping container');
    const timer = setTimeout(() => containersOf(pod).forEach(({ name }) => void end(pod, name)), graceSeconds * 1000);
    await Promise.all(all.map((entry) => (entry.running === undefined ? undefined : entry.ended)));
    clearTimeout(timer);
    if (fresh(pod) !== undefined) store.remove('pods', pod.metadata.namespace, pod.metadata.name);
  }

  return {
    sync,
    remove,
    end,
    event,
    container: (pod, name) => kept.get(keyOf(pod, name)),
    close: () => {
      closed = true;
    },
    evict(pod, message) {
      write(pod, (draft) => {
        Object.assign(draft.status, { phase: 'Failed', reason: 'Evicted', message });
        draft.status.conditions?.push({
          type: 'DisruptionTarget',
          status: 'True',
          reason: 'TerminationByKubelet',
          message,
          lastTransitionTime: now(),
        });
      });
      event(pod, 'Warning', 'Evicted', message);
      for (const { name } of containersOf(pod)) end(pod, name);
    },
  };
}

const envOf = ({ env = [] }: Container): Readonly<Record<string, string>> =>
  Object.fromEntries(env.map(({ name, value }) => [name, value ?? '']));

/** What a word of command or args becomes: `$(NAME)` the variable, if there is one, and `$$` a dollar (k8s.io/kubernetes third_party/forked/golang/expansion). */
const expand =
  (container: Container) =>
  (word: string): string =>
    word.replace(/\$(?:\$|\(([^)]*)\))/g, (whole, name?: string) => (name === undefined ? '$' : (envOf(container)[name] ?? whole)));

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

function nonRoot(pod: Pod, { name, securityContext: own = {} }: Container): string | undefined {
  const uid = own.runAsUser ?? pod.spec.securityContext?.runAsUser;
  if ((own.runAsNonRoot ?? pod.spec.securityContext?.runAsNonRoot) !== true) return undefined;
  const where = `(pod: "${pod.metadata.name}_${pod.metadata.namespace}(${pod.metadata.uid})", container: ${name})`;
  if (uid === 0) return `container's runAsUser breaks non-root policy ${where}`;
  return uid === undefined && self.uid === 0 ? `container has runAsNonRoot and image will run as root ${where}` : undefined;
}
