/** Pods of test/workloads/go: one program, many ways to be reached. All are from scratch, with a read-only root, and but for those of root as Pod Security `restricted` wants them. */
import { apply, applyStrict, envOf, kubectl, strict } from './support.ts';

/** How one of them differs. */
export interface GoPod {
  /** See test/workloads/go/main.go. */
  readonly args: readonly string[];
  readonly image?: 'newest' | 'oldest' | 'stripped' | 'large';
  readonly ports?: readonly { readonly name?: string; readonly containerPort: number }[];
  readonly env?: Readonly<Record<string, string>>;
  /** Runs as root, with what capabilities the runtime gives. */
  readonly root?: boolean;
  /** Beside it a shell of another user, who sees the processes of the whole pod. */
  readonly neighbour?: boolean;
  /** Seconds that it is given to end; 0, if absent. */
  readonly grace?: number;
}

const container = ({ args, image = 'newest', ports = [], env = {}, root = false }: GoPod): object => ({
  // A machine that is busy with other things starves who asks for nothing.
  ...strict('app', `workload-go-${image}`, { args, ports, env: envOf(env), resources: { requests: { cpu: '30m' } } }),
  ...(root ? { securityContext: { readOnlyRootFilesystem: true } } : {}),
});

const neighbour = {
  name: 'neighbour',
  image: 'registry.local/workload-idle:test',
  imagePullPolicy: 'IfNotPresent',
  command: ['sleep', '3600'],
  securityContext: { allowPrivilegeEscalation: false, runAsUser: 1000, runAsGroup: 1000, capabilities: { drop: ['ALL'] } },
};

const pod = (each: GoPod) => ({
  containers: [container(each), ...(each.neighbour === true ? [neighbour] : [])],
  spec: {
    terminationGracePeriodSeconds: each.grace ?? 0,
    shareProcessNamespace: each.neighbour === true,
    ...(each.root === true ? { securityContext: { runAsUser: 0, runAsGroup: 0 } } : {}),
  },
});

/** Makes them all, and waits until they run and their ports are open. */
export const applyGoPods = (namespace: string, pods: Readonly<Record<string, GoPod>>): void =>
  applyStrict(namespace, Object.fromEntries(Object.entries(pods).map(([name, each]) => [name, pod(each)])));

/** A deployment that is called `name`, of one pod that is like the pod `model`. */
export function deploy(namespace: string, model: string, name: string): void {
  const { spec } = JSON.parse(kubectl('get', 'pod', '-n', namespace, model, '-o', 'json')) as { readonly spec: { nodeName?: string } };
  delete spec.nodeName;
  const labels = { app: name };
  const template = { metadata: { labels }, spec };
  const deployment = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: { selector: { matchLabels: labels }, template },
  };
  apply(namespace, deployment);
  kubectl('rollout', 'status', '-n', namespace, `deployment/${name}`, '--timeout=120s');
}
