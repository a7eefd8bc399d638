import type { V1Container, V1Pod } from '@kubernetes/client-node';
import { describe, expect, it } from 'vitest';
import type { DebugSpec } from '../../src/cluster.ts';
import { knownUser, rung, rungFor, scout } from '../../src/kube/access.ts';
import { ephemeralContainer, randomSuffix, reusable, specDigest } from '../../src/kube/ephemeral-container.ts';

const pod = (container: Partial<V1Container> = {}, more: { spec?: object; user?: { uid: number; gid: number } } = {}): V1Pod =>
  ({
    metadata: { name: 'app', namespace: 'n', uid: 'u1' },
    spec: { containers: [{ name: 'app', image: 'app', ...container }], ...more.spec },
    status: { containerStatuses: [{ name: 'app', ...(more.user ? { user: { linux: more.user } } : {}) }] },
  }) as V1Pod;

const spec: DebugSpec = {
  image: 'jvm',
  reference: 'r/kprof-jvm:1',
  pullPolicy: 'IfNotPresent',
  access: 'attach',
  command: ['sh', '-c', 'x'],
  timeout: 1000,
};

const sameUser = (uid: number, gid: number) => ({
  runAsUser: uid,
  runAsGroup: gid,
  runAsNonRoot: true,
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
  seccompProfile: { type: 'RuntimeDefault' },
});
const root = { runAsUser: 0, runAsGroup: 0, runAsNonRoot: false, allowPrivilegeEscalation: false };

const defaults =
  'AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE NET_RAW SETFCAP SETGID SETPCAP SETUID SYS_CHROOT'.split(' ');

/** From the target to the security context of the debug container. */
const table: readonly (readonly [what: string, pod: V1Pod, securityContext: object])[] = [
  ['the runtime says 1000:3000', pod({}, { user: { uid: 1000, gid: 3000 } }), sameUser(1000, 3000)],
  [
    'the runtime says so, whatever the spec says',
    pod({ securityContext: { runAsUser: 5, runAsGroup: 5 } }, { user: { uid: 1000, gid: 3000 } }),
    sameUser(1000, 3000),
  ],
  ['the container says so', pod({ securityContext: { runAsUser: 1000, runAsGroup: 3000 } }), sameUser(1000, 3000)],
  ['the pod says so', pod({}, { spec: { securityContext: { runAsUser: 1000, runAsGroup: 3000 } } }), sameUser(1000, 3000)],
  [
    'the container overrides the pod',
    pod({ securityContext: { runAsUser: 7 } }, { spec: { securityContext: { runAsUser: 1000, runAsGroup: 3000 } } }),
    sameUser(7, 3000),
  ],
  ['gid 0 counts', pod({ securityContext: { runAsUser: 1000, runAsGroup: 0 } }), sameUser(1000, 0)],
  ['root', pod({}, { user: { uid: 0, gid: 0 } }), root],
  [
    'root that added capabilities: still none of ours',
    pod({ securityContext: { capabilities: { add: ['NET_ADMIN'] } } }, { user: { uid: 0, gid: 0 } }),
    root,
  ],
  [
    'root that dropped some: so do we',
    pod({ securityContext: { capabilities: { drop: ['NET_RAW', 'KILL'], add: ['SYS_TIME'] } } }, { user: { uid: 0, gid: 0 } }),
    { ...root, capabilities: { drop: ['NET_RAW', 'KILL'] } },
  ],
  [
    'root that dropped all but what it needs to become another user',
    pod({ securityContext: { capabilities: { drop: ['ALL'], add: ['SETUID', 'SETGID'] } } }, { user: { uid: 0, gid: 0 } }),
    { ...root, capabilities: { drop: defaults.filter((each) => !/^SET[UG]ID$/.test(each)) } },
  ],
  [
    'root that dropped all and added what is not given by default: still none of ours',
    pod({ securityContext: { capabilities: { drop: ['ALL'], add: ['SYS_PTRACE', 'NET_ADMIN'] } } }, { user: { uid: 0, gid: 0 } }),
    { ...root, capabilities: { drop: ['ALL'] } },
  ],
  [
    'root that dropped all',
    pod({ securityContext: { capabilities: { drop: ['ALL'] } } }, { user: { uid: 0, gid: 0 } }),
    { ...root, capabilities: { drop: ['ALL'] } },
  ],
  [
    'root that dropped all and added some',
    pod({ securityContext: { capabilities: { drop: ['ALL'], add: ['CHOWN'] } } }, { user: { uid: 0, gid: 0 } }),
    { ...root, capabilities: { drop: defaults.filter((each) => each !== 'CHOWN') } },
  ],
  ['nobody tells', pod(), root],
  ['a uid without a gid: nobody tells', pod({ securityContext: { runAsUser: 1000 } }), root],
];

describe('rung', () => {
  it.each(table)('%s', (_, target, securityContext) => {
    expect(rung(target, target.spec?.containers[0] as V1Container).securityContext).toEqual(securityContext);
  });

  it('goes by the process once it was seen', () => {
    const target = pod({}, { user: { uid: 1000, gid: 3000 } });
    expect(rung(target, target.spec?.containers[0] as V1Container, { uid: 7, gid: 8 }).user).toEqual({ uid: 7, gid: 8 });
  });

  it('never adds a capability', () => {
    for (const [, target] of table)
      expect(rung(target, target.spec?.containers[0] as V1Container).securityContext.capabilities?.add).toBeUndefined();
    expect(scout.securityContext.capabilities?.add).toBeUndefined();
  });

  it('knows no user where the cluster tells none', () => {
    expect(knownUser(pod(), { name: 'app' })).toBeUndefined();
  });
});

describe('ephemeralContainer', () => {
  const target = pod({}, { user: { uid: 1000, gid: 3000 } });
  const entry = ephemeralContainer(spec, 'app', rung(target, target.spec?.containers[0] as V1Container), 'x7k2p');

  it('is exactly this', () => {
    expect(entry).toEqual({
      name: 'kprof-jvm-x7k2p',
      image: 'r/kprof-jvm:1',
      imagePullPolicy: 'IfNotPresent',
      command: ['sh', '-c', 'x'],
      env: [{ name: 'HOME', value: '/tmp' }],
      targetContainerName: 'app',
      securityContext: sameUser(1000, 3000),
    });
  });

  it.each([
    ['$$', '$$$'],
    ['echo $$ $(date) $((1+1)) $1 $', 'echo $$$ $$(date) $$((1+1)) $1 $'],
  ])('keeps a kubelet from reading %s as something of its own', (word, escaped) => {
    const { command } = ephemeralContainer(
      { ...spec, command: ['sh', '-c', word] },
      'app',
      rung(target, target.spec?.containers[0] as V1Container),
      'x',
    );
    expect(command).toEqual(['sh', '-c', escaped]);
    // As the kubelet does: `$$` is `$`, `$(NAME)` a variable.
    expect(escaped.replace(/\$(\$|\([^)]*\))/g, (found) => (found === '$$' ? '$' : 'VARIABLE'))).toBe(word);
  });

  it('has a name of its own each time', () => {
    expect(randomSuffix()).toMatch(/^[a-z0-9]{5}$/);
    expect(new Set(Array.from({ length: 50 }, randomSuffix)).size).toBeGreaterThan(45);
  });

  describe('reusable', () => {
    const accepted = { ...entry, resources: {}, terminationMessagePath: '/dev/termination-log', terminationMessagePolicy: 'File' };
    const running = { name: entry.name, imageID: 'sha256:1', state: { running: {} } };
    const with_ = (more: object, status: object = {}) =>
      ({
        ...target,
        spec: { ...target.spec, ephemeralContainers: [{ ...accepted, ...more }] },
        status: { ephemeralContainerStatuses: [{ ...running, ...status }] },
      }) as unknown as V1Pod;
    const ours = {
      context: 'test',
      namespace: 'shop',
      pod: 'api',
      podUid: 'u1',
      container: entry.name,
      targetContainerId: 'c1',
      imageId: 'sha256:1',
      spec: specDigest(entry),
      at: 0,
    };
    const wanted = { ...entry, name: 'kprof-jvm-other' };

    it('takes ours, though the API server filled in defaults', () => {
      expect(reusable(with_({}), wanted, 'c1', [ours])?.entry.name).toBe(entry.name);
    });

    it('leaves one that has less than half of its day before it', () => {
      const aged = (hours: number) => with_({}, { state: { running: { startedAt: new Date(Date.now() - hours * 3_600_000) } } });
      expect(reusable(aged(11), wanted, 'c1', [ours])?.entry.name).toBe(entry.name);
      expect(reusable(aged(13), wanted, 'c1', [ours])).toBeUndefined();
    });

    it.each<[string, V1Pod, string, readonly (typeof ours)[]]>([
      ["someone else's that looks just like ours", with_({}), 'c1', []],
      ["another pod's of the same name", with_({}), 'c1', [{ ...ours, podUid: 'u2' }]],
      ['one whose target restarted', with_({}), 'c2', [ours]],
      ['one with another image behind the tag', with_({}, { imageID: 'sha256:2' }), 'c1', [ours]],
      ['one that ended', with_({}, { state: { terminated: {} } }), 'c1', [ours]],
      ['one with other capabilities', with_({ securityContext: { capabilities: { add: ['SYS_PTRACE'] } } }), 'c1', [ours]],
      ['one with another script', with_({ command: ['sh', '-c', 'y'] }), 'c1', [ours]],
      ['one with a volume', with_({ volumeMounts: [{ name: 'v', mountPath: '/v' }] }), 'c1', [ours]],
      ['one with another target', with_({ targetContainerName: 'other' }), 'c1', [ours]],
    ])('leaves %s alone', (_, candidate, containerId, journal) => {
      expect(reusable(candidate, wanted, containerId, journal)).toBeUndefined();
    });
  });
});

describe('to see the network', () => {
  const network: DebugSpec = { ...spec, image: 'net', access: 'network' };
  const someone = pod({ securityContext: { runAsUser: 1000, runAsNonRoot: true } });

  it('adds nothing to what the runtime gives to root, and names no container', () => {
    const chosen = rungFor(someone, someone.spec?.containers[0] as V1Container, network);
    expect(chosen.securityContext).toEqual(root);
    expect(ephemeralContainer(network, 'app', chosen, 'x')).not.toHaveProperty('targetContainerName');
  });

  it('has with consent four capabilities and no other', () => {
    const { securityContext } = rungFor(someone, someone.spec?.containers[0] as V1Container, { ...network, adds: 'NET_RAW' });
    expect(securityContext).toEqual({ ...root, capabilities: { drop: ['ALL'], add: ['NET_RAW', 'SETGID', 'SETUID', 'KILL'] } });
  });
});
