/**
 * The access ladder: from what is known of the target to the security context of the debug container.
 * The kernel's rule (ptrace(2), access mode checking): same uid and same gid, and at least the target's capabilities.
 */
import type { V1Container, V1Pod, V1SecurityContext } from '@kubernetes/client-node';
import type { DebugSpec, User } from '../cluster.ts';

/** One step of the ladder, with the reason in words. */
export interface Rung {
  readonly name: 'same-user' | 'root' | 'root-without-capabilities' | 'ptrace' | 'network';
  readonly why: string;
  readonly user: User;
  readonly securityContext: V1SecurityContext;
}

/** Whom the target runs as, as far as the cluster knows; undefined when it doesn't say. */
export function knownUser(pod: V1Pod, container: V1Container): User | undefined {
  const reported = pod.status?.containerStatuses?.find(({ name }) => name === container.name)?.user?.linux;
  if (reported !== undefined) return { uid: Number(reported.uid), gid: Number(reported.gid) };
  const uid = container.securityContext?.runAsUser ?? pod.spec?.securityContext?.runAsUser;
  // Without a group it is the one that the image's passwd names, or 0: nobody tells.
  const gid = container.securityContext?.runAsGroup ?? pod.spec?.securityContext?.runAsGroup;
  return uid === undefined || gid === undefined ? undefined : { uid, gid };
}

/** Same uid and gid, no capability at all: what Pod Security `restricted` allows. */
const sameUser = (user: User): Rung => ({
  name: 'same-user',
  why: `as the app's own user ${user.uid}:${user.gid}, without any capability`,
  user,
  securityContext: {
    runAsUser: user.uid,
    runAsGroup: user.gid,
    runAsNonRoot: true,
    allowPrivilegeEscalation: false,
    capabilities: { drop: ['ALL'] },
    seccompProfile: { type: 'RuntimeDefault' },
  },
});

/** The runtime's defaults, nothing added: reaches root, and by setpriv any user that root started. */
const root: Rung = {
  name: 'root',
  why: "as root with the runtime's default capabilities, as the app's container has them; none is added",
  user: { uid: 0, gid: 0 },
  securityContext: { runAsUser: 0, runAsGroup: 0, runAsNonRoot: false, allowPrivilegeEscalation: false },
};

/** What containerd and CRI-O give who asks for nothing (https://github.com/containerd/containerd/blob/main/pkg/oci/spec.go, defaultUnixCaps). */
const defaults =
  'AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE NET_RAW SETFCAP SETGID SETPCAP SETUID SYS_CHROOT'.split(' ');

/** For a root app that dropped everything itself. */
const bareRoot: Rung = {
  name: 'root-without-capabilities',
  why: "as root without any capability, as the app's container is",
  user: { uid: 0, gid: 0 },
  securityContext: { ...root.securityContext, capabilities: { drop: ['ALL'] } },
};

/**
 * The rung for a target, least privilege first. `user` is whom the process runs as, once that was seen.
 * Where nobody tells, it is root by default: from there any user of the container can be reached.
 */
export function rung(pod: V1Pod, container: V1Container, user: User | undefined = knownUser(pod, container)): Rung {
  if (user !== undefined && user.uid !== 0) return sameUser(user);
  const { drop = [], add = [] } = container.securityContext?.capabilities ?? {};
  // What the app gave up we don't have either; what it added beyond the defaults we never have.
  const all = drop.includes('ALL');
  const given = all ? defaults.filter((capability) => !add.includes(capability)) : drop;
  if (all && given.length === defaults.length) return bareRoot;
  if (given.length === 0) return root;
  return {
    ...root,
    why: "as root with those of the runtime's default capabilities that the app's container kept; none is added",
    securityContext: { ...root.securityContext, capabilities: { drop: [...given] } },
  };
}

/** Whom no one but the kernel's exception reaches: a process with more capabilities than ours, or one that is not dumpable. Only by consent. */
export const ptrace: Rung = {
  name: 'ptrace',
  why: 'as root with the capability SYS_PTRACE, as was agreed to',
  user: { uid: 0, gid: 0 },
  securityContext: { ...root.securityContext, capabilities: { add: ['SYS_PTRACE'] } },
};

/** What tcpdump needs beside a raw socket: it sets its groups and user even where they stay the same, and whoever ends it may have to force it. */
const capturing = ['NET_RAW', 'SETGID', 'SETUID', 'KILL'];

/** To see the pod's packets where the runtime gives no right to; no process of the pod is looked at. Only by consent. */
const network: Rung = {
  name: 'network',
  why: `as root with the capabilities ${capturing.join(', ')} and no other, as was agreed to`,
  user: root.user,
  securityContext: { ...root.securityContext, capabilities: { drop: ['ALL'], add: capturing } },
};

/** The rung for what is wanted. */
export function rungFor(pod: V1Pod, container: V1Container, { access, adds, user }: Pick<DebugSpec, 'access' | 'adds' | 'user'>): Rung {
  if (adds !== undefined) return adds === 'NET_RAW' ? network : ptrace;
  return access === 'network'
    ? { ...root, why: "as root with the runtime's default capabilities; none is added" }
    : rung(pod, container, user);
}

/** Whoever the target is: good for looking at `/proc/PID/status` and nothing else. */
export const scout: Rung = { ...sameUser({ uid: 65532, gid: 65532 }), why: 'to see whom the app runs as' };
