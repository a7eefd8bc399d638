import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { applyNodePods, type pods } from './node-pods.ts';
import { type Desk, desk, type Ended, eventually, kubectl, type Place, place, record } from './support.ts';

let ground: Place;
let laptop: Desk;

beforeAll(async () => {
  laptop = desk();
  ground = place('restricted');
  await applyNodePods(ground.namespace);
});
afterAll(() => {
  ground?.remove();
  laptop?.remove();
});

type PodName = keyof typeof pods;

const args = (pod: PodName, more: readonly string[]) => ['node', pod, ...more, '-n', ground.namespace, '--no-open'];
const kprof = (pod: PodName, ...more: readonly string[]): Promise<Ended> => laptop.kprof(...args(pod, more));

/** A capture that went well: its record, and the functions or classes of its summary, the costliest first. */
async function captured(pod: PodName, ...more: readonly string[]) {
  const ended = await kprof(pod, ...more, '-o', 'json');
  expect(ended.code, ended.stderr).toBe(0);
  const { summary, ...rest } = record(ended);
  const costliest = Object.keys((summary as { readonly flat: object }).flat);
  return { ...rest, runtime: rest['runtime'], format: rest['format'], summary, costliest, stderr: ended.stderr };
}

/** Whether somebody in the pod listens on a port. */
const listens = (pod: PodName, port: number): boolean =>
  new RegExp(`:${port.toString(16).toUpperCase().padStart(4, '0')} \\S+ 0A `).test(
    kubectl('exec', '-n', ground.namespace, pod, '-c', 'app', '--', 'cat', '/proc/net/tcp'),
  );

const log = (pod: PodName): string => kubectl('logs', '-n', ground.namespace, pod, '-c', 'app');

describe('kprof node POD', () => {
  it('samples every Node, and closes the inspector; one that was open stays so', async () => {
    const names = ['plain', 'oldest', '22', '24', 'npm', 'open'] as const;
    const files = await Promise.all(names.map((name) => captured(name, '--duration', '3s')));
    for (const [at, { costliest, stderr }] of files.entries()) expect(costliest[0], `${names[at]}\n${stderr}`).toMatch(/^hotLoop app\.js/);
    const versions = { oldest: 'v20.', '22': 'v22.', '24': 'v24.', plain: 'v26.', npm: 'v26.', open: 'v26.' };
    expect(files.map(({ runtime }) => runtime)).toEqual(names.map((name) => expect.stringContaining(versions[name])));
    expect(names.map((name) => listens(name, 9229))).toEqual(names.map(() => false));
    expect(listens('open', 9300)).toBe(true);
    const top = await laptop.kprof('top', files[0]?.path as string);
    expect(top.stdout.split('\n').find((line) => /\d%/.test(line))).toMatch(/hotLoop app\.js/);
  });

  it('takes what allocates, and the whole heap when that is agreed to', async () => {
    const heap = await captured('plain', 'heap', '--duration', '3s');
    expect([heap.format, heap.costliest[0]]).toEqual(['heapprofile', expect.stringContaining('app.js')]);
    expect(await kprof('plain', 'heapsnapshot')).toMatchObject({ code: 2, stderr: expect.stringMatching(/stops process 1 [\s\S]*--yes/) });
    const { path, summary, costliest } = await captured('plain', 'heapsnapshot', '--yes');
    const parsed = JSON.parse(readFileSync(path, 'utf8')) as { readonly snapshot: { readonly node_count: number } };
    expect(summary).toMatchObject({ nodes: parsed.snapshot.node_count });
    expect(costliest).toContain('Kept');
    expect(listens('plain', 9229)).toBe(false);
  });

  it('tells two processes apart, and takes the one that is named', async () => {
    const ended = await kprof('twins', '--duration', '1s');
    expect(ended).toMatchObject({ code: 2, stderr: expect.stringContaining('runs 2 Node.js processes') });
    const [, pid] = /^\s+(\d+) .*app\.js child/m.exec(ended.stderr) as RegExpExecArray;
    // On a busy machine a process stands still for so long wherever it is, and that counts as time of who runs there.
    const named = await captured('twins', '--duration', '6s', '--pid', String(pid));
    expect([named.pid, named.costliest[0]]).toEqual([Number(pid), expect.stringMatching(/^hotLoop /)]);
    expect(listens('twins', 9229)).toBe(false);
  });

  it('gives what there is when it is ended early', async () => {
    const running = laptop.start(...args('oldest', ['--duration', '300s', '-v', '1', '-f', 'early.cpuprofile']));
    await running.until(/Profiler\.start/);
    running.child.kill('SIGINT');
    expect(await running.ended).toMatchObject({ code: 130, stdout: expect.stringContaining('early.cpuprofile') });
    expect(listens('oldest', 9229)).toBe(false);
  });
});

// Each has a pod of its own.
describe('what is refused, and what is left', () => {
  it.concurrent('leaves no inspector when it is killed', async ({ expect }) => {
    // Before the process was told to close it by itself, and after.
    const moments: readonly (readonly [PodName, RegExp])[] = [
      ['killed-early', /The inspector of process 1 is open/],
      ['killed', /Profiler\.start/],
    ];
    await Promise.all(
      moments.map(async ([pod, moment]) => {
        const running = laptop.start(...args(pod, ['--duration', '300s', '-v', '1']));
        await running.until(moment);
        running.child.kill('SIGKILL');
        await running.ended;
      }),
    );
    expect(await eventually(() => moments.every(([pod]) => !listens(pod, 9229)), 60)).toBe(true);
  });

  it.concurrent.each<readonly [string, PodName, RegExp]>([
    [
      'an app with a handler of its own',
      'handler',
      /was sent SIGUSR1, and opened no inspector[\s\S]*handles that signal itself[\s\S]*--inspect/,
    ],
    ['--disable-sigusr1', 'disabled', /does not handle SIGUSR1[\s\S]*it is not sent[\s\S]*--disable-sigusr1/],
    ['--permission', 'permission', /does not handle SIGUSR1[\s\S]*it is not sent[\s\S]*--permission/],
    ['a port that is taken', 'taken', /Port 9229[\s\S]*is taken by another process/],
    ['Bun', 'bun', /There is no Node\.js process/],
    ['Bun in the place of Node', 'bun-as-node', /There is no Node\.js process/],
    ['a shell', 'shell', /There is no Node\.js process/],
    ['another program that is called node', 'lookalike', /There is no Node\.js process/],
    ['a Go program', 'go', /There is no Node\.js process/],
  ])('%s', async (_, pod, says) => {
    const ended = await kprof(pod, '--duration', '1s');
    expect(ended.stderr).toMatch(says);
    expect(ended).toMatchObject({ code: 7, stdout: '' });
    // Naming the process is no way around it.
    if (says.source.includes('There is no'))
      expect(await kprof(pod, '--pid', '1')).toMatchObject({
        code: 7,
        stdout: '',
        stderr: expect.stringContaining('is not a Node.js process'),
      });
    expect(readdirSync(laptop.folder).filter((name) => name.includes('.partial'))).toEqual([]);
  });

  it('the signal goes to nobody else, and no app dies of it', () => {
    expect(log('handler')).toContain('the app got SIGUSR1');
    expect(log('taken')).not.toMatch(/inspector/i);
    const restarts = kubectl('get', 'pods', '-n', ground.namespace, '-o', 'jsonpath={.items[*].status.containerStatuses[*].restartCount}');
    expect(new Set(restarts.split(' '))).toEqual(new Set(['0']));
  });
});
