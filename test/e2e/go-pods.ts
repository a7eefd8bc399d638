/** Pods of test/workloads/go: one program, many ways to be reached. All are from scratch, with a read-only root, and but for those of root as Pod Security `restricted` wants them. */
import { execFileSync } from 'node:child_process';
import { kubeconfig, kubectl } from './support.ts';

/** How one of them differs. */
export interface GoPod {
  /** See test/workloads/go/main.go. */
  readonly args: readonly string[];
  readonly image?: 'newest' | 'oldest' | 'stripped';
  readonly ports?: readonly { readonly name?: string; readonly containerPort: number }[];
  readonly env?: Readonly<Record<string, string>>;
  /** Runs as root, with what capabilities the runtime gives. */
  readonly root?: boolean;
  /** Seconds that it is given to end; 0, if absent. */
  readonly grace?: number;
}

/** The app's part of every one of them. */
const container = ({ args, image = 'newest', ports = [], env = {}, root = false }: GoPod) => ({
  name: 'app',
  image: `registry.local/workload-go-${image}:test`,
  imagePullPolicy: 'IfNotPresent',
  args,
  ports,
  env: Object.entries(env).map(([name, value]) => ({ name, value })),
  securityContext: root
    ? { readOnlyRootFilesystem: true }
    : { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
});

const pod = (name: string, each: GoPod) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: {
    terminationGracePeriodSeconds: each.grace ?? 0,
    automountServiceAccountToken: false,
    securityContext:
      each.root === true
        ? { runAsUser: 0, runAsGroup: 0 }
        : { runAsNonRoot: true, runAsUser: 65532, runAsGroup: 65532, seccompProfile: { type: 'RuntimeDefault' } },
    containers: [container(each)],
  },
});

/** Makes them all, and waits until they run and their ports are open. */
export function applyGoPods(namespace: string, pods: Readonly<Record<string, GoPod>>): void {
  const items = Object.entries(pods).map(([name, each]) => pod(name, each));
  const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
  execFileSync('kubectl', ['--kubeconfig', kubeconfig, 'apply', '-n', namespace, '-f', '-'], { input, stdio: ['pipe', 'ignore', 'pipe'] });
  kubectl('wait', '-n', namespace, 'pod', '--all', '--for=condition=Ready', '--timeout=120s');
}
