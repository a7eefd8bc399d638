/** A node of local processes: it runs the containers of the store's pods, and writes their status. */
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { type ContainerLog, openLog } from './container-log.ts';
import { type Failing, failedState, type Image, imageName } from './images.ts';
import { type Container, type ContainerStatus, containersOf, now, type Pod, type State, statusOf, type Terminated } from './objects.ts';
import { setState } from './pod-status.ts';
import { CannotRun, exitCode, kill, killAll, type Room, run } from './processes.ts';
import { nonRoot, openRooms } from './room.ts';
import type { Store } from './store.ts';

/** A container that runs. */
export interface Running extends Room {
  readonly id: string;
  readonly main: ChildProcess;
}

/** As a kubelet reads command and args: `$$` is `$`, `$(NAME)` a variable where there is one. */
const expand = (word: string, env: ReadonlyMap<string, string>): string =>
  word.replace(/\$(\$|\(([^)]*)\))/g, (whole, _, name: string | undefined) => (name === undefined ? '$' : (env.get(name) ?? whole)));

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
  /** From now on nothing is started. */
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

const runc = 'failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed:';

/** Starts the node. */
export function startKubelet(node: Node): Kubelet {
  const { store } = node;
  const kept = new Map<string, Kept>();
  const overrides = new Map<string, Partial<Terminated>>();
  const room = openRooms(node);
  const keyOf = (pod: Pod, name: string) => `${pod.metadata.uid}/${name}`;
  let isClosed = false;
  // Once it is closed no pod is there: what ends then is not started again.
  const fresh = (pod: Pod): Pod | undefined => {
    if (isClosed) return undefined;
    const found = store.get('pods', pod.metadata.namespace, pod.metadata.name) as Pod | undefined;
    return found?.metadata.uid === pod.metadata.uid ? found : undefined;
  };

  function write(pod: Pod, alter: (draft: Pod) => void): void {
    if (fresh(pod) !== undefined) store.update<Pod>('pods', pod.metadata.namespace, pod.metadata.name, alter);
  }

  const report = (pod: Pod, container: Container, state: State, more?: Partial<ContainerStatus>): void =>
    write(pod, (draft) => setState(draft, container, state, more));

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

  /** Pulls and starts; a failure is a state. */
  async function begin(pod: Pod, container: Container): Promise<void> {
    if (isClosed) return;
    const entry = kept.get(keyOf(pod, container.name)) ?? { log: openLog(), restarts: 0 };
    kept.set(keyOf(pod, container.name), entry);
    report(pod, container, { waiting: { reason: 'ContainerCreating' } });
    const reference = container.image ?? '';
    const name = imageName(reference);
    const image = node.images[name] ?? { fails: absent(reference, container.imagePullPolicy) };
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
      fail(pod, container, [{ terminated: { exitCode: 128, reason: 'StartError', message, containerID: `containerd://${id}` } }]);
    }
  }

  function launch(pod: Pod, container: Container, entry: Kept, id: string, image: string, usual: readonly string[]): void {
    const where = room(pod, container, id, image);
    const typed = [...(container.command ?? (container.args === undefined ? usual : usual.slice(0, 1))), ...(container.args ?? [])];
    const argv = typed.map((word) => expand(word, new Map((container.env ?? []).map(({ name, value = '' }) => [name, value]))));
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
    main.once('exit', (code, signal) => over(exitCode(code, signal)));
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
    close: () => {
      isClosed = true;
    },
    container: (pod, name) => kept.get(keyOf(pod, name)),
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

/** What the kubelet says of an image that is not there. */
function absent(reference: string, policy: string | undefined): Failing {
  if (/[A-Z]|:.*:/.test(reference.replace(/^[^/]*\//, ''))) return 'InvalidImageName';
  return policy === 'Never' ? 'ErrImageNeverPull' : 'ErrImagePull';
}
