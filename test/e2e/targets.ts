/** Every kind of JVM target that kprof has to cope with, as pods; each is there for one thing. */
import { apply, eventually, kubectl, type Place } from './support.ts';

/** What Pod Security enforces in the namespace that a target is for. */
export type Level = 'restricted' | 'baseline' | 'privileged';

/** One target, and what is to be seen of it. */
export interface JvmTarget {
  readonly level: Level;
  /** Major version of its JDK. */
  readonly jdk: 8 | 11 | 17 | 21 | 25;
  /** Whom the JVM runs as. */
  readonly uid: number;
  readonly gid: number;
  /** The rung on which kprof reaches it; with `asks` only after consent. */
  readonly rung: 'same-user' | 'root' | 'root-without-capabilities' | 'ptrace';
  /** What it can't be reached without: the flag that agrees to it. */
  readonly asks?: '--allow-ptrace';
  /** Why it takes no attach request: thread dumps are all that it gives. */
  readonly deaf?: 'attach disabled' | 'no writable /tmp';
  /** JVMs in the container; with several, one has to be named. */
  readonly jvms?: 2;
  /** Of the pod, the first container of which is not always `app`, in which the JVM is. */
  readonly spec: object;
}

const jvms = 'registry.local/workload-jvms:test';
const debian = 'registry.local/workload-jdk17-root:test';
const jlinked = 'registry.local/workload-jdk25-restricted:test';

const options = ['-Xmx64m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'];

/** The app at a few percent of a core: there are many of them. */
const busy = (java: string, ...more: readonly string[]): readonly string[] => [java, ...options, ...more, '-cp', '/app', 'Busy', '4'];

interface Contained {
  readonly image?: string;
  readonly command: readonly string[];
  readonly securityContext?: object;
  /** Volumes by the folder that they are mounted at. */
  readonly mounts?: Readonly<Record<string, string>>;
}

const container = ({ image = jvms, command, securityContext, mounts = {} }: Contained, name = 'app') => ({
  name,
  image,
  imagePullPolicy: 'IfNotPresent',
  command,
  ...(securityContext === undefined ? {} : { securityContext }),
  volumeMounts: Object.entries(mounts).map(([mountPath, volume]) => ({ name: volume, mountPath })),
});

const one = (contained: Contained, more: object = {}) => ({ containers: [container(contained)], ...more });

/** As Pod Security `restricted` wants a container to be. */
const strict = { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } };
const readOnly = { readOnlyRootFilesystem: true };

/** The same for a pod, with its user. */
const as = (runAsUser: number, runAsGroup: number, more: object = {}) => ({
  securityContext: { runAsNonRoot: true, runAsUser, runAsGroup, seccompProfile: { type: 'RuntimeDefault' }, ...more },
});

const scratch = { volumes: [{ name: 'tmp', emptyDir: {} }] };
const idle = { name: 'proxy', image: 'registry.local/workload-idle:test', imagePullPolicy: 'IfNotPresent' };

const root = { uid: 0, gid: 0, rung: 'root' } as const;
const java17 = 'java';

/** By the name of the pod. */
export const targets = {
  'jdk8-root': { level: 'baseline', jdk: 8, ...root, spec: one({ command: busy('/jdk8/jre/bin/java') }) },
  'jdk11-1000-1000': {
    level: 'restricted',
    jdk: 11,
    uid: 1000,
    gid: 1000,
    rung: 'same-user',
    spec: one({ command: busy('/jdk11/bin/java'), securityContext: strict }, as(1000, 1000)),
  },
  'jdk17-root': { level: 'baseline', jdk: 17, ...root, spec: one({ image: debian, command: busy(java17) }) },
  'jdk21-1000-3000': {
    level: 'restricted',
    jdk: 21,
    uid: 1000,
    gid: 3000,
    rung: 'same-user',
    spec: one({ command: busy('/jdk21/bin/java'), securityContext: strict }, as(1000, 3000)),
  },
  // As OpenShift gives them out: nobody has put it into /etc/passwd.
  'jdk21-high-uid': {
    level: 'restricted',
    jdk: 21,
    uid: 1_000_650_000,
    gid: 0,
    rung: 'same-user',
    spec: one({ command: busy('/jdk21/bin/java'), securityContext: strict }, as(1_000_650_000, 0)),
  },
  'jdk25-jlinked-read-only': {
    level: 'restricted',
    jdk: 25,
    uid: 1000,
    gid: 3000,
    rung: 'same-user',
    spec: one(
      { image: jlinked, command: busy('/jre/bin/java'), securityContext: { ...strict, ...readOnly }, mounts: { '/tmp': 'tmp' } },
      { ...as(1000, 3000), ...scratch },
    ),
  },
  'jdk25-no-tmp': {
    level: 'restricted',
    jdk: 25,
    uid: 1000,
    gid: 3000,
    rung: 'same-user',
    deaf: 'no writable /tmp',
    spec: one({ image: jlinked, command: busy('/jre/bin/java'), securityContext: { ...strict, ...readOnly } }, as(1000, 3000)),
  },
  'jdk17-deaf': {
    level: 'baseline',
    jdk: 17,
    ...root,
    deaf: 'attach disabled',
    spec: one({ image: debian, command: busy(java17, '-XX:+DisableAttachMechanism') }),
  },
  // No group is named: it is the one of the image's passwd, or 0.
  'jdk17-no-group': {
    level: 'baseline',
    jdk: 17,
    uid: 1000,
    gid: 0,
    rung: 'same-user',
    spec: one({ image: debian, command: busy(java17) }, { securityContext: { runAsUser: 1000 } }),
  },
  'jdk21-root-drops-all': {
    level: 'baseline',
    jdk: 21,
    uid: 0,
    gid: 0,
    rung: 'root-without-capabilities',
    spec: one({ command: busy('/jdk21/bin/java'), securityContext: { capabilities: { drop: ['ALL'] } } }),
  },
  'below-sh': {
    level: 'restricted',
    jdk: 21,
    uid: 1000,
    gid: 3000,
    rung: 'same-user',
    spec: one({ command: ['sh', '-c', `${busy('/jdk21/bin/java').join(' ')} & wait`], securityContext: strict }, as(1000, 3000)),
  },
  'below-tini': {
    level: 'restricted',
    jdk: 11,
    uid: 1000,
    gid: 3000,
    rung: 'same-user',
    spec: one({ command: ['tini-static', '--', ...busy('/jdk11/bin/java')], securityContext: strict }, as(1000, 3000)),
  },
  // The container begins as root, and the cluster goes on calling it root.
  gosu: {
    level: 'baseline',
    jdk: 21,
    uid: 1000,
    gid: 1000,
    rung: 'root',
    spec: one({ command: ['gosu', '1000:1000', ...busy('/jdk21/bin/java')] }),
  },
  'below-tini-and-gosu': {
    level: 'baseline',
    jdk: 8,
    uid: 1000,
    gid: 1000,
    rung: 'root',
    spec: one({ command: ['tini-static', '--', 'gosu', '1000:1000', ...busy('/jdk8/jre/bin/java')] }),
  },
  // Root that may read nobody's files and signal nobody: all that it has it needs to become the app's user.
  'gosu-drops-all': {
    level: 'baseline',
    jdk: 21,
    uid: 1000,
    gid: 1000,
    rung: 'root',
    spec: one({
      command: ['gosu', '1000:1000', ...busy('/jdk21/bin/java')],
      securityContext: { capabilities: { drop: ['ALL'], add: ['SETUID', 'SETGID'] } },
    }),
  },
  'two-jvms': {
    level: 'restricted',
    jdk: 21,
    uid: 1000,
    gid: 3000,
    rung: 'same-user',
    jvms: 2,
    spec: one(
      {
        command: ['sh', '-c', `${busy('/jdk21/bin/java').join(' ')} & ${busy('/jdk21/bin/java', '-Dsecond=true').join(' ')} & wait`],
        securityContext: strict,
      },
      as(1000, 3000),
    ),
  },
  'behind-a-sidecar': {
    level: 'baseline',
    jdk: 17,
    ...root,
    spec: { containers: [idle, container({ image: debian, command: busy(java17) })] },
  },
  // All processes of the pod are seen, and PID 1 is none of the app's.
  'shared-processes': {
    level: 'restricted',
    jdk: 21,
    uid: 1000,
    gid: 3000,
    rung: 'same-user',
    spec: {
      shareProcessNamespace: true,
      ...as(1000, 3000),
      containers: [
        { ...idle, securityContext: strict },
        container({ command: busy('/jdk21/bin/java'), securityContext: strict }),
        container({ command: busy('/jdk11/bin/java', '-Dbeside=true'), securityContext: strict }, 'beside'),
      ],
    },
  },
  'fs-group': {
    level: 'restricted',
    jdk: 21,
    uid: 1000,
    gid: 3000,
    rung: 'same-user',
    spec: one(
      { command: busy('/jdk21/bin/java'), securityContext: { ...strict, ...readOnly }, mounts: { '/tmp': 'tmp' } },
      { ...as(1000, 3000, { fsGroup: 2000 }), ...scratch },
    ),
  },
  // It has all capabilities, and who looks at it needs them too, or SYS_PTRACE.
  privileged: {
    level: 'privileged',
    jdk: 17,
    uid: 0,
    gid: 0,
    rung: 'ptrace',
    asks: '--allow-ptrace',
    spec: one({ image: debian, command: busy(java17), securityContext: { privileged: true } }),
  },
  // Not even its own user may look into it. The shell is needed: a container's first program is started with capabilities that read all.
  'non-dumpable': {
    level: 'privileged',
    jdk: 21,
    uid: 1000,
    gid: 3000,
    rung: 'ptrace',
    asks: '--allow-ptrace',
    spec: one(
      { command: ['sh', '-c', `exec ${busy('/jdk21/bin/java-unreadable').join(' ')}`] },
      { securityContext: { runAsUser: 1000, runAsGroup: 3000 } },
    ),
  },
} as const satisfies Readonly<Record<string, JvmTarget>>;

/** Name of a target's pod. */
export type TargetName = keyof typeof targets;

/** Targets with their names, as a list. */
export const targetList: readonly (JvmTarget & { readonly name: TargetName })[] = Object.entries(targets).map(([name, target]) => ({
  ...(target as JvmTarget),
  name: name as TargetName,
}));

/** Makes the pods of some targets in the namespaces of their levels, and waits until their apps run. */
export async function applyTargets(names: readonly TargetName[], places: Readonly<Partial<Record<Level, Place>>>): Promise<void> {
  for (const [level, { namespace }] of Object.entries(places)) {
    const items = names.filter((name) => targets[name].level === level).map((name) => podOf(name, targets[name]));
    if (items.length === 0) continue;
    apply(namespace, { apiVersion: 'v1', kind: 'List', items });
  }
  const prints = (name: TargetName) => {
    const namespace = places[targets[name].level]?.namespace;
    return namespace === undefined || kubectl('logs', '-n', namespace, name, '-c', 'app', '--tail=2').includes('stall=');
  };
  const left = new Set(names);
  const all = () => {
    for (const name of left) {
      try {
        if (prints(name)) left.delete(name);
      } catch {} // its container has not been made yet
    }
    return left.size === 0;
  };
  if (!(await eventually(all, 180))) throw new Error(`these do not print: ${[...left].join(', ')}`);
}

const podOf = (name: string, { spec }: JvmTarget) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: { terminationGracePeriodSeconds: 0, automountServiceAccountToken: false, ...spec },
});
