/** The whole of kprof as a user runs it, and the cluster it runs against. */
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { randomSuffix } from '../../src/kube/ephemeral-container.ts';

const root = new URL('../../', import.meta.url).pathname;

export const kubeconfig: string = process.env['KPROF_E2E_KUBECONFIG'] ?? '';

/** Runs kubectl and gives its stdout. */
export const kubectl = (...args: readonly string[]): string =>
  execFileSync('kubectl', ['--kubeconfig', kubeconfig, ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 64 * 2 ** 20,
  });

/** The same, while others go on. */
export async function kubectlLater(args: readonly string[], input = ''): Promise<string> {
  const running = promisify(execFile)('kubectl', ['--kubeconfig', kubeconfig, ...args], { maxBuffer: 64 * 2 ** 20 });
  running.child.stdin?.on('error', () => {}).end(input);
  return (await running).stdout;
}

/** How a kprof ended. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Milliseconds. */
  readonly took: number;
}

/** A kprof that runs. */
export interface Running {
  readonly child: ChildProcess;
  readonly stderr: () => string;
  readonly ended: Promise<Ended>;
  /** Waits until its stderr matches. */
  until(pattern: RegExp, seconds?: number): Promise<void>;
}

/** A folder of its own for artifacts, and a state of its own. */
export interface Desk {
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
  start(...args: readonly string[]): Running;
  kprof(...args: readonly string[]): Promise<Ended>;
  remove(): void;
}

/** A user's laptop: its folder, its journal, its kubeconfig. */
export function desk(more: NodeJS.ProcessEnv = {}): Desk {
  const folder = mkdtempSync(join(tmpdir(), 'kprof-e2e-'));
  const env = {
    ...process.env,
    KUBECONFIG: kubeconfig,
    KPROF_REGISTRY: process.env['KPROF_REGISTRY'] ?? 'registry.local',
    XDG_STATE_HOME: join(folder, '.state'),
    CI: '',
    ...more,
  };
  const start = (...args: readonly string[]): Running => {
    const began = Date.now();
    const child = spawn(process.execPath, [join(root, 'bin/kprof.js'), ...args], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    const ended = new Promise<Ended>((resolve) =>
      child.once('close', (code) => resolve({ code, stdout, stderr, took: Date.now() - began })),
    );
    return {
      child,
      stderr: () => stderr,
      ended,
      async until(pattern, seconds = 60) {
        for (const end = Date.now() + seconds * 1000; Date.now() < end; await sleep(20)) if (pattern.test(stderr)) return;
        throw new Error(`kprof never said ${pattern}:\n${stderr}`);
      },
    };
  };
  return { folder, env, start, kprof: (...args) => start(...args).ended, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** A pod, as far as tests change it. */
export interface Manifest {
  metadata: { name: string };
  spec: { containers: object[] };
}

/** A namespace with the pods of some workloads. */
export interface Place {
  readonly namespace: string;
  apply(...workloads: readonly string[]): Promise<void>;
  /** The same workload once more, as a pod of another name; `change` may alter it. */
  applyAs(name: string, workload: string, change?: (pod: Manifest) => void): Promise<void>;
  remove(): void;
}

/** Makes a namespace; `level` is what Pod Security enforces in it. */
export function place(level?: 'privileged' | 'baseline' | 'restricted'): Place {
  const namespace = `kprof-e2e-${randomSuffix()}`;
  kubectl('create', 'namespace', namespace);
  if (level !== undefined) kubectl('label', 'namespace', namespace, `pod-security.kubernetes.io/enforce=${level}`);
  return {
    namespace,
    async apply(...workloads) {
      for (const workload of workloads) kubectl('apply', '-n', namespace, '-f', join(root, 'test/workloads', workload, 'manifest.yaml'));
      for (const workload of workloads) await ready(namespace, workload);
    },
    async applyAs(name, workload, change) {
      const manifest = join(root, 'test/workloads', workload, 'manifest.yaml');
      const pod = JSON.parse(await kubectlLater(['create', '-n', namespace, '-f', manifest, '--dry-run=client', '-o', 'json'])) as Manifest;
      pod.metadata.name = name;
      change?.(pod);
      const made = (...how: readonly string[]) => kubectlLater([...how, '-n', namespace, '-f', '-'], JSON.stringify(pod));
      // A test that is tried again begins with a fresh pod.
      await made('create').catch(() => made('replace', '--force'));
      await ready(namespace, name);
    },
    remove: () => {
      kubectl('delete', 'namespace', namespace, '--wait=false');
    },
  };
}

/** A container as Pod Security `restricted` wants it, with a read-only root; what differs is in `more`. */
export const strict = (name: string, image: string, more: object): object => ({
  name,
  image: `registry.local/${image}:test`,
  imagePullPolicy: 'IfNotPresent',
  securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
  ...more,
});

/** A pod of such containers; what differs from Pod Security's wish is in `spec`. */
export interface StrictPod {
  readonly containers: readonly object[];
  readonly spec?: object;
}

/** Makes what an object describes. */
export function apply(namespace: string, object: object): void {
  const input = JSON.stringify(object);
  execFileSync('kubectl', ['--kubeconfig', kubeconfig, 'apply', '-n', namespace, '-f', '-'], { input, stdio: ['pipe', 'ignore', 'pipe'] });
}

/** Makes pods, by their names, and waits until they run. */
export function applyStrict(namespace: string, pods: Readonly<Record<string, StrictPod>>): void {
  const items = Object.entries(pods).map(([name, { containers, spec = {} }]) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: { app: name } },
    spec: {
      terminationGracePeriodSeconds: 0,
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, runAsUser: 65532, runAsGroup: 65532, seccompProfile: { type: 'RuntimeDefault' } },
      containers,
      ...spec,
    },
  }));
  apply(namespace, { apiVersion: 'v1', kind: 'List', items });
  kubectl('wait', '-n', namespace, 'pod', '--all', '--for=condition=Ready', '--timeout=120s');
}

/** The environment of a container. */
export const envOf = (env: Readonly<Record<string, string>>): readonly object[] =>
  Object.entries(env).map(([name, value]) => ({ name, value }));

/** Waits until the pod's app has started to print, if it is one that runs. */
async function ready(namespace: string, pod: string): Promise<void> {
  if (['pending', 'completed', 'crashloop'].includes(pod)) return;
  await kubectlLater(['wait', '-n', namespace, `pod/${pod}`, '--for=condition=Ready', '--timeout=60s']);
  if (['no-jvm'].includes(pod)) return;
  for (let tries = 0; tries < 100; tries++, await sleep(200))
    if (/stall=/.test(await kubectlLater(['logs', '-n', namespace, pod, '-c', 'app', '--tail=3']))) return;
  throw new Error(`${namespace}/${pod} does not print`);
}

/** Names of the ephemeral containers in the pod's spec. */
export const debugContainers = (namespace: string, pod: string): readonly string[] =>
  kubectl('get', 'pod', '-n', namespace, pod, '-o', 'jsonpath={.spec.ephemeralContainers[*].name}')
    .split(' ')
    .filter((name) => name !== '');

/** Runs a command in an ephemeral container of ours. */
export const inside = (namespace: string, pod: string, container: string, ...argv: readonly string[]): string =>
  kubectl('exec', '-n', namespace, pod, '-c', container, '--', ...argv);

/** Longest stall, in milliseconds, that the app measured in the last so many lines of its log. */
export function longestStall(namespace: string, pod: string, lines: number): number {
  const log = kubectl('logs', '-n', namespace, pod, '-c', 'app', `--tail=${lines}`);
  return Math.max(...[...log.matchAll(/stall=(\d+)/g)].map((match) => Number(match[1])));
}

/** What would be different if kprof had done harm: restarts, pids, and the app's log. */
export function vitals(namespace: string, pod: string): { readonly restarts: string; readonly started: string; readonly dumps: number } {
  const get = (path: string) =>
    kubectl('get', 'pod', '-n', namespace, pod, '-o', `jsonpath={.status.containerStatuses[?(@.name=="app")].${path}}`);
  const log = kubectl('logs', '-n', namespace, pod, '-c', 'app');
  return { restarts: get('restartCount'), started: get('state.running.startedAt'), dumps: log.split('Full thread dump').length - 1 };
}

/** The same, while others go on. */
export async function vitalsLater(namespace: string, pod: string): Promise<ReturnType<typeof vitals>> {
  const path = '{.restartCount}{" "}{.state.running.startedAt}';
  const status = `jsonpath={range .status.containerStatuses[?(@.name=="app")]}${path}{end}`;
  const [restarts = '', started = ''] = (await kubectlLater(['get', 'pod', '-n', namespace, pod, '-o', status])).split(' ');
  const log = await kubectlLater(['logs', '-n', namespace, pod, '-c', 'app']);
  return { restarts, started, dumps: log.split('Full thread dump').length - 1 };
}

/** The lines of a program's output about a recording. */
export const jfr = (...args: readonly string[]): string => execFileSync('jfr', [...args], { encoding: 'utf8', maxBuffer: 256 * 2 ** 20 });

/** The record that `-o json` printed. */
export const record = (ended: Ended) =>
  JSON.parse(ended.stdout) as Record<string, unknown> & { readonly path: string; readonly pid: number; readonly debugContainer: string };

/** What the JVM says of its recordings. */
export const recordings = (namespace: string, pod: string, container: string, pid = 1): string =>
  inside(namespace, pod, container, 'jattach', String(pid), 'jcmd', 'JFR.check');

/** Whether the JVM records, or does not any more. */
export const isRecording = async (namespace: string, pod: string, container: string): Promise<boolean> => {
  const answer = await kubectlLater(['exec', '-n', namespace, pod, '-c', container, '--', 'jattach', '1', 'jcmd', 'JFR.check']);
  return !/No available recordings/.test(answer);
};

/** Waits until the condition holds; false when it never did. */
export async function eventually(condition: () => boolean | Promise<boolean>, seconds: number): Promise<boolean> {
  for (const end = Date.now() + seconds * 1000; Date.now() < end; await sleep(500)) if (await condition()) return true;
  return condition();
}

/** Whether the ephemeral container has ended. */
export const hasEnded = (namespace: string, pod: string, container: string): boolean =>
  kubectl(
    'get',
    'pod',
    '-n',
    namespace,
    pod,
    '-o',
    `jsonpath={.status.ephemeralContainerStatuses[?(@.name=="${container}")].state.terminated}`,
  ) !== '';
