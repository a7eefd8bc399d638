/** Pods with a network to look at: a web server of Node in many surroundings, and a client that sends as many requests as it is told. */
import { spawn } from 'node:child_process';
import { apply, kubeconfig, kubectl } from './support.ts';

/** How one of them differs. */
export interface NetPod {
  readonly image?: string;
  readonly command?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly spec?: object;
  readonly container?: object;
  /** Of containers beside the app. */
  readonly beside?: readonly string[];
  /** It never gets ready, and is not waited for. */
  readonly isBroken?: boolean;
}

const server = `require('http').createServer((q, r) => r.end('hello')).listen(Number(process.env.PORT || 8080))`;

const pod = (
  name: string,
  { image = 'workload-node-newest', command = ['node', '-e', server], labels, spec, container, beside = [] }: NetPod,
) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, labels: { app: name, ...labels } },
  spec: {
    terminationGracePeriodSeconds: 0,
    automountServiceAccountToken: false,
    containers: [
      { name: 'app', image: `registry.local/${image}:test`, imagePullPolicy: 'IfNotPresent', command, ...container },
      ...beside.map((each) => ({ name: each, image: 'registry.local/workload-idle:test', imagePullPolicy: 'IfNotPresent' })),
    ],
    ...spec,
  },
});

/** As Pod Security `restricted` wants it, as user 1000. */
export const restricted = {
  spec: { securityContext: { runAsNonRoot: true, runAsUser: 1000, runAsGroup: 1000, seccompProfile: { type: 'RuntimeDefault' } } },
  container: { securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } } },
};

/** Asks that address for a path, once and then each second or never again. */
export const asking = (host: string, path: string, then: 'fail' | 'again'): readonly string[] => {
  const after = then === 'fail' ? 'process.exit(1)' : 'setTimeout(ask, 1000)';
  return ['node', '-e', `const ask = () => require('http').get('http://${host}:8080${path}', () => ${after}); ask()`];
};

/** Makes them all, and waits until they run. */
export function applyNetPods(namespace: string, pods: Readonly<Record<string, NetPod>>): void {
  apply(namespace, { apiVersion: 'v1', kind: 'List', items: Object.entries(pods).map(([name, each]) => pod(name, each)) });
  const sound = Object.keys(pods).filter((name) => pods[name]?.isBroken !== true);
  if (sound.length === 0) return;
  kubectl('wait', '-n', namespace, ...sound.map((name) => `pod/${name}`), '--for=condition=Ready', '--timeout=120s');
}

export const addressOf = (namespace: string, name: string): string =>
  kubectl('get', 'pod', '-n', namespace, name, '-o', 'jsonpath={.status.podIP}');

const client = `
const [host, port, count, path] = process.argv.slice(1);
const http = require('http');
const ask = () => new Promise((done) => {
  const one = http.get({ host, port, path, timeout: 1000, agent: false }, (r) => r.resume().on('end', () => done(true)));
  one.on('error', () => done(false)).on('timeout', () => one.destroy());
});
(async () => {
  while (!(await ask())) await new Promise((go) => setTimeout(go, 200));
  for (let left = count - 1; left > 0; left--) if (!(await ask())) process.exit(1);
})();`;

/** Lets the pod \`from\` send so many requests, one after another, each on its own connection; all are answered, or it throws. */
export async function sendRequests(
  namespace: string,
  from: string,
  to: { host: string; port?: number; count: number; path?: string },
): Promise<void> {
  const { host, port = 8080, count, path = '/' } = to;
  const argv = ['exec', '-n', namespace, from, '-c', 'app', '--', 'node', '-e', client, host, String(port), String(count), path];
  const child = spawn('kubectl', ['--kubeconfig', kubeconfig, ...argv], { stdio: 'ignore' });
  const code = await new Promise((done) => child.once('close', done));
  if (code !== 0) throw new Error(`The client ended with ${code}`);
}
