/** Pods of test/workloads/go: one program, many ways to be reached. All are from scratch, with a read-only root, and but for those of root as Pod Security `restricted` wants them. */
import { applyStrict, envOf, strict } from './support.ts';

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

const container = ({ args, image = 'newest', ports = [], env = {}, root = false }: GoPod): object => ({
  ...strict('app', `workload-go-${image}`, { args, ports, env: envOf(env) }),
  ...(root ? { securityContext: { readOnlyRootFilesystem: true } } : {}),
});

const pod = (each: GoPod) => ({
  containers: [container(each)],
  spec: {
    terminationGracePeriodSeconds: each.grace ?? 0,
    ...(each.root === true ? { securityContext: { runAsUser: 0, runAsGroup: 0 } } : {}),
  },
});

/** Makes them all, and waits until they run and their ports are open. */
export const applyGoPods = (namespace: string, pods: Readonly<Record<string, GoPod>>): void =>
  applyStrict(namespace, Object.fromEntries(Object.entries(pods).map(([name, each]) => [name, pod(each)])));
