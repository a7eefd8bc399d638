/** async-profiler, thread dumps and recordings that stay, on every kind of JVM that needs another way in. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Desk, debugContainers, desk, eventually, hasEnded, inside, jfr, type Place, place, record, vitals } from './support.ts';
import { applyTargets, type Level, type TargetName, targets } from './targets.ts';

let places: Readonly<Record<Level, Place>>;
let laptop: Desk;

const used: readonly TargetName[] = [
  'jdk8-root',
  'jdk17-root',
  'jdk21-1000-3000',
  'jdk25-jlinked-read-only',
  'jdk25-no-tmp',
  'jdk17-deaf',
  'gosu',
  'privileged',
  'non-dumpable',
];

beforeAll(async () => {
  laptop = desk();
  places = { restricted: place('restricted'), baseline: place('baseline'), privileged: place('privileged') };
  await Promise.all([applyTargets(used, places), applyTrouble()]);
});
afterAll(() => {
  for (const each of Object.values(places ?? {})) each.remove();
  laptop?.remove();
});

/** A JVM with a deadlock, a hot thread, crowded locks and virtual threads. */
const applyTrouble = () => places.restricted.applyAs('trouble', 'trouble');

const where = (name: TargetName): readonly [string, '-n', string] => [name, '-n', places[targets[name].level].namespace];
const tmpOf = (namespace: string, pod: string, container: string, pid: number) =>
  inside(namespace, pod, container, 'sh', '-c', `ls -a /proc/${pid}/root/tmp`);

/** Whether async-profiler runs in process 1, by the thread that would end it. */
function profiles(namespace: string, pod: string): boolean {
  const [container = ''] = debugContainers(namespace, pod);
  return inside(namespace, pod, container, 'sh', '-c', 'cat /proc/1/task/*/comm').includes('Async-profiler');
}

describe('async-profiler', () => {
  it.each([
    ['jdk25-jlinked-read-only', 'cpu'],
    ['jdk21-1000-3000', 'ctimer'],
    ['jdk8-root', 'itimer'],
    ['jdk21-1000-3000', 'wall'],
  ] as const)('samples %s: %s', async (name, event) => {
    const [, , namespace] = where(name);
    const before = vitals(namespace, name);
    const ended = await laptop.kprof('asprof', ...where(name), '-e', event, '--duration', '2s', '--format', 'jfr', '-o', 'json');
    expect(ended, ended.stderr).toMatchObject({ code: 0 });
    const made = record(ended);
    const printed = jfr('print', '--events', event === 'wall' ? 'profiler.WallClockSample' : 'jdk.ExecutionSample', made.path);
    expect(printed).toContain('Busy');
    expect(jfr('print', '--events', 'InitialSystemProperty,InitialEnvironmentVariable', made.path).trim()).toBe('');
    // Each event of the wall clock stands for several samples.
    const taken = [...printed.matchAll(/^ *samples = (\d+)$/gm)].reduce((sum, [, count]) => sum + Number(count), 0);
    const { samples } = made['summary'] as { samples: number };
    expect(samples).toBe(event === 'wall' ? taken : printed.match(/^jdk\.ExecutionSample/gm)?.length);
    expect(tmpOf(namespace, name, made.debugContainer, made.pid)).not.toContain('kprof-');
    expect(vitals(namespace, name)).toEqual(before);
    if (event === 'cpu') expect(ended.stderr).toMatch(/timers/);
  });

  it('reaches a JVM below root by a process of its user, and gives collapsed stacks and a flame graph', async () => {
    const collapsed = await laptop.kprof('asprof', ...where('gosu'), '-e', 'alloc', '--duration', '2s', '-o', 'collapsed', '--no-open');
    expect(collapsed, collapsed.stderr).toMatchObject({ code: 0 });
    expect(readFileSync(collapsed.stdout.trim(), 'utf8')).toMatch(/^\S*;?Busy.*allocate\S* \d+$/m);
    const flame = await laptop.kprof(
      'asprof',
      ...where('gosu'),
      '-e',
      'wall',
      '--threads',
      '--duration',
      '2s',
      '-o',
      'flamegraph',
      '--no-open',
    );
    expect(flame, flame.stderr).toMatchObject({ code: 0 });
    expect(flame.stdout).toMatch(/\.html$/m);
    // Its names leave out what they have in common.
    expect(readFileSync(flame.stdout.trim(), 'utf8')).toMatch(/kprof-[\s\S]*worker-/);
  });

  it('leaves a profiler alone that runs already, ours of another user or not', async () => {
    const other = desk();
    const running = other.start('asprof', ...where('jdk21-1000-3000'), '--duration', '60s', '--no-open');
    await running.until(/starting async-profiler/);
    const [, , namespace] = where('jdk21-1000-3000');
    expect(await eventually(() => profiles(namespace, 'jdk21-1000-3000'), 60)).toBe(true);
    const refused = await laptop.kprof('asprof', ...where('jdk21-1000-3000'), '--duration', '1s');
    expect(refused).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('left alone') });
    running.child.kill('SIGINT');
    const ended = await running.ended;
    expect(ended, ended.stderr).toMatchObject({ code: 130, stdout: expect.stringMatching(/\.jfr\n$/) });
    other.remove();
  });

  it('goes by a library of another version that is loaded, and never stops what somebody else began with it', async () => {
    const { namespace } = places.restricted;
    const { debugContainer } = record(await laptop.kprof('jcmd', 'trouble', '-n', namespace, '-o', 'json', '--', 'VM.version'));
    const theirs = '/opt/async-profiler-2.9/libasyncProfiler.so';
    const shell = (script: string) => inside(namespace, 'trouble', debugContainer, 'sh', '-c', script);
    const ask = (words: string) =>
      shell(`jattach 1 load ${theirs} true '${words},file=/tmp/answer' >/dev/null; cat /proc/1/root/tmp/answer`);
    // Without a time limit, and without JFR: no thread tells of it.
    shell(`jattach 1 load ${theirs} true start,event=itimer,interval=10ms`);
    const refused = await laptop.kprof('asprof', 'trouble', '-n', namespace, '--duration', '1s', '--no-open');
    expect(refused, refused.stderr).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('left alone') });
    expect(ask('status')).toMatch(/is running for \d+ seconds/);
    expect(ask('stop,collapsed')).toMatch(/^\S*Trouble\S* \d+$/m);
    // It knows no other way to sample processor time by itself.
    const old = await laptop.kprof('asprof', 'trouble', '-n', namespace, '--duration', '1s', '--no-open');
    expect(old).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(/perf_event_paranoid[\s\S]*-e itimer/) });
    const ended = await laptop.kprof('asprof', 'trouble', '-n', namespace, '-e', 'itimer', '--duration', '1s', '--no-open');
    expect(ended, ended.stderr).toMatchObject({ code: 0 });
    expect(ask('status')).toContain('not active');
    const mapped = shell("grep -o '/.*libasyncProfiler.*' /proc/1/maps | sort -u");
    expect(mapped).toBe(`${theirs}\n`);
    expect(tmpOf(namespace, 'trouble', debugContainer, 1)).not.toContain('kprof-');
  });

  it('leaves the signal of a profiler alone that goes by another name', async () => {
    const [name, , namespace] = where('jdk17-root');
    const { debugContainer } = record(await laptop.kprof('jcmd', name, '-n', namespace, '-o', 'json', '--', 'VM.version'));
    const shell = (script: string) => inside(namespace, name, debugContainer, 'sh', '-c', script);
    shell('cp /usr/lib/kprof/libasyncProfiler.so /proc/1/root/tmp/agent.so && jattach 1 load /tmp/agent.so true start,event=itimer');
    const refused = await laptop.kprof('asprof', name, '-n', namespace, '--duration', '1s', '--no-open');
    expect(refused, refused.stderr).toMatchObject({ code: 7, stdout: '', stderr: expect.stringMatching(/SIGPROF[\s\S]*-e alloc/) });
    const other = await laptop.kprof('asprof', name, '-n', namespace, '-e', 'alloc', '--duration', '2s', '-o', 'collapsed', '--no-open');
    expect(other, other.stderr).toMatchObject({ code: 0 });
    shell('jattach 1 load /tmp/agent.so true stop,collapsed,file=/tmp/answer');
    expect(shell('cat /proc/1/root/tmp/answer')).toMatch(/Busy\S* \d+$/m);
  });

  it('stops when kprof is killed', async () => {
    const [name, , namespace] = where('jdk25-jlinked-read-only');
    const running = laptop.start('asprof', name, '-n', namespace, '--duration', '10m', '--no-open');
    await running.until(/starting async-profiler/);
    expect(await eventually(() => profiles(namespace, name), 60)).toBe(true);
    running.child.kill('SIGKILL');
    await running.ended;
    expect(await eventually(() => !profiles(namespace, name), 60)).toBe(true);
  });
});

describe('SYS_PTRACE', () => {
  const hidden = [
    ['privileged', /capabilities that a debug container is not given/],
    ['non-dumpable', /hides it from its own user/],
  ] as const;

  it.each(hidden)('is asked for, and used once: %s', async (name, why) => {
    const [, , namespace] = where(name);
    const refused = await laptop.kprof('threads', ...where(name), '--yes');
    expect(refused).toMatchObject({ code: 7, stdout: '' });
    expect(refused.stderr).toMatch(why);
    expect(refused.stderr).toMatch(/try: kprof threads … --allow-ptrace/);
    const ended = await laptop.kprof('threads', ...where(name), '--allow-ptrace', '-o', 'json');
    expect(ended, ended.stderr).toMatchObject({ code: 0 });
    const { debugContainer, rung } = record(ended);
    expect(rung).toBe('ptrace');
    expect(readFileSync(record(ended).path, 'utf8')).toContain('kprof-worker-1');
    expect(await eventually(() => hasEnded(namespace, name, debugContainer), 30)).toBe(true);
  });
});

describe('thread dumps', () => {
  it('name the deadlock, the hot thread and the crowded locks, and have virtual threads', async () => {
    const ended = await laptop.kprof(
      'threads',
      'trouble',
      '-n',
      places.restricted.namespace,
      '--count',
      '2',
      '--interval',
      '3s',
      '-o',
      'json',
    );
    expect(ended, ended.stderr).toMatchObject({ code: 0 });
    expect(ended.stderr).toMatch(/deadlock: "kprof-dead-1" waits for "kprof-dead-2", which holds java.lang.StringBuilder <0x\w+>/);
    expect(ended.stderr).toMatch(/deadlock: "kprof-dead-2" waits for "kprof-dead-1", which holds java.lang.Object <0x\w+>/);
    expect(ended.stderr).toMatch(/cpu: "kprof-hot" [\d.]+% of a core/);
    expect(ended.stderr).toMatch(/lock: "kprof-owner" holds java.lang.StringBuilder <0x\w+>: 3 waiting, "kprof-waiter-\d"/);
    const { summary } = record(ended) as unknown as { summary: { cpu: Record<string, number>; virtual: number; deadlocked: string } };
    expect(summary).toMatchObject({ deadlocks: 1, deadlocked: 'kprof-dead-1, kprof-dead-2', virtual: 50, dumps: 2 });
    const [[hottest, share] = []] = Object.entries(summary.cpu).sort(([, a], [, b]) => b - a);
    expect(hottest).toBe('kprof-hot');
    // It burns a third of a core, where it gets it.
    expect(share).toBeGreaterThan(0);
    expect(share).toBeLessThan(0.45);
  });

  it('of JDK 8 tell what its threads used, too', async () => {
    const ended = await laptop.kprof('threads', ...where('jdk8-root'));
    expect(ended, ended.stderr).toMatchObject({ code: 0 });
    const nid = /^"kprof-worker-1" .* nid=(0x[0-9a-f]+) /m.exec(ended.stdout)?.[1];
    expect(ended.stdout).toMatch(new RegExp(`^Processor time of its threads[^]*^nid=${nid} cpu=[1-9]\\d*ms elapsed=[\\d.]+s$`, 'm'));
  });

  it('can be had as a file, too', async () => {
    const { namespace } = places.restricted;
    const ended = await laptop.kprof('jcmd', 'trouble', '-n', namespace, '--no-open', '--', 'Thread.dump_to_file', '-format=json');
    expect(ended, ended.stderr).toMatchObject({ code: 0 });
    expect(JSON.parse(readFileSync(ended.stdout.trim(), 'utf8'))).toMatchObject({ threadDump: { threadContainers: expect.any(Array) } });
  });

  it.each(['jdk17-deaf', 'jdk25-no-tmp'] as const)('are read from the log where nobody can attach: %s', async (name) => {
    const ended = await laptop.kprof('threads', ...where(name), '--count', '2', '--interval', '1s');
    expect(ended, ended.stderr).toMatchObject({ code: 0 });
    expect(ended.stdout.match(/^Full thread dump/gm)).toHaveLength(2);
    expect(ended.stdout).toContain('"kprof-worker-1"');
    expect(ended.stderr).toContain('to its own log instead');
    const [, , namespace] = where(name);
    expect(vitals(namespace, name)).toMatchObject({ restarts: '0', dumps: 2 });
  });
});

describe('a recording that stays', () => {
  it('is begun once, fetched, listed and ended, and others are not touched', async () => {
    const at = where('gosu');
    const started = await laptop.kprof('jfr', ...at, '--start', '--maxage', '10m');
    expect(started, started.stderr).toMatchObject({ code: 0, stdout: expect.stringMatching(/^kprof-left-\w+\n$/) });
    const mine = started.stdout.trim();
    const { debugContainer, pid } = record(await laptop.kprof('threads', ...at, '-o', 'json'));
    inside(
      at[2],
      'gosu',
      debugContainer,
      'jattach',
      String(pid),
      'jcmd',
      'JFR.start name=foreign jdk.InitialEnvironmentVariable#enabled=false jdk.InitialSystemProperty#enabled=false',
    );
    expect(await laptop.kprof('jfr', ...at, '--start')).toMatchObject({ code: 2, stderr: expect.stringContaining(mine) });
    const status = await laptop.kprof('jfr', ...at, '--status');
    expect(status.stdout).toMatch(new RegExp(`^${mine} +running +kprof --start +.*maxage=10m`, 'm'));
    expect(status.stdout).toMatch(/^foreign +running +somebody else/m);
    const copied = await laptop.kprof('jcmd', ...at, '--no-open', '-f', 'foreign.jfr', '--', 'JFR.dump', 'name=foreign');
    expect(copied, copied.stderr).toMatchObject({ code: 0 });
    expect(jfr('summary', `${laptop.folder}/foreign.jfr`)).toContain('jdk.ActiveRecording');
    // With another journal: whoever comes may end it, and a debug container of one user is not another's.
    const other = desk();
    for (const verb of ['--dump', '--stop']) {
      const ended = await other.kprof('jfr', ...at, verb, '--no-open');
      expect(ended, ended.stderr).toMatchObject({ code: 0 });
      expect(jfr('summary', ended.stdout.trim())).toContain('jdk.ExecutionSample');
    }
    expect(await other.kprof('jfr', ...at, '--stop')).toMatchObject({ code: 7, stderr: expect.stringContaining('not touched') });
    other.remove();
    const after = JSON.parse((await laptop.kprof('jfr', ...at, '--status', '-o', 'json')).stdout);
    expect(after.summary).toMatchObject({ recordings: 1, foreign: 'running' });
  });
});
