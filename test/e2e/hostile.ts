/** Targets that are against us. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { apply, kubeconfig, kubectl, type Place } from './support.ts';

const folder = new URL('../workloads/hostile/', import.meta.url).pathname;

const load = (namespace: string, workload: string) =>
  JSON.parse(
    kubectl(
      'create',
      '-n',
      namespace,
      '-f',
      new URL(`../workloads/${workload}/manifest.yaml`, import.meta.url).pathname,
      '--dry-run=client',
      '-o',
      'json',
    ),
  ) as {
    metadata: { name: string };
    spec: { securityContext?: unknown; shareProcessNamespace?: boolean; containers: { name: string }[] };
  };

/** A pod of the process that pretends to be a JVM; `beside` is another container of the pod, which shares its processes. */
export async function fakeJvm(
  { namespace }: Place,
  name: string,
  more: { readonly uid?: number; readonly beside?: object } = {},
): Promise<void> {
  apply(namespace, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'hostile' },
    data: { 'fake.pl': readFileSync(`${folder}fake.pl`, 'utf8') },
  });
  const pod = load(namespace, 'hostile');
  pod.metadata.name = name;
  if (more.uid !== undefined) pod.spec.securityContext = { runAsUser: more.uid, runAsGroup: more.uid };
  if (more.beside !== undefined) {
    pod.spec.shareProcessNamespace = true;
    pod.spec.containers.push(more.beside as { name: string });
  }
  apply(namespace, pod);
  kubectl('wait', '-n', namespace, `pod/${name}`, '--for=condition=Ready', '--timeout=60s');
}

/** What an attack reached. */
export interface Attack {
  /** Settles when it goes on. */
  readonly begun: Promise<void>;
  /** What it says it did. */
  readonly ended: Promise<readonly string[]>;
}

/** Runs test/workloads/hostile/attack.pl in a container of a pod, as its own user or another one, until there is /tmp/over. */
export function attack(
  { namespace }: Place,
  pod: string,
  what: string,
  { uid, container = 'app' }: { readonly uid?: number; readonly container?: string } = {},
): Attack {
  const as = uid === undefined ? [] : ['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups'];
  const words = ['exec', '-i', '-n', namespace, pod, '-c', container, '--', ...as, 'perl', '-', what];
  const child = spawn('kubectl', ['--kubeconfig', kubeconfig, ...words], { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.end(readFileSync(`${folder}attack.pl`));
  let said = '';
  const begun = new Promise<void>((resolve) =>
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      if (said.includes('begun\n')) resolve();
    }),
  );
  const ended = new Promise<readonly string[]>((resolve) => child.once('close', () => resolve(said.trim().split('\n').slice(1))));
  return { begun, ended };
}
