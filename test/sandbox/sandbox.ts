/** A small API server whose pods are local processes: the whole CLI without a cluster, without root and without a container runtime. */
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Webhook } from './admission.ts';
import { type Ground, newPod } from './api.ts';
import { selfSigned } from './certificate.ts';
import { type Fault, type Faults, openFaults } from './faults.ts';
import { type Image, jvmImage } from './images.ts';
import { type Kubelet, startKubelet } from './kubelet.ts';
import { type Container, type Pod, type State, statusOf } from './objects.ts';
import { startGuard } from './processes.ts';
import { startServer } from './server.ts';
import { type Draft, openStore, type Store } from './store.ts';

/** What a sandbox may have; without any of it, all is allowed and nothing fails. */
export interface Options {
  /** Labels by namespace; `default` is there anyway. */
  readonly namespaces?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** By name, without registry and tag; `app` has all programs of this machine, `kprof-jvm` those of kprof's own. */
  readonly images?: Readonly<Record<string, Image>>;
  /** RBAC: whether a user may do something. */
  readonly allows?: Ground['allows'];
  readonly webhooks?: readonly Webhook[];
  readonly faults?: readonly Fault[];
  /** Of all containers. */
  readonly env?: Readonly<Record<string, string>>;
  /** Milliseconds of a CrashLoopBackOff. */
  readonly backOff?: number;
}

/** A running sandbox. */
export interface Sandbox extends AsyncDisposable {
  /** Path of a kubeconfig, 0600, with a token of the user `kprof`. */
  readonly kubeconfig: string;
  readonly folder: string;
  readonly server: string;
  readonly token: string;
  readonly store: Store;
  readonly faults: Faults;
  readonly kubelet: Kubelet;
  /** Makes a pod of one container or several, and waits until they run. */
  pod(
    name: string,
    container: Partial<Container> | readonly Partial<Container>[],
    more?: { namespace?: string; spec?: object; metadata?: object },
  ): Promise<Pod>;
  /** Makes any other object, such as a deployment. */
  add(resource: string, object: Draft): void;
  /** Waits until a container's state is so; rejects after 30 s. */
  until(pod: string, container: string, holds: (state: State) => boolean, namespace?: string): Promise<State>;
  /** Kills a container's processes: it starts again, and who looks at it is killed with it. */
  restart(pod: string, container: string, namespace?: string): void;
  evict(pod: string, namespace?: string): void;
  remove(pod: string, namespace?: string): void;
  close(): Promise<void>;
}

/** Starts one; what it began, processes and files, ends with `close`, or with this process however that ends. */
export async function startSandbox(options: Options = {}): Promise<Sandbox> {
  const folder = mkdtempSync(join(tmpdir(), 'kprof-sandbox-'));
  // Containers of other users have their folders in it.
  chmodSync(folder, 0o711);
  const id = randomBytes(16).toString('hex');
  const guard = startGuard(id, folder);
  const store = openStore();
  const images = { app: { programs: 'all' }, 'kprof-jvm': jvmImage, ...options.images } as const;
  const kubelet = startKubelet({ store, folder, sandbox: id, images, env: options.env ?? {}, backOff: options.backOff ?? 10_000 });
  const faults = openFaults(options.faults ?? []);
  const ground: Ground = { store, kubelet, webhooks: options.webhooks ?? [], allows: options.allows ?? (() => true) };
  for (const [name, labels] of Object.entries({ default: {}, ...options.namespaces }))
    store.add('namespaces', {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name, labels: { 'kubernetes.io/metadata.name': name, ...labels } },
      status: { phase: 'Active' },
    });
  const identity = selfSigned();
  const token = randomBytes(16).toString('hex');
  const running = await startServer({ ground, identity, users: { [token]: 'kprof' }, faults, happen: (what, call) => what(sandbox, call) });
  const server = `https://127.0.0.1:${running.port}`;
  const kubeconfig = join(folder, 'kubeconfig');
  writeFileSync(kubeconfig, kubeconfigOf(server, identity.cert, token), { mode: 0o600 });
  const close = async () => {
    kubelet.close();
    await running.close();
    await guard.close();
  };
  const sandbox: Sandbox = {
    kubeconfig,
    folder,
    server,
    token,
    store,
    faults,
    kubelet,
    ...acts(ground),
    close,
    [Symbol.asyncDispose]: close,
  };
  return sandbox;
}

function acts({ store, kubelet }: Ground): Pick<Sandbox, 'pod' | 'add' | 'until' | 'restart' | 'evict' | 'remove'> {
  const find = (name: string, namespace = 'default') => {
    const found = store.get('pods', namespace, name);
    if (found === undefined) throw new Error(`the sandbox has no pod ${namespace}/${name}`);
    return found as Pod;
  };
  const until: Sandbox['until'] = (name, container, holds, namespace = 'default') =>
    new Promise((resolve, reject) => {
      const look = () => {
        const pod = store.get('pods', namespace, name) as Pod | undefined;
        const state = pod === undefined ? undefined : statusOf(pod, container)?.state;
        if (state === undefined || !holds(state)) return;
        leave();
        clearTimeout(timer);
        resolve(state);
      };
      const leave = store.listen(look);
      const late = () => reject(new Error(`${name}/${container} is ${JSON.stringify(store.get('pods', namespace, name)?.['status'])}`));
      const timer = setTimeout(late, 30_000);
      look();
    });
  return {
    until,
    add: (resource, object) => void store.add(resource, object),
    restart: (name, container, namespace) => kubelet.end(find(name, namespace), container),
    evict: (name, namespace) =>
      kubelet.evict(find(name, namespace), 'The node was low on resource: memory. Threshold quantity: 100Mi, available: 20Mi.'),
    remove: (name, namespace) => {
      const pod = store.update<Pod>('pods', namespace ?? 'default', name, ({ metadata }) => {
        metadata.deletionTimestamp = new Date().toISOString().replace(/\.\d+/, '');
      });
      if (pod !== undefined) void kubelet.remove(pod, 0);
    },
    async pod(name, given, { namespace = 'default', spec = {}, metadata = {} } = {}) {
      const containers = [given].flat().map((each, index) => ({ name: index === 0 ? 'app' : `app-${index}`, image: 'app', ...each }));
      const draft = {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name, namespace, ...metadata },
        spec: { terminationGracePeriodSeconds: 5, ...spec, containers },
      };
      const made = store.add('pods', newPod(draft)) as Pod;
      kubelet.sync(made);
      for (const container of containers)
        await until(name, container.name, (state) => state.waiting?.reason !== 'ContainerCreating', namespace);
      return find(name, namespace);
    },
  };
}

// JSON is YAML.
const kubeconfigOf = (server: string, cert: string, token: string): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'sandbox', cluster: { server, 'certificate-authority-data': Buffer.from(cert).toString('base64') } }],
    users: [{ name: 'kprof', user: { token } }],
    contexts: [{ name: 'sandbox', context: { cluster: 'sandbox', user: 'kprof' } }],
    'current-context': 'sandbox',
  });
