/** What goes wrong with a JVM, for every verb: the right verdict, in time, and the app lives. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fakeJvm } from './hostile.ts';
import { verbs } from './jvm-verbs.ts';
import {
  type Desk,
  debugContainers,
  desk,
  type Ended,
  eventually,
  kubectl,
  kubectlLater,
  type Manifest,
  type Place,
  place,
  vitalsLater,
} from './support.ts';

let ours: Place;
let laptop: Desk;
/** All verbs of a JVM that never answers: that takes as long as kprof is patient, and nobody waits for it meanwhile. */
let silent: Promise<Readonly<Record<string, Ended>>>;

const java = ['java', '-Xmx64m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'];
const busy = ['-cp', '/app', 'Busy', '4'];
const sh = (script: string) => ['sh', '-c', script];

/** A pod of the workload with another command. */
const running =
  (command: readonly string[], more: (spec: Manifest['spec']) => void = () => {}) =>
  ({ spec }: Manifest): void => {
    Object.assign(spec.containers[0] ?? {}, { command });
    more(spec);
  };

/** It records to a volume that its environment names, and that may hold so much. */
const limited =
  (sizeLimit: string) =>
  (spec: Manifest['spec']): void => {
    Object.assign(spec, { volumes: [{ name: 'work', emptyDir: { sizeLimit } }] });
    Object.assign(spec.containers[0] ?? {}, {
      env: [{ name: 'JAVA_TOOL_OPTIONS', value: '-Djava.io.tmpdir=/work' }],
      volumeMounts: [{ name: 'work', mountPath: '/work' }],
    });
  };

/** A /tmp with so much room. */
const smallTmp =
  (size: string) =>
  (spec: Manifest['spec']): void => {
    Object.assign(spec, { volumes: [{ name: 'tmp', emptyDir: { medium: 'Memory', sizeLimit: size } }] });
    Object.assign(spec.containers[0] ?? {}, { volumeMounts: [{ name: 'tmp', mountPath: '/tmp' }] });
  };

// It handles SIGQUIT, and has the libraries of OpenJ9, which are told by their names.
const openJ9 = `use DynaLoader; $SIG{QUIT} = sub {}; my ($from) = glob("/lib/*-linux-gnu/libm.so.6");
for (qw(libjvm.so libj9vm29.so)) { system "cp", $from, "/tmp/$_"; DynaLoader::dl_load_file("/tmp/$_", 0) or die }
while (1) { print "stall=0\\n"; sleep 1 }`;

beforeAll(async () => {
  laptop = desk();
  ours = place('baseline');
  const pod = (name: string, change: (pod: Manifest) => void) => ours.applyAs(name, 'jdk17-root', change);
  const patient = async () => {
    await fakeJvm(ours, 'silent');
    await inPod('silent', 'echo never >/tmp/mode');
  };
  await Promise.all([
    patient(),
    pod('no-signals', running([...java, '-Xrs', ...busy])),
    pod('no-way', running([...java, '-Xrs', '-XX:+DisableAttachMechanism', ...busy])),
    pod('dies', running(sh(`${[...java, ...busy].join(' ')} & echo $! >/tmp/pid; wait; exec sleep 600`))),
    // It is not said to run before that is over, each time that it begins.
    pod(
      'restarts',
      running([...java, ...busy], (spec) =>
        Object.assign(spec.containers[0] ?? {}, { lifecycle: { postStart: { exec: { command: ['sleep', '10'] } } } }),
      ),
    ),
    pod('limited', running([...java, ...busy], limited('64Mi'))),
    pod('openj9', running(['perl', '-e', `$| = 1; ${openJ9}`])),
    // Its sections are named at the end of the program.
    pod('native', running(sh('cp /bin/sleep /tmp/app; echo .svm_heap >>/tmp/app; echo stall=0; exec /tmp/app 600'))),
    pod(
      'full',
      running(['/jdk21/bin/java', ...java.slice(1), '-cp', '/app', 'Trouble', 'virtual'], (spec) => {
        Object.assign(spec.containers[0] ?? {}, { image: 'registry.local/workload-jvms:test' });
        smallTmp('4Mi')(spec);
      }),
    ),
    pod(
      'one-tmp',
      running([...java, ...busy], (spec) => {
        smallTmp('64Mi')(spec);
        spec.containers.push({ ...spec.containers[0], name: 'beside' } as (typeof spec.containers)[number]);
      }),
    ),
  ]);
  silent = all('silent');
});
afterAll(() => {
  ours?.remove();
  laptop?.remove();
});

const inPod = (pod: string, script: string) => kubectlLater(['exec', '-n', ours.namespace, pod, '-c', 'app', '--', ...sh(script)]);
const start = (user: Desk, [name = '', ...argv]: readonly string[]) => user.start(name, '-n', ours.namespace, '--no-open', ...argv);
const kprof = (user: Desk, ...argv: readonly string[]): Promise<Ended> => start(user, argv).ended;

/** What becomes of all verbs at the same time, after one that makes the debug container. */
async function all(pod: string, user = laptop): Promise<Readonly<Record<string, Ended>>> {
  // What answers for the one that pretends to be a JVM looks like another one.
  const [pid, one] = ['--pid', '1'];
  await kprof(user, 'jcmd', pid, one, pod, '--', 'VM.version');
  const asked = verbs.map(({ name, argv }) => [name, argv(pod)] as const);
  const each = asked.map(async ([name, [verb = '', ...rest]]) => [name, await kprof(user, verb, pid, one, ...rest)] as const);
  return Object.fromEntries(await Promise.all(each));
}

const restarts = async (pod: string) => Number((await vitalsLater(ours.namespace, pod)).restarts);

/** Failed with that code, said that, and printed nothing. */
function refused(ended: Ended, code: number, says: RegExp, what = '') {
  expect({ code: ended.code, stdout: ended.stdout }, `${what}: ${ended.stderr}`).toEqual({ code, stdout: '' });
  expect(ended.stderr, what).toMatch(says);
}

describe('a JVM', () => {
  it('that handles no signals gives everything to two users at the same time', async () => {
    const other = desk();
    const users = await Promise.all([all('no-signals'), all('no-signals', other)]);
    for (const { name, holds } of verbs) {
      const ended = users.map((each) => each[name] as Ended);
      // One profiler is enough for a JVM: who comes second is told, or comes when it is over.
      const late = name === 'asprof' ? ended.filter(({ code, stderr }) => code === 1 && stderr.includes('left alone')) : [];
      expect(late.length).toBeLessThan(2);
      for (const each of ended.filter((one) => !late.includes(one))) {
        expect(each, `${name}: ${each.stderr}`).toMatchObject({ code: 0 });
        expect(await holds(each), name).toBe(true);
      }
    }
    other.remove();
    expect(await vitalsLater(ours.namespace, 'no-signals')).toMatchObject({ restarts: '0', dumps: 0 });
  });

  it('that handles no signals and takes no attach request is left alone', async () => {
    const found = await all('no-way');
    for (const { name } of verbs) refused(found[name] as Ended, 7, /DisableAttachMechanism/, name);
    expect(await vitalsLater(ours.namespace, 'no-way')).toMatchObject({ restarts: '0', dumps: 0 });
  });

  it('at whose door that of another container answers is not taken for it', async () => {
    const asked = (container: string, tool: string, ...more: readonly string[]) => kprof(laptop, tool, 'one-tmp', '-c', container, ...more);
    const first = await asked('beside', 'jcmd', '--', 'VM.version');
    expect(first, first.stderr).toMatchObject({ code: 0 });
    refused(await asked('app', 'jcmd', '--', 'VM.version'), 7, /another JVM of this pod answers at its \/tmp\/\.java_pid1/);
    const dump = await asked('app', 'threads');
    expect(dump, dump.stderr).toMatchObject({ code: 0, stdout: expect.stringContaining('"kprof-worker-1"') });
    expect(dump.stderr).toContain('to its own log instead');
    const again = await asked('beside', 'jcmd', '--', 'VM.version');
    expect(again, again.stderr).toMatchObject({ code: 0 });
  });

  it('whose disk is full gives what needs none, and is not ended by what needs one', async () => {
    await inPod('full', 'cat /dev/zero >/tmp/fill || true');
    const found = await all('full');
    refused(found['jfr'] as Ended, 7, /JFR would fill the disk of JVM 1, and a JVM ends when it is full/);
    refused(found['asprof'] as Ended, 7, /A profile might fill the disk of JVM 1/);
    for (const name of ['threads', 'heapdump', 'histogram', 'jvm', 'jcmd']) {
      expect(found[name], `${name}: ${found[name]?.stderr}`).toMatchObject({ code: 0 });
    }
    expect(found['threads']?.stdout).toMatch(/^Full thread dump[\s\S]*"main"/m);
    expect(found['threads']?.stderr).toMatch(/Virtual threads, if there are any, are left out: .* \/tmp is memory/);
    expect(await inPod('full', 'ls -a /tmp')).not.toMatch(/kprof/);
    expect(await restarts('full')).toBe(0);
  });

  it('whose volume has a limit is not evicted for a recording', async () => {
    const started = await kprof(laptop, 'jfr', 'limited', '--start');
    expect(started, started.stderr).toMatchObject({ code: 0, stderr: expect.stringContaining('bears a recording of 11M at most') });
    expect(await inPod('limited', 'ls /work')).not.toBe('');
    const ended = await kprof(laptop, 'jfr', 'limited', '--stop', '-f', 'limited.jfr');
    expect(ended, ended.stderr).toMatchObject({ code: 0 });
    expect(await restarts('limited')).toBe(0);
  });

  it('that never answers is waited for no longer than half a minute', async () => {
    const found = await silent;
    for (const { name } of verbs) {
      refused(found[name] as Ended, 6, /could not ask the process for its version within 30s/, name);
      expect(found[name]?.took, name).toBeLessThan(180_000);
    }
    expect(await inPod('silent', 'echo alive')).toBe('alive\n');
    expect(kubectl('get', 'pod', '-n', ours.namespace, 'silent', '-o', 'jsonpath={.status.containerStatuses[0].restartCount}')).toBe('0');
  });

  it('that answers without end is not listened to for long', async () => {
    await inPod('silent', 'echo endless >/tmp/mode');
    const found = await all('silent');
    for (const { name } of verbs) refused(found[name] as Ended, 1, /printed more than 1048576 bytes/, name);
  });

  it('that dies before it has answered, in a container that lives on, is gone', async () => {
    await kprof(laptop, 'threads', 'dies');
    await inPod('dies', 'kill -STOP $(cat /tmp/pid)');
    const begun = verbs.map(({ name, argv }) => [name, start(laptop, argv('dies'))] as const);
    const [container = ''] = debugContainers(ours.namespace, 'dies');
    const asking = async () => {
      const script = 'for p in /proc/[0-9]*; do tr "\\0" " " <$p/cmdline 2>/dev/null; echo; done | grep -c "^jattach " || true';
      return Number(await kubectlLater(['exec', '-n', ours.namespace, 'dies', '-c', container, '--', ...sh(script)]));
    };
    expect(await eventually(async () => (await asking()) === verbs.length, 120)).toBe(true);
    await inPod('dies', 'kill -KILL $(cat /tmp/pid)');
    for (const [name, { ended }] of begun) {
      const found = await ended;
      refused(found, 5, /ended/, name);
      expect(found.took, name).toBeLessThan(180_000);
    }
    expect(await restarts('dies')).toBe(0);
  });
});

describe('Java that is not HotSpot', () => {
  it.each([
    ['openj9', /Process 1 runs Eclipse OpenJ9/],
    ['native', /Process 1 is a native image of GraalVM/],
  ] as const)('is recognised and left alone: %s', async (pod, says) => {
    const found = await all(pod);
    for (const { name } of verbs) refused(found[name] as Ended, 7, says, name);
    expect(await restarts(pod)).toBe(0);
  });
});

describe('a container that restarts', () => {
  const state = () => kubectl('get', 'pod', '-n', ours.namespace, 'restarts', '-o', 'jsonpath={.status.containerStatuses[0].state}');

  it('is told while it is captured from, and waited for before', async () => {
    await kprof(laptop, 'threads', 'restarts');
    const long = [
      ['jfr', 'restarts', '--duration', '5m'],
      ['asprof', 'restarts', '--duration', '5m'],
      ['threads', 'restarts', '--count', '99'],
      ['histogram', 'restarts', '--diff', '5m'],
    ].map((argv) => start(laptop, argv));
    const at = [/recording {2}/, /sampling {2}/, /waiting for the next dump/, /waiting for the second/];
    await Promise.all(long.map((each, index) => each.until(at[index] as RegExp, 120)));
    await inPod('restarts', 'kill -TERM 1').catch(() => undefined);
    expect(await eventually(() => !/"running"/.test(state()), 30)).toBe(true);
    const both = await Promise.all([kprof(laptop, 'threads', 'restarts'), kprof(laptop, 'jfr', 'restarts', '--duration', '1s')]);
    for (const ended of both) {
      expect(ended, ended.stderr).toMatchObject({ code: 0 });
      expect(ended.stderr).toMatch(/is being restarted\. Waiting for it, 1m at most\./);
    }
    for (const { ended } of long) refused(await ended, 5, /restarts (was restarted|has ended)|process ended/);
    expect(await restarts('restarts')).toBe(1);
  });
});
