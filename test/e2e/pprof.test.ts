import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { applyGoPods } from './go-pods.ts';
import { pods } from './pprof-pods.ts';
import { type Desk, debugContainers, desk, type Ended, kubectl, type Place, place, record } from './support.ts';

let ground: Place;
let laptop: Desk;

beforeAll(() => {
  laptop = desk();
  ground = place('restricted');
  applyGoPods(ground.namespace, pods);
});
afterAll(() => {
  ground?.remove();
  laptop?.remove();
});

type PodName = keyof typeof pods;

const kprof = (pod: PodName, ...more: readonly string[]): Promise<Ended> =>
  laptop.kprof('pprof', pod, '-n', ground.namespace, '--no-open', ...more);

/** The functions of `go tool pprof -top`, in its order, with its values and shares. */
function goTop(...args: readonly string[]): readonly string[] {
  const text = execFileSync('go', ['tool', 'pprof', '-top', ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  const [, rows = ''] = text.split(/^ +flat .*\n/m);
  return rows
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) =>
      line
        .trim()
        .replace(/ \((partial-)?inline\)$/, '')
        .replace(/\s+/g, ' '),
    );
}

/** Share of the hot function with all that runs on its behalf, in percent: few samples come of a short time on a busy machine. */
function hotShare(path: string): number {
  const row = goTop(path).find((line) => line.endsWith(' main.hotLoop'));
  return Number.parseFloat(row?.split(' ')[4] ?? '0');
}

/** The same of `kprof top` or `kprof diff`. */
async function ourTop(...args: readonly string[]): Promise<readonly string[]> {
  const { stdout, code, stderr } = await laptop.kprof(...args, '--lines', '1000');
  expect(code, stderr).toBe(0);
  const [, rows = ''] = stdout.split(/^ *flat .*function\n/m);
  return rows
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('…'))
    .map((line) => line.trim().replace(/\s+/g, ' '));
}

/** A capture that went well: its record. */
async function captured(pod: PodName, ...more: readonly string[]) {
  const ended = await kprof(pod, '-o', 'json', ...more);
  expect(ended.code, ended.stderr).toBe(0);
  return { ...record(ended), stderr: ended.stderr };
}

const spec = (pod: PodName): string => kubectl('get', 'pod', '-n', ground.namespace, pod, '-o', 'jsonpath={.spec}');

describe('kprof pprof POD', () => {
  const simple: readonly PodName[] = ['plain', 'loopback', 'named', 'declared', 'tls', 'stripped', 'oldest'];
  it('samples every app with an endpoint that is where it is usual, and leaves the pod as it was', async () => {
    const before = simple.map(spec);
    const files = await Promise.all(simple.map((pod) => captured(pod, '--duration', '2s')));
    for (const [at, { path, stderr }] of files.entries()) {
      expect(hotShare(path), `${simple[at]}\n${stderr}`).toBeGreaterThan(40);
      expect(stderr).toMatch(/main\.hotLoop/);
    }
    expect(simple.map(spec)).toEqual(before);
  });

  it('finds a random port of the loopback with a debug container, and says so first', async () => {
    const { path, stderr, debugContainer, pid } = await captured('random', '--duration', '2s');
    expect(hotShare(path), stderr).toBeGreaterThan(40);
    expect(stderr.indexOf('with a debug container')).toBeLessThan(stderr.indexOf('starting the debug container'));
    expect(debugContainers(ground.namespace, 'random')).toEqual([debugContainer]);
    expect(pid).toBe(1);
  });

  it('tells two processes apart, and takes the one that is named', async () => {
    const ended = await kprof('twins', 'heap');
    const ports = [...ended.stderr.matchAll(/--port (\d+) {2}process (\d+) {2}\/app/g)];
    expect(ended).toMatchObject({ code: 2, stderr: expect.stringContaining('There are 2 pprof endpoints') });
    expect(ports).toHaveLength(2);
    const [, port, pid] = ports[1] as RegExpExecArray;
    expect(await captured('twins', 'heap', '--port', String(port))).toMatchObject({ port: Number(port) });
    expect(await captured('twins', 'heap', '--pid', String(pid))).toMatchObject({ port: Number(port), pid: Number(pid) });
  });

  it('asks for the flag where a login or a path is needed, and is content with it', async () => {
    const secret = Buffer.from('admin:pa55word').toString('base64');
    const file = join(laptop.folder, 'header');
    writeFileSync(file, `Authorization: Basic ${secret}\n`);
    expect(await kprof('auth', 'heap')).toMatchObject({ code: 4, stderr: expect.stringMatching(/401[\s\S]*--header/) });
    const inside = await captured('auth', 'heap', '-v', '9', '--header', `@${file}`);
    expect(JSON.stringify(inside)).not.toContain(secret);
    expect(JSON.stringify(await kprof('auth', 'heap', '--dry-run', '--header', `@${file}`))).not.toContain(secret);
    expect(await kprof('prefix', 'heap', '--port', '8080')).toMatchObject({ code: 7, stderr: expect.stringMatching(/404[\s\S]*--path/) });
    await captured('prefix', 'heap', '--path', '/internal');
    await captured('prefix', 'heap', '--path', '/internal/debug/pprof/', '--force');
  });
});

describe('every kind', () => {
  const hot: Readonly<Record<string, RegExp>> = {
    heap: /main\.allocate$/,
    allocs: /main\.allocate$/,
    goroutine: /./,
    block: /sync\.\(\*Mutex\)\.Lock|runtime\.chanrecv/,
    mutex: /sync\.\(\*Mutex\)\.Unlock/,
    threadcreate: /./,
    sessions: /pprof\.\(\*Profile\)\.Add$/,
  };
  it('is read by go tool pprof, and our summary is the same as its', async () => {
    const kinds = Object.keys(hot);
    const files = await Promise.all(kinds.map((kind) => captured('plain', kind, '-f', `${kind}.pb.gz`)));
    for (const [at, { path }] of files.entries()) {
      const theirs = goTop(path);
      expect(theirs[0]).toMatch(hot[kinds[at] as string] as RegExp);
      expect(await ourTop('top', path)).toEqual(theirs);
    }
  });

  it('of two files is compared as go tool pprof does', async () => {
    const [one, two] = [
      await captured('plain', '--duration', '1s', '-f', 'one.pb.gz', '--force'),
      await captured('plain', '--duration', '2s', '-f', 'two.pb.gz', '--force'),
    ];
    expect(await ourTop('top', one.path)).toEqual(goTop(one.path));
    expect(goTop(two.path)[0]).toMatch(/ main\.(hotLoop|step)$/);
    expect(await ourTop('diff', one.path, two.path)).toEqual(goTop('-diff_base', one.path, two.path));
    expect(await laptop.kprof('diff', one.path, 'heap.pb.gz')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('different kinds'),
    });
  });

  it('trace is read by go tool trace', async () => {
    const [{ path }, old] = await Promise.all([
      captured('plain', 'trace', '--duration', '1s'),
      captured('oldest', 'trace', '--duration', '1s', '-f', 'old.trace'),
    ]);
    const events = execFileSync('go', ['tool', 'trace', '-d=parsed', path], { encoding: 'utf8', maxBuffer: 256 * 2 ** 20 });
    expect(events).toContain('main.hotLoop');
    expect(old).toMatchObject({ format: 'gotrace', summary: { version: '1.11' } });
  });

  it('of text is text, and a difference is over its time', async () => {
    const [stacks, heap, delta] = await Promise.all([
      captured('plain', 'goroutine', '--debug', '2'),
      captured('plain', 'heap', '--debug', '1', '--gc', '-f', 'heap.txt'),
      captured('plain', 'heap', '--delta', '2s', '-f', 'delta.pb.gz'),
    ]);
    expect(readFileSync(stacks.path, 'utf8')).toMatch(/^goroutine \d+ .*\n[\s\S]*main\.contend/);
    expect(readFileSync(heap.path, 'utf8')).toMatch(/^heap profile: /);
    expect(delta).toMatchObject({ summary: { type: 'inuse_space', durationMs: expect.any(Number) } });
    expect(await ourTop('top', delta.path)).toEqual(goTop(delta.path));
  });

  it('is in the bundle of all', async () => {
    const { path } = await captured('loopback', 'all', '--duration', '1s');
    // The JDK's reader of zip files: another's, so that ours is not its own judge.
    const folder = join(laptop.folder, 'all');
    mkdirSync(folder);
    execFileSync('jar', ['--extract', '--file', path], { cwd: folder });
    const names = ['cpu', 'heap', 'allocs', 'goroutine', 'block', 'mutex', 'threadcreate', 'goroutineleak', 'sessions'].map(
      (kind) => `${kind}.pb.gz`,
    );
    expect(readdirSync(folder).sort()).toEqual([...names, 'trace.trace'].sort());
    for (const name of names) execFileSync('go', ['tool', 'pprof', '-top', join(folder, name)], { stdio: 'ignore' });
  });

  it('that can be empty says which rate to set', async () => {
    const [block, mutex] = await Promise.all([captured('rates', 'block'), captured('rates', 'mutex')]);
    expect(block.stderr).toContain('runtime.SetBlockProfileRate');
    expect(mutex.stderr).toContain('runtime.SetMutexProfileFraction');
  });
});

describe('what can go wrong', () => {
  it.each<readonly [string, PodName, readonly string[], number, RegExp]>([
    ['no endpoint', 'none', [], 7, /No pprof endpoint answers[\s\S]*8080: it answers 404[\s\S]*9090: it speaks something else/],
    ['a port that speaks something else', 'none', ['--port', '9090'], 1, /Port 9090 .* does not speak HTTP/],
    ['a port where nothing listens', 'plain', ['--port', '6061'], 1, /Nothing listens on port 6061/],
    ['https that is http', 'plain', ['--port', '6060', '--scheme', 'https'], 1, /does not speak TLS/],
    ['a kind that is none', 'plain', ['heep'], 2, /no profile "heep"[\s\S]*did you mean heap/],
    ['a time longer than the server gives', 'write-timeout', ['--duration', '20s'], 1, /WriteTimeout[\s\S]*--duration/],
    ['flags that do not go together', 'plain', ['heap', '--delta', '5s', '--debug', '1'], 2, /--delta and --debug/],
  ])('%s', async (_, pod, args, code, says) => {
    const ended = await kprof(pod, ...args);
    expect(ended.stderr).toMatch(says);
    expect(ended).toMatchObject({ code, stdout: '' });
    expect(readdirSync(laptop.folder).filter((name) => name.includes('.partial'))).toEqual([]);
  });

  it('somebody else profiles already', async () => {
    const first = laptop.start('pprof', 'declared', '-n', ground.namespace, '--duration', '20s', '--no-open', '-f', 'long.pb.gz');
    await first.until(/sampling the CPU/);
    // The first request is on its way when that is said: a second one may still come before it.
    let second = await kprof('declared', '--duration', '1s');
    for (let tries = 0; tries < 3 && second.code === 0; tries++) second = await kprof('declared', '--duration', '1s');
    expect(second).toMatchObject({ code: 1, stderr: expect.stringContaining('Somebody else takes a CPU profile') });
    first.child.kill('SIGINT');
    const ended = await first.ended;
    expect(ended).toMatchObject({ code: 130, stdout: '', stderr: expect.stringContaining('nothing to keep') });
    expect(readdirSync(laptop.folder).filter((name) => name.includes('long.pb.gz'))).toEqual([]);
  });

  it('the pod goes away meanwhile', async () => {
    const running = laptop.start('pprof', 'named', '-n', ground.namespace, '--duration', '60s', '--no-open');
    await running.until(/sampling the CPU/);
    kubectl('delete', 'pod', '-n', ground.namespace, 'named', '--wait=false', '--grace-period=1');
    expect(await running.ended).toMatchObject({ code: 5, stdout: '' });
  });

  it('a file is cut short', async () => {
    const { path } = await captured('plain', 'heap', '-f', 'whole.pb.gz');
    const cut = join(laptop.folder, 'cut.pb.gz');
    writeFileSync(cut, readFileSync(path).subarray(0, -20));
    expect(await laptop.kprof('top', cut)).toMatchObject({ code: 3, stderr: expect.stringContaining('not a whole profile') });
    expect(await laptop.kprof('open', '--no-open', cut)).toMatchObject({ code: 3 });
  });
});
