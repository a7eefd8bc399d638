import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { heapDumpOf } from '../../src/formats/hprof.ts';
import { announced, heapOf, pauseOf } from './heaps.ts';
import { type Desk, debugContainers, desk, type Ended, inside, kubectl, type Place, place, record, vitals } from './support.ts';

let baseline: Place;
let laptop: Desk;
const heap = (name: string, more: (container: Record<string, unknown>) => void = () => {}, mebibytes = 48) =>
  baseline.applyAs(name, 'jdk17-root', heapOf(mebibytes, more));

beforeAll(async () => {
  laptop = desk();
  baseline = place('baseline');
  await Promise.all([
    heap('plain'),
    heap('probed', (container) =>
      Object.assign(container, { livenessProbe: { exec: { command: ['true'] }, failureThreshold: 1, initialDelaySeconds: 3600 } }),
    ),
    heap('small-disk', (container) => Object.assign(container, { resources: { limits: { 'ephemeral-storage': '20Mi' } } })),
    heap(
      'dies',
      (container) => {
        const { command } = container as { command: readonly string[] };
        Object.assign(container, { command: ['sh', '-c', `${command.join(' ')} & echo $! >/tmp/pid; wait`] });
      },
      96,
    ),
    // A disk that takes 8 MiB of a file and no more.
    heap('full-disk', (container) => {
      const { command } = container as { command: readonly string[] };
      Object.assign(container, { command: ['sh', '-c', `ulimit -f 16384; exec ${command.join(' ')}`] });
    }),
  ]);
});
afterAll(() => {
  baseline?.remove();
  laptop?.remove();
});

const kprof = (tool: string, ...args: readonly string[]): Promise<Ended> => laptop.kprof(tool, '-n', baseline.namespace, ...args);
const filesOf = (pod: string) =>
  kubectl('exec', '-n', baseline.namespace, pod, '-c', 'app', '--', 'sh', '-c', 'ls -a /tmp; df -k / | tail -n 1 | wc -l');
const left = (pod: string) => inside(baseline.namespace, pod, debugContainers(baseline.namespace, pod)[0] as string, 'ls', '/tmp');

describe('a heap dump', () => {
  it('has as many instances as the app says, is announced, and leaves nothing in the app or beside it', async () => {
    const before = { files: filesOf('plain').replace(/hsperfdata_root\n/, ''), vitals: vitals(baseline.namespace, 'plain') };
    const ended = await kprof('heapdump', 'plain', '-o', 'json');
    expect(ended, ended.stderr).toMatchObject({ code: 0 });
    const { classes } = await heapDumpOf(record(ended).path);
    const log = kubectl('logs', '-n', baseline.namespace, 'plain', '-c', 'app', '--tail=1');
    expect(classes.find(({ name }) => name === 'Heap$Known')?.instances).toBe(Number(/known=(\d+)/.exec(log)?.[1]));
    // The exact bound is for a machine that does nothing else: bench/heap.ts.
    expect(pauseOf(baseline.namespace, 'plain')).toBeLessThanOrEqual(4 * announced(ended));
    expect(
      filesOf('plain')
        .replace(/hsperfdata_root\n/, '')
        .replace('.java_pid1\n', ''),
    ).toBe(before.files.replace('.java_pid1\n', ''));
    expect(left('plain')).not.toMatch(/kprof-[0-9a-f]{16}|yardstick/);
    expect(vitals(baseline.namespace, 'plain')).toEqual(before.vitals);
  });

  it('is taken by two users at the same time', async () => {
    const other = desk();
    const both = await Promise.all([kprof('heapdump', 'plain', '--all'), other.kprof('heapdump', 'plain', '-n', baseline.namespace)]);
    for (const ended of both) {
      expect(ended, ended.stderr).toMatchObject({ code: 0 });
      expect((await heapDumpOf(ended.stdout.trim())).classes.find(({ name }) => name === 'Heap$Known')?.instances).toBe(12_345);
    }
    other.remove();
  });

  it.each([
    ['probed', /liveness probe \(1 × 10s\)/],
    ['small-disk', /ephemeral-storage/],
  ])('of %s is refused, with what to do instead, and taken where that is agreed to', async (pod, why) => {
    const before = vitals(baseline.namespace, pod);
    const refused = await kprof('heapdump', pod);
    expect(refused, refused.stderr).toMatchObject({ code: 7, stdout: '', stderr: expect.stringMatching(why) });
    expect(refused.stderr).toMatch(new RegExp(`kprof histogram ${pod}; .*--yes`));
    expect(vitals(baseline.namespace, pod)).toEqual(before);
    if (pod !== 'probed') return;
    const agreed = await kprof('heapdump', pod, '--yes');
    expect(agreed, agreed.stderr).toMatchObject({ code: 0, stderr: expect.stringContaining('Taken nevertheless') });
  });

  it('onto a full disk fails, whatever the JVM calls it, and leaves the app alone', async () => {
    const before = vitals(baseline.namespace, 'full-disk');
    const ended = await kprof('heapdump', 'full-disk');
    expect(ended, ended.stderr).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('could not write its heap down') });
    expect(left('full-disk')).not.toMatch(/kprof-[0-9a-f]{16}/);
    expect(vitals(baseline.namespace, 'full-disk')).toEqual(before);
  });

  it('of a JVM that dies meanwhile is none', async () => {
    const running = laptop.start('heapdump', 'dies', '-n', baseline.namespace);
    await running.until(/dumping the heap/, 200);
    kubectl('exec', '-n', baseline.namespace, 'dies', '-c', 'app', '--', 'sh', '-c', 'kill -KILL $(cat /tmp/pid)');
    // Who tells first: the tool, or the cluster?
    const ended = await running.ended;
    expect([1, 5], ended.stderr).toContain(ended.code);
    expect(ended.stdout).toBe('');
  });
});

describe('a histogram', () => {
  it('counts what the app holds, and what changes meanwhile', async () => {
    const ended = await kprof('histogram', 'plain');
    expect(ended, ended.stderr).toMatchObject({ code: 0 });
    expect(ended.stdout).toMatch(/ 12345 +\d+ {2}Heap\$Known$/m);
    const changed = await kprof('histogram', 'plain', '--diff', '1s', '-f', 'change.txt');
    expect(changed, changed.stderr).toMatchObject({ code: 0 });
    writeFileSync(`${laptop.folder}/one.txt`, ended.stdout);
    const compared = await laptop.kprof('diff', 'one.txt', 'one.txt');
    expect(compared, compared.stderr).toMatchObject({ code: 0, stdout: expect.stringContaining('0 classes changed') });
  });
});

describe('commands of the JVM', () => {
  it('are listed, passed on, and told apart from those that there are not', async () => {
    expect((await kprof('jcmd', 'plain')).stdout).toMatch(/^GC\.heap_dump$/m);
    const flags = await kprof('jcmd', 'plain', '--', 'VM.flags');
    expect(flags, flags.stderr).toMatchObject({ code: 0, stdout: expect.stringContaining('-XX:+UseSerialGC') });
    const unknown = await kprof('jcmd', 'plain', '--', 'VM.flgs');
    expect(unknown).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('did you mean VM.flags?') });
  });

  it('that fail with success are failures', async () => {
    const failed = await kprof('jcmd', 'plain', '--', 'VM.native_memory');
    expect(failed).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('Native memory tracking is not enabled') });
  });

  it('that are dangerous are asked about first', async () => {
    const asked = await kprof('jcmd', 'plain', '--', 'VM.set_flag', 'HeapDumpPath', '/x');
    expect(asked).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(/changes how the JVM works[\s\S]*--yes/) });
  });

  it('that write files have them fetched', async () => {
    const ended = await kprof('jcmd', 'plain', '--yes', '--no-open', '-f', 'mine.hprof', '--', 'GC.heap_dump', '/tmp/app.hprof');
    expect(ended, ended.stderr).toMatchObject({ code: 0, stdout: `${laptop.folder}/mine.hprof\n` });
    expect((await heapDumpOf(`${laptop.folder}/mine.hprof`)).classes.some(({ name }) => name === 'Heap$Known')).toBe(true);
    expect(filesOf('plain')).not.toContain('app.hprof');
  });
});

it('a JVM tells what it is', async () => {
  const ended = await kprof('jvm', 'plain', '-o', 'json');
  expect(ended, ended.stderr).toMatchObject({ code: 0 });
  expect(record(ended)['summary']).toMatchObject({
    major: 17,
    collector: 'Serial',
    heapUsed: expect.any(Number),
    container: expect.any(String),
  });
});
