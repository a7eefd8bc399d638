/** Pod Security admission (k8s.io/pod-security-admission policy), for what an ephemeral container can violate. */
import { type Container, containersOf, type Pod, type SecurityContext } from './objects.ts';

const usual = new Set(
  'AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE SETFCAP SETGID SETPCAP SETUID SYS_CHROOT'.split(' '),
);

const quoted = (names: readonly string[]): string => names.map((name) => JSON.stringify(name)).join(', ');
const those = (names: readonly string[]): string => `container${names.length === 1 ? '' : 's'} ${quoted(names)}`;

interface Check {
  readonly reason: string;
  /** The detail, or undefined when all is well. */
  detail(containers: readonly Container[], pod: Pod): string | undefined;
}

/** A rule on each container's security context. */
const each = (reason: string, breaks: (own: SecurityContext) => boolean, must: string): Check => ({
  reason,
  detail(containers) {
    const names = containers.filter(({ securityContext = {} }) => breaks(securityContext)).map(({ name }) => name);
    return names.length === 0 ? undefined : `${those(names)} must ${must}`;
  },
});

/** A rule that the pod may fulfil for its containers; who breaks it by itself is told first. */
const inherited = (
  reason: string,
  {
    holds,
    not,
    must,
  }: { holds: (context: SecurityContext) => boolean | undefined; not: (context: SecurityContext) => string; must: string },
): Check => ({
  reason,
  detail(containers, { spec }) {
    const ofPod = holds(spec.securityContext ?? {});
    const own = containers.filter(({ securityContext = {} }) => holds(securityContext) === false);
    const silent = containers.filter(({ securityContext = {} }) => holds(securityContext) === undefined && ofPod !== true);
    const names = (some: readonly Container[]) => those(some.map(({ name }) => name));
    if (own[0] !== undefined) return `${names(own)} must not set ${not(own[0].securityContext ?? {})}`;
    return silent.length === 0 ? undefined : `pod or ${names(silent)} must set ${must}`;
  },
});

const adding = (reason: string, isAllowed: (capability: string) => boolean): Check => ({
  reason,
  detail(containers) {
    const bad = (container: Container) => (container.securityContext?.capabilities?.add ?? []).filter((name) => !isAllowed(name));
    const names = containers.filter((container) => bad(container).length > 0).map(({ name }) => name);
    const which = [...new Set(containers.flatMap(bad))].sort();
    return names.length === 0 ? undefined : `${those(names)} must not include ${quoted(which)} in securityContext.capabilities.add`;
  },
});

const dropping: Check = each(
  'unrestricted capabilities',
  ({ capabilities }) => !capabilities?.drop?.includes('ALL'),
  'set securityContext.capabilities.drop=["ALL"]',
);
const onlyBinding = adding('unrestricted capabilities', (name) => name === 'NET_BIND_SERVICE');

/** In the order in which they are told. */
const baseline: readonly Check[] = [
  adding('non-default capabilities', (name) => usual.has(name)),
  {
    reason: 'host namespaces',
    detail: (_, { spec }) =>
      (['hostNetwork', 'hostPID', 'hostIPC'] as const)
        .filter((name) => spec[name] === true)
        .map((name) => `${name}=true`)
        .join(', ') || undefined,
  },
  each('privileged', ({ privileged }) => privileged === true, 'not set securityContext.privileged=true'),
  {
    ...each(
      'seccompProfile',
      ({ seccompProfile }) => seccompProfile?.type === 'Unconfined',
      'not set securityContext.seccompProfile.type to "Unconfined"',
    ),
  },
];

const restricted: readonly Check[] = [
  each(
    'allowPrivilegeEscalation != false',
    ({ allowPrivilegeEscalation }) => allowPrivilegeEscalation !== false,
    'set securityContext.allowPrivilegeEscalation=false',
  ),
  {
    reason: 'unrestricted capabilities',
    detail: (containers, pod) =>
      [dropping.detail(containers, pod), onlyBinding.detail(containers, pod)].filter((detail) => detail !== undefined).join('; ') ||
      undefined,
  },
  inherited('runAsNonRoot != true', {
    holds: ({ runAsNonRoot }) => runAsNonRoot,
    not: () => 'securityContext.runAsNonRoot=false',
    must: 'securityContext.runAsNonRoot=true',
  }),
  each('runAsUser=0', ({ runAsUser }) => runAsUser === 0, 'not set runAsUser=0'),
  inherited('seccompProfile', {
    holds: ({ seccompProfile }) =>
      seccompProfile === undefined ? undefined : ['RuntimeDefault', 'Localhost'].includes(seccompProfile.type),
    not: ({ seccompProfile }) => `securityContext.seccompProfile.type to "${seccompProfile?.type}"`,
    must: 'securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"',
  }),
];

const replaced = new Set(['non-default capabilities', 'seccompProfile']);

/** What the level says against the whole pod, or undefined: earlier ephemeral containers count like new ones. */
export function violation(pod: Pod, level: string | undefined): string | undefined {
  if (level !== 'baseline' && level !== 'restricted') return undefined;
  // Where `restricted` has a stricter rule of the same kind, that one alone is told.
  const checks = level === 'baseline' ? baseline : [...baseline.filter(({ reason }) => !replaced.has(reason)), ...restricted];
  const containers = containersOf(pod);
  const found = checks
    .map(({ reason, detail }) => [reason, detail(containers, pod)] as const)
    .filter(([, detail]) => detail !== undefined)
    .map(([reason, detail]) => `${reason} (${detail})`);
  return found.length === 0 ? undefined : `violates PodSecurity "${level}:latest": ${found.join(', ')}`;
}
