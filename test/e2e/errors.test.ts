import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { apply, type Desk, debugContainers, desk, kubectl, type Place, place, vitals } from './support.ts';

let baseline: Place;
let restricted: Place;
let laptop: Desk;

beforeAll(async () => {
  laptop = desk();
  baseline = place('baseline');
  restricted = place('restricted');
  await baseline.apply('jdk17-root', 'attach-disabled', 'no-tmp', 'no-jvm', 'two-jvms', 'crashloop', 'completed', 'pending');
});
afterAll(() => {
  baseline?.remove();
  restricted?.remove();
  laptop?.remove();
});

interface Case {
  readonly name: string;
  readonly argv: readonly string[];
  readonly code: number;
  /** What the error has to say, cause and hint included. */
  readonly says: readonly RegExp[];
  readonly env?: NodeJS.ProcessEnv;
  /** Milliseconds; a capture would take longer. */
  readonly within?: number;
}

const pod = 'jdk17-root';

const cases: readonly Case[] = [
  {
    name: 'no kubeconfig',
    argv: [pod],
    env: { KUBECONFIG: '', HOME: '/nonexistent' },
    code: 1,
    says: [/kubeconfig/i, /\/nonexistent\/\.kube\/config/],
  },
  { name: 'a kubeconfig that is not there', argv: [pod, '--kubeconfig', '/nonexistent/config'], code: 1, says: [/\/nonexistent\/config/] },
  {
    name: 'an unreachable server',
    argv: [pod, '--server', 'https://127.0.0.1:1'],
    code: 1,
    says: [/127\.0\.0\.1:1/, /try: /],
    within: 60_000,
  },
  { name: 'an unknown context', argv: [pod, '--context', 'kub'], code: 2, says: [/context.*kub/, /try: [\s\S]*\bkube\b/] },
  { name: 'an unknown namespace', argv: [pod, '-n', 'nowhere'], code: 1, says: [/no namespace nowhere/] },
  { name: 'an unknown pod', argv: ['jdk17-rot'], code: 1, says: [/no pod jdk17-rot/, /did you mean jdk17-root/] },
  { name: 'an unknown container', argv: [pod, '-c', 'ap'], code: 2, says: [/no container ap/, /-c app/] },
  { name: 'an impossible name', argv: ['a/b/c'], code: 2, says: [/a\/b\/c/] },
  { name: 'an unknown pid', argv: [pod, '--pid', '99999'], code: 2, says: [/no process 99999/, /--pid[\s\S]*Busy/] },
  { name: 'a pending pod', argv: ['pending'], code: 1, says: [/pending does not run/, /Unschedulable|didn't match/] },
  { name: 'a completed pod', argv: ['completed'], code: 5, says: [/completed/] },
  { name: 'a crash-looping pod', argv: ['crashloop'], code: 5, says: [/crashloop/, /exit code 1|CrashLoopBackOff/] },
  { name: 'no JVM', argv: ['no-jvm'], code: 7, says: [/no JVM/, /1 {2}sleep/] },
  { name: 'two JVMs', argv: ['two-jvms'], code: 2, says: [/2 JVMs/, /--pid[\s\S]*Busy[\s\S]*second=true/] },
  { name: 'attach disabled', argv: ['attach-disabled'], code: 7, says: [/DisableAttachMechanism/] },
  { name: 'no writable /tmp', argv: ['no-tmp'], code: 7, says: [/\/tmp/, /emptyDir/] },
  {
    name: 'an image that can not be pulled',
    argv: [pod, '--image', 'registry.invalid/kprof-jvm:9'],
    code: 1,
    says: [/registry\.invalid\/kprof-jvm:9/, /eclipse-temurin:25-jdk/, /registry/],
    within: 60_000,
  },
  { name: 'an image name that is none', argv: [pod, '--image', 'UPPER:case:twice'], code: 1, says: [/UPPER:case:twice/], within: 60_000 },
  {
    name: 'an image that exits at once',
    argv: [pod, '--image', 'registry.local/exits-at-once:test'],
    code: 1,
    says: [/exits-at-once|ended/, /3/],
    within: 60_000,
  },
  { name: 'an image without a shell', argv: [pod, '--image', 'registry.local/no-shell:test'], code: 7, says: [/shell/], within: 60_000 },
  { name: 'an output that exists', argv: [pod, '-f', 'exists.jfr'], code: 2, says: [/exists\.jfr/, /--force/] },
  { name: 'a folder that does not exist', argv: [pod, '-f', 'no/where/x.jfr'], code: 8, says: [/no\/where/, /mkdir -p/] },
  { name: 'a local disk that can only be read', argv: [pod, '-f', '/proc/x.jfr'], code: 8, says: [/\/proc/] },
  { name: 'no duration', argv: [pod, '--duration', '0'], code: 2, says: [/--duration 0/] },
  { name: 'a negative duration', argv: [pod, '--duration', '-5s'], code: 2, says: [/--duration "-5s"/] },
  { name: 'a duration that is none', argv: [pod, '--duration', 'abc'], code: 2, says: [/--duration "abc"/, /15s/] },
  { name: 'an unknown flag', argv: [pod, '--durations', '5s'], code: 2, says: [/--durations/, /--duration\b/] },
  { name: 'two pods', argv: [pod, 'other'], code: 2, says: [/other/] },
  { name: 'no pod', argv: [], code: 2, says: [/needs a pod/, /kubectl get pods/] },
  { name: 'a settings file that is not there', argv: [pod, '--settings', 'no.jfc'], code: 2, says: [/no\.jfc/] },
];

describe('kprof jfr', () => {
  it.each(cases)('says what is wrong with $name', async ({ argv, code, says, env, within = 20_000 }) => {
    writeFileSync(join(laptop.folder, 'exists.jfr'), '');
    const user = env === undefined ? laptop : { ...laptop, ...desk(env) };
    const named = argv.includes('-n') ? argv : [...argv, '-n', baseline.namespace];
    const ended = await user.kprof('jfr', ...named);
    expect(ended.stderr).toMatch(/^error: /m);
    for (const text of says) expect(ended.stderr).toMatch(text);
    expect(ended.code, ended.stderr).toBe(code);
    expect(ended.stdout).toBe('');
    expect(ended.stderr).not.toMatch(/\n {4}at |node:internal/);
    expect(ended.took).toBeLessThan(within);
    expect(readdirSync(laptop.folder).filter((name) => name.endsWith('.partial'))).toEqual([]);
  });

  it('has done no harm with all of that', () => {
    for (const each of [pod, 'attach-disabled', 'no-tmp', 'two-jvms'])
      expect(vitals(baseline.namespace, each)).toMatchObject({ restarts: '0', dumps: 0 });
    const script = 'ls -a /tmp /proc/1/cwd/ | grep -E "kprof|attach_pid"; grep -l "State:.Z" /proc/[0-9]*/status || true';
    for (const each of [pod, 'attach-disabled', 'two-jvms'])
      expect(kubectl('exec', '-n', baseline.namespace, each, '-c', 'app', '--', 'sh', '-c', script)).toBe('');
  });

  it('knows the nearest command', async () => {
    expect(await laptop.kprof('jrf', 'x')).toMatchObject({ code: 2, stderr: expect.stringContaining('did you mean kprof jfr?') });
  });

  it('names what Pod Security refuses', async () => {
    // A root container from before the namespace was restricted.
    kubectl('label', 'namespace', restricted.namespace, 'pod-security.kubernetes.io/enforce-');
    await restricted.apply('jdk17-root');
    kubectl('label', 'namespace', restricted.namespace, 'pod-security.kubernetes.io/enforce=restricted');
    const ended = await laptop.kprof('jfr', pod, '-n', restricted.namespace);
    expect(ended).toMatchObject({ code: 4, stdout: '' });
    expect(ended.stderr).toMatch(/Pod Security «restricted/);
    expect(debugContainers(restricted.namespace, pod)).toEqual([]);
  });
});

describe('rights', () => {
  const rules = [
    { apiGroups: [''], resources: ['pods'], verbs: ['get', 'list', 'watch'] },
    { apiGroups: [''], resources: ['pods/ephemeralcontainers'], verbs: ['patch'] },
    { apiGroups: [''], resources: ['pods/exec'], verbs: ['get', 'create'] },
  ];

  /** A kubeconfig for a service account with these rights. */
  function userWith(name: string, granted: readonly object[]): string {
    const give = (object: object) => apply(baseline.namespace, object);
    const metadata = { name };
    give({ apiVersion: 'v1', kind: 'ServiceAccount', metadata });
    give({ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role', metadata, rules: granted });
    give({
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata,
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name },
      subjects: [{ kind: 'ServiceAccount', name, namespace: baseline.namespace }],
    });
    const token = kubectl('create', 'token', name, '-n', baseline.namespace).trim();
    const config = JSON.parse(kubectl('config', 'view', '--raw', '-o', 'json')) as { users: object[] };
    config.users = config.users.map((user) => ({ ...user, user: { token } }));
    const path = join(laptop.folder, `${name}.kubeconfig`);
    writeFileSync(path, JSON.stringify(config), { mode: 0o600 });
    return path;
  }

  it('suffice as the README shows them', async () => {
    const config = userWith('minimal', rules);
    const ended = await laptop.kprof('threads', pod, '-n', baseline.namespace, '--kubeconfig', config);
    expect(ended, ended.stderr).toMatchObject({ code: 0, stdout: expect.stringContaining('kprof-worker-1') });
  });

  it.each([
    ['no-pods', rules.slice(1), /\bget\b.*pods/],
    ['no-patch', rules.filter((_, index) => index !== 1), /\bpatch\b.*pods\/ephemeralcontainers/],
    ['no-exec', rules.slice(0, 2), /pods\/exec/],
    [
      'exec-create-only',
      [...rules.slice(0, 2), { apiGroups: [''], resources: ['pods/exec'], verbs: ['create'] }],
      /create[\s\S]*get[\s\S]*pods\/exec|get[\s\S]*pods\/exec/,
    ],
  ] as const)('that are missing are named, with the Role to paste: %s', async (name, granted, says) => {
    const config = userWith(name, granted);
    const newcomer = desk(); // whose journal is empty: no container of before is used again
    const ended = await newcomer.kprof('threads', pod, '-n', baseline.namespace, '--kubeconfig', config);
    newcomer.remove();
    expect({ code: ended.code, printed: ended.stdout.length }, ended.stderr).toEqual({ code: 4, printed: 0 });
    expect(ended.stderr).toMatch(says);
    expect(ended.stderr).toMatch(/kind: Role[\s\S]*pods\/ephemeralcontainers/);
  });
});

describe('a local disk', () => {
  it('that is full is named, and leaves nothing in the pod', async () => {
    const full = join(laptop.folder, 'full');
    mkdirSync(full);
    chmodSync(full, 0o700);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1200k', 'tmpfs', full]);
    try {
      const ended = await laptop.kprof('jfr', pod, '-n', baseline.namespace, '--duration', '8s', '-f', 'full/');
      // A recording of 8s is smaller than the disk; so is it filled first.
      expect([0, 8]).toContain(ended.code);
      execFileSync('sh', ['-c', 'head -c 1050k /dev/zero >"$0"/zero || true', full]);
      const second = await laptop.kprof('jfr', pod, '-n', baseline.namespace, '--duration', '2s', '-f', 'full/');
      expect(second).toMatchObject({ code: 8, stdout: '' });
      expect(second.stderr).toMatch(/full/);
    } finally {
      execFileSync('umount', [full]);
    }
    expect(kubectl('exec', '-n', baseline.namespace, pod, '-c', 'app', '--', 'ls', '-a', '/tmp')).not.toMatch(/kprof/);
  });
});
