import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { hold } from '../../src/remote/lease.ts';
import { answerOf, ask, insist, start, step } from '../../src/remote/remote.ts';
import { profilerWrote } from '../../src/runtimes/async-profiler.ts';
import { parseDisk } from '../../src/runtimes/heap.ts';
import { threadTime, threadTimes, timesOfThreads } from '../../src/runtimes/thread-times.ts';
import type { Argv } from '../../src/toolkit.ts';
import { hardened, type LocalContainer, localContainer } from '../support/local-container.ts';
import { shells, until } from '../support/shells.ts';

const signal = new AbortController().signal;
const bounds = { what: 'do it', signal };
const lifetimes = { ttl: 600, first: 60, cap: 600 };
const self = String(process.pid);

interface Seen {
  readonly pid: string;
  readonly parent: string;
  readonly command: string;
}

/** Processes that have the folder in their environment, zombies not among them. */
const processesOf = (dir: string): readonly Seen[] =>
  readdirSync('/proc').flatMap((pid) => {
    try {
      if (!/^\d+$/.test(pid) || !readFileSync(`/proc/${pid}/environ`, 'latin1').includes(`KPROF_DIR=${dir}\0`)) return [];
      const parent = readFileSync(`/proc/${pid}/stat`, 'latin1').replace(/.*\) /s, '').split(' ')[1] as string;
      return [{ pid, parent, command: readFileSync(`/proc/${pid}/cmdline`, 'latin1') }];
    } catch {
      return []; // It has ended.
    }
  });

/** Who listens to the line: of a client, the child that is the same program and has no child itself. */
function listenerOf(dir: string): number {
  const [client = ''] = existsSync(join(dir, 'ready')) ? readdirSync(join(dir, 'clients')) : [];
  const all = processesOf(dir);
  const same = all.filter(
    ({ pid, parent, command }) =>
      parent === client && command === all.find((each) => each.pid === client)?.command && all.every((each) => each.parent !== pid),
  );
  return same.length === 1 ? Number(same[0]?.pid) : 0;
}

describe.concurrent.each(shells)('the script in %s', (_, path) => {
  const begin = (onTestFinished: (over: () => Promise<void>) => void, times = lifetimes): LocalContainer => {
    const container = localContainer(times, path);
    onTestFinished(() => container.end());
    return container;
  };

  it('runs a command and gives its code and both texts', async ({ onTestFinished }) => {
    const container = begin(onTestFinished);
    expect(await ask(container, ['run', 'sh', '-c', 'echo out; echo err >&2; exit 7'], bounds)).toMatchObject({
      code: 7,
      stdout: 'out\n',
      stderr: expect.stringContaining('err\n'),
    });
  });

  it('runs nothing for a process whose number is another one by now', async ({ onTestFinished }) => {
    const container = begin(onTestFinished);
    const bystander = spawn('sleep', ['60'], { stdio: 'ignore' });
    onTestFinished(() => void bystander.kill());
    const pid = String(bystander.pid);
    const started = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)?.split(' ')[19] as string;
    const only = (since: string) =>
      answerOf(container, ['run', 'only', pid, since, 'sh', '-c', 'kill -0 $1 && echo sent', 'sh', pid], bounds);
    expect(await only(started)).toBe('sent\n');
    await expect(only(String(Number(started) + 1))).rejects.toMatchObject({ failure: 'gone' });
    const lease = await hold(container, '0123456789abcdef', { ttl: 60, signal });
    const kill: Argv = ['only', pid, '1', 'kill', '-KILL', pid];
    await expect(step(lease, { name: '00001.undo', undo: kill, run: kill }, bounds)).rejects.toMatchObject({ failure: 'gone' });
    expect(await lease.end('abort')).toBe(true);
    expect({ code: bystander.exitCode, signal: bystander.signalCode }).toEqual({ code: null, signal: null });
  });

  it('tells who dies before the answer is whole', async ({ onTestFinished }) => {
    const container = begin(onTestFinished);
    // It is not buried: nobody waits for it, as with a process below a shell that does something else.
    const parent = spawn('sh', ['-c', 'sleep 60 & echo $!; exec sleep 60'], { stdio: ['ignore', 'pipe', 'ignore'] });
    onTestFinished(() => void parent.kill());
    const pid = String(await new Promise((resolve) => parent.stdout.once('data', resolve))).trim();
    const started = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)?.split(' ')[19] as string;
    const lease = await hold(container, '0123456789abcdef', { ttl: 60, signal });
    const answered = (name: string, word: 'only' | 'still', script: string) =>
      step(lease, { name: `${name}.undo`, undo: undefined, run: [word, pid, started, 'sh', '-c', script, 'sh', pid] }, bounds);
    expect(await answered('00001', 'still', 'echo whole')).toBe('whole\n');
    await expect(answered('00002', 'still', 'echo why >&2; exit 3')).rejects.toMatchObject({ failure: 'failed' });
    await expect(answered('00003', 'still', 'echo half; kill -KILL $1; sleep 0.2')).rejects.toMatchObject({ failure: 'gone' });
    expect(readFileSync(`/proc/${pid}/stat`, 'latin1')).toContain(') Z ');
    expect(await answered('00004', 'only', 'echo whole')).toBe('whole\n');
    await expect(answered('00005', 'only', 'exit 3')).rejects.toMatchObject({ failure: 'gone' });
    const asked = (...run: readonly string[]) => answerOf(container, ['run', 'only', pid, started, ...run], bounds);
    await expect(asked('false')).rejects.toMatchObject({ failure: 'gone' });
    expect(await lease.end('abort')).toBe(true);
  });

  it('tells how much room there is, or that nobody knows', async ({ onTestFinished }) => {
    const container = begin(onTestFinished);
    const space = (...paths: readonly string[]) => answerOf(container, ['run', 'space', String(process.pid), '1', ...paths], bounds);
    expect(parseDisk(await space('/tmp'))).toMatchObject({ free: expect.any(Number), isMemory: expect.any(Boolean) });
    // What is there and no folder.
    expect(await space('/etc/passwd')).toBe('unknown\n');
    expect(await space('relative')).toBe('unknown\n');
    expect(await space('/etc/passwd', '/tmp', '/')).toMatch(/^unknown\n\d+ .*\n\d+ .*\n$/);
    // One that is made later is on the disk of what is there.
    const kind = (answer: string) => answer.split(' ').slice(1).join(' ');
    expect(kind(await space('/dev/shm/no/such/'))).toBe(kind(await space('/dev/shm')));
    expect(kind(await space('/no/such'))).toBe(kind(await space('/')));
    const gone = answerOf(container, ['run', 'space', '4194305', '1', '/no/such'], bounds);
    expect(await gone).toBe('unknown\n');
  });

  it('tells what threads used, whoever of them ends meanwhile', async ({ onTestFinished }) => {
    const container = begin(onTestFinished);
    const told = async (pid: string) => timesOfThreads(await answerOf(container, ['run', ...threadTimes({ pid } as never)], bounds));
    const lines = (await told(String(process.pid))).split('\n').slice(2, -1);
    expect(lines.length).toBeGreaterThan(1);
    for (const line of lines) expect(line).toMatch(threadTime);
    expect(lines.some((line) => line.startsWith(`nid=0x${process.pid.toString(16)} cpu=`))).toBe(true);
    // Where there is none, its name is that of a thread that has gone.
    expect(await told('4194305')).toBe('');
  });

  it('rejects with what a failed command said', async ({ onTestFinished }) => {
    const container = begin(onTestFinished);
    const failed = answerOf(container, ['run', 'sh', '-c', 'echo why >&2; exit 7'], bounds);
    await expect(failed).rejects.toMatchObject({
      failure: 'failed',
      message: 'local could not do it: exit code 7',
      cause: expect.stringContaining('why'),
    });
  });

  it('sends SIGUSR1 to the very process that handles it, and to no other', async ({ onTestFinished }) => {
    const container = begin(onTestFinished);
    const lease = await hold(container, 'a1', { ttl: 600, signal });
    const plain = spawn('sleep', ['60'], { stdio: 'ignore' });
    const handling = spawn('bash', ['-c', 'trap "exit 42" USR1; while :; do sleep 0.1; done'], { stdio: 'ignore' });
    onTestFinished(async () => {
      for (const child of [plain, handling]) child.kill('SIGKILL');
    });
    const began = ({ pid }: ChildProcess) => readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/.*\) /s, '').split(' ')[19] as string;
    const handles = ({ pid }: ChildProcess) =>
      (BigInt(`0x${/SigCgt:\s*(\w+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]}`) & 0x200n) !== 0n;
    expect(await until(() => handles(handling), 10)).toBe(true);
    const signalled = (name: string, { pid }: ChildProcess, started: string) =>
      step(lease, { name: `${name}.undo`, undo: undefined, run: ['inspector', 'open', String(pid), started] }, bounds);
    await expect(signalled('00001', plain, began(plain))).rejects.toMatchObject({
      cause: expect.stringContaining('does not handle SIGUSR1'),
    });
    await expect(signalled('00002', handling, '1')).rejects.toMatchObject({ cause: expect.stringContaining('ended') });
    expect([plain.exitCode, plain.signalCode, handling.exitCode]).toEqual([null, null, null]);
    await signalled('00003', handling, began(handling));
    expect(await until(() => handling.exitCode === 42, 10)).toBe(true);
  });

  it('sends SIGQUIT to the very process that handles it, and to no other', async ({ onTestFinished }) => {
    const container = begin(onTestFinished);
    const plain = spawn('sleep', ['60'], { stdio: 'ignore' });
    const handling = spawn('bash', ['-c', 'trap "exit 42" QUIT; while :; do sleep 0.1; done'], { stdio: 'ignore' });
    onTestFinished(async () => {
      for (const child of [plain, handling]) child.kill('SIGKILL');
    });
    const lease = await hold(container, 'a1', { ttl: 600, signal });
    const began = ({ pid }: ChildProcess) => readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/.*\) /s, '').split(' ')[19] as string;
    expect(await until(() => /SigCgt:\s*\w*[4-7c-f]$/m.test(readFileSync(`/proc/${handling.pid}/status`, 'utf8')), 10)).toBe(true);
    const quit = (name: string, { pid }: ChildProcess, started: string) =>
      step(lease, { name: `${name}.undo`, undo: undefined, run: ['quit', String(pid), started] }, bounds);
    await expect(quit('00001', plain, began(plain))).rejects.toMatchObject({ cause: expect.stringContaining('does not handle SIGQUIT') });
    await expect(quit('00002', handling, '1')).rejects.toMatchObject({ cause: expect.stringContaining('ended') });
    expect([plain.exitCode, plain.signalCode, handling.exitCode]).toEqual([null, null, null]);
    await quit('00003', handling, began(handling));
    expect(await until(() => handling.exitCode === 42, 10)).toBe(true);
  });

  it('passes arguments as they are', async ({ onTestFinished }) => {
    const container = begin(onTestFinished);
    const words = ['a b', '$HOME', "'", '"', '*', '-n', '', 'é'];
    const { stdout } = await ask(container, ['run', 'printf', '[%s]', ...words], bounds);
    expect(stdout).toBe(words.map((word) => `[${word}]`).join(''));
  });

  it('stops a command whose client is gone', async ({ onTestFinished }) => {
    const container = begin(onTestFinished);
    const marker = join(container.dir, 'over');
    const execution = start(container, ['run', 'sh', '-c', `trap 'echo >${marker}; exit' TERM; while :; do sleep 0.1; done`], {});
    expect(await until(() => existsSync(join(container.dir, 'clients')) && readdirSync(join(container.dir, 'clients')).length > 0, 5)).toBe(
      true,
    );
    await sleep(300);
    container.cut();
    expect(await until(() => existsSync(marker), 5)).toBe(true);
    await execution.done.catch(() => {});
  });

  it('stops at the deadline and when it prints too much', async ({ onTestFinished }) => {
    const container = begin(onTestFinished);
    await expect(ask(container, ['run', 'sleep', '30'], { ...bounds, deadline: 500 })).rejects.toThrow('could not do it within 0.5s');
    await expect(ask(container, ['run', 'yes'], { ...bounds, maxBytes: 1000 })).rejects.toThrow('printed more than');
  });

  it('puts a file', async ({ onTestFinished }) => {
    const container = begin(onTestFinished);
    const content = Buffer.from(Array.from({ length: 10_000 }, (_unused, index) => index % 256));
    mkdirSync(container.dir, { recursive: true });
    const to = join(container.dir, 'put');
    const lines = content.toString('base64').match(/.{1,4000}/g) ?? [];
    expect(await ask(container, ['put', 'dd', `of=${to}`], { ...bounds, input: [...lines, '.'] })).toMatchObject({
      code: 0,
      stdout: `${createHash('sha256').update(content).digest('hex')}\n`,
    });
    expect(readFileSync(to).equals(content)).toBe(true);
  });

  it('asks again for what a line has lost of a text, though it calls that a success', async ({ onTestFinished }) => {
    const container = begin(onTestFinished);
    await ask(container, ['run', 'true'], bounds);
    container.lose();
    await expect(ask(container, ['run', 'echo', 'out'], bounds)).rejects.toMatchObject({ lost: true });
    container.lose();
    expect((await insist(container, ['run', 'echo', 'out'], bounds)).stdout).toBe('out\n');
    expect(readdirSync(container.dir).filter((name) => name.startsWith('answer'))).toEqual([]);
  });

  it('is what the kernel takes first where memory is short, and so is all that it starts', async ({ onTestFinished }) => {
    const container = begin(onTestFinished);
    const lease = await hold(container, '0123456789abcdef', { ttl: 60, signal });
    const score = (pid: number | string | undefined) => readFileSync(`/proc/${pid}/oom_score_adj`, 'utf8').trim();
    const run: Argv = ['sh', '-c', 'sleep 0.1; cat /proc/self/oom_score_adj'];
    expect(await step(lease, { name: '00001.undo', undo: undefined, run }, bounds)).toBe('1000\n');
    expect([container.main.pid, ...readdirSync(join(container.dir, 'clients'))].map(score)).toEqual(['1000', '1000']);
    expect(await lease.end('done')).toBe(true);
  });

  it('asks again for what a line has lost of a step, though it calls that a success', async ({ onTestFinished }) => {
    const container = begin(onTestFinished);
    const lease = await hold(container, 'c1', { ttl: 600, signal });
    const run: Argv = ['sh', '-c', 'echo ran >>"$1"; echo "out, and err" | tee /dev/stderr', 'sh', join(container.dir, 'log')];
    container.lose();
    expect(await step(lease, { name: '00001.undo', undo: undefined, run }, bounds)).toBe('out, and err\n');
    expect(readFileSync(join(container.dir, 'log'), 'utf8')).toBe('ran\n');
  });

  it('asks again for a step that says more to stderr than anybody keeps', async ({ onTestFinished }) => {
    const container = begin(onTestFinished);
    const lease = await hold(container, 'c1', { ttl: 600, signal });
    const run: Argv = ['sh', '-c', 'head -c 300000 /dev/zero | tr "\\0" x >&2; echo out'];
    expect(await step(lease, { name: '00001.undo', undo: undefined, run }, bounds)).toBe('out\n');
  });

  it('waits no longer for a step than there is somebody who minds it', { timeout: 60_000 }, async ({ onTestFinished }) => {
    const container = begin(onTestFinished);
    const lease = await hold(container, 'c1', { ttl: 600, signal });
    const kept = { name: '00001.undo', undo: undefined, run: ['sleep', '600'] } as const;
    const first = start(container, ['step', 'c1', kept.name, '0', ...kept.run], {});
    const minds = join(container.dir, 'captures/c1/00001.begun/pid');
    expect(await until(() => existsSync(minds) && existsSync(join(container.dir, 'captures/c1/00001.pid')), 10)).toBe(true);
    const again = step(lease, kept, bounds);
    again.catch(() => {}); // it is looked at below
    process.kill(Number(readFileSync(minds, 'utf8').split(' ')[0]), 'SIGKILL');
    await expect(again).rejects.toMatchObject({ cause: expect.stringContaining('was killed') });
    expect(await lease.end('abort')).toBe(true);
    await first.done;
  });

  it('ends who waits for a step with the line', { timeout: 60_000 }, async ({ onTestFinished }) => {
    const container = begin(onTestFinished);
    const lease = await hold(container, 'c1', { ttl: 600, signal });
    const clients = () => readdirSync(join(container.dir, 'clients')).length;
    const words = ['step', 'c1', '00001.undo', '0', 'sleep', '600'];
    const first = start(container, words, {});
    expect(await until(() => existsSync(join(container.dir, 'captures/c1/00001.pid')), 10)).toBe(true);
    const gone = new AbortController();
    start(container, words, { signal: gone.signal });
    expect(await until(() => clients() === 3, 10)).toBe(true);
    gone.abort(new Error('cut'));
    expect(await until(() => clients() === 2, 20)).toBe(true);
    expect(await lease.end('abort')).toBe(true);
    await first.done;
  });

  it('begins nothing that is undone in the very moment', async ({ onTestFinished }) => {
    const container = begin(onTestFinished);
    const lease = await hold(container, 'c1', { ttl: 600, signal });
    const capture = join(container.dir, 'captures/c1');
    // It waits where it writes down what is to be undone, as nobody reads that.
    execFileSync('mkfifo', [join(capture, '.new')]);
    const ran = join(container.dir, 'ran');
    const late = step(lease, { name: '00001.undo', undo: ['true'], run: ['touch', ran] }, bounds);
    late.catch(() => {}); // it is looked at below
    expect(await until(() => existsSync(join(capture, '00001.begun/pid')), 10)).toBe(true);
    writeFileSync(join(capture, 'ended'), '');
    const reader = openSync(join(capture, '.new'), 'r+');
    await expect(late).rejects.toThrow('The pod has ended the capture');
    closeSync(reader);
    expect(existsSync(ran)).toBe(false);
  });

  it.for(['pull', 'paced pull', 'run', 'flow'])(
    'that is told to end leaves nothing of a %s',
    { timeout: 60_000 },
    async (verb, { onTestFinished }) => {
      const container = begin(onTestFinished);
      const large = join(container.dir, 'large');
      const commands: Readonly<Record<string, Argv>> = {
        pull: ['pull', 'bare', 'sleep', '600'],
        'paced pull': ['pull', 'plain', large, '0', '900'],
        run: ['run', 'sleep', '600'],
        flow: ['flow', 'sleep', '600'],
      };
      const words = commands[verb] as Argv;
      if (verb === 'paced pull') {
        expect(await until(() => existsSync(join(container.dir, 'ready')), 10)).toBe(true);
        writeFileSync(large, '');
        truncateSync(large, 2 ** 30);
      }
      // Nobody takes what is printed: who writes it waits.
      const { promise: taken, resolve: take } = Promise.withResolvers<void>();
      const execution = start(container, words, { stdout: () => taken });
      const isThere = () => {
        const all = processesOf(container.dir);
        // Its programs are parts of busybox, which gives them no name of their own.
        return verb === 'paced pull' ? all.length >= 6 : all.some(({ command }) => command.startsWith('sleep\0'));
      };
      expect(await until(() => isThere() && listenerOf(container.dir) > 0, 10)).toBe(true);
      // It hears of nothing: what its parent does not end stays, and would end as a zombie of the app.
      const listener = listenerOf(container.dir);
      process.kill(listener, 'SIGSTOP');
      onTestFinished(() => {
        if (existsSync(`/proc/${listener}`)) process.kill(listener, 'SIGKILL');
      });
      expect(await ask(container, ['end'], bounds)).toMatchObject({ code: 0 });
      expect(await until(() => processesOf(container.dir).length === 0, 10)).toBe(true);
      take();
      await execution.done;
    },
  );

  it('ends without a client, and when idle', { timeout: 30_000 }, async ({ onTestFinished }) => {
    const lonely = begin(onTestFinished, { ttl: 2, first: 1, cap: 600 });
    expect(await until(() => lonely.main.exitCode !== null, 5)).toBe(true);
    const container = begin(onTestFinished, { ttl: 3, first: 60, cap: 600 });
    await ask(container, ['run', 'true'], bounds);
    const lease = start(container, ['run', 'sleep', '1'], {});
    lease.send('\n');
    await lease.done;
    expect(await until(() => container.main.exitCode !== null, 2)).toBe(false);
    expect(await until(() => container.main.exitCode !== null, 8)).toBe(true);
  });

  it('ends within 2s of SIGTERM, busy or not, and stops what runs', { timeout: 20_000 }, async ({ onTestFinished }) => {
    const container = begin(onTestFinished);
    await hold(container, 'c1', { ttl: 600, signal });
    const execution = start(container, ['run', 'sleep', '60'], {});
    await sleep(1500);
    const began = Date.now();
    container.main.kill('SIGTERM');
    expect(await until(() => container.main.exitCode !== null || container.main.signalCode !== null, 5)).toBe(true);
    expect(Date.now() - began).toBeLessThan(2500);
    expect((await execution.done).code).not.toBe(0);
  });
});

describe.concurrent.each(shells)('what the profiler wrote, in %s', (_, path = process.env['PATH']) => {
  it.for([
    ['0', 'full', true],
    ['8192', 'full', true],
    ['8192', 'roomy', false],
    ['8191', 'full', false],
  ] as const)('of %s bytes on a disk that is %s', async ([size, disk, isDoubtful], { onTestFinished }) => {
    const programs = mkdtempSync(join(tmpdir(), 'kprof-programs-'));
    const inroot = `case $3 in stat) case $4 in */theirs) exit 1 ;; *) echo '${size} 1 1' ;; esac ;; put) [ ${disk} = roomy ] ;; esac`;
    for (const [each, script] of Object.entries({ inroot, jattach: 'echo return code: 0' }))
      writeFileSync(join(programs, each), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    const container = localContainer(lifetimes, `${programs}:${path}`);
    onTestFinished(async () => {
      await container.end();
      rmSync(programs, { recursive: true });
    });
    const started = readFileSync('/proc/self/stat', 'latin1').split(') ').at(-1)?.split(' ')[19] as string;
    const stop = ['run', 'profiler', self, started, '/tmp/kprof-x', '/a/library', 'stop,file=/tmp/kprof-x/profile.collapsed,collapsed'];
    const stdout = await answerOf(container, stop, bounds);
    if (isDoubtful) expect(() => profilerWrote(stdout)).toThrow('the whole profile');
    else expect(() => profilerWrote(stdout)).not.toThrow();
  });
});

describe.concurrent.each(shells)('root that may not signal other users, in %s', (_, path = process.env['PATH']) => {
  const isRoot = process.getuid?.() === 0;
  const someone = ['setpriv', '--reuid=1000', '--regid=1000', '--clear-groups'] as const;
  const runs = (container: LocalContainer) => processesOf(container.dir).some(({ command }) => command.startsWith('sleep\0'));

  it('ends what runs as one of them', { timeout: 60_000 }, async ({ onTestFinished, skip }) => {
    if (!isRoot) return skip('needs root');
    const container = localContainer(lifetimes, path, hardened);
    onTestFinished(() => container.end());
    const lease = await hold(container, 'a1', { ttl: 600, signal });
    const run: Argv = [...someone, 'sleep', '120'];
    const stepping = step(lease, { name: '00001.undo', undo: undefined, run }, bounds).catch(() => {});
    expect(await until(() => runs(container), 10)).toBe(true);
    await lease.end('abort');
    await stepping;
    expect(await until(() => !runs(container), 10)).toBe(true);
    const asking = answerOf(container, ['run', ...run], bounds).catch(() => {});
    expect(await until(() => runs(container), 10)).toBe(true);
    container.cut();
    await asking;
    expect(await until(() => !runs(container), 10)).toBe(true);
  });

  it('lends its root for no longer than the profiler needs it', { timeout: 90_000 }, async ({ onTestFinished, skip }) => {
    if (!isRoot) return skip('needs root');
    const programs = mkdtempSync(join(tmpdir(), 'kprof-programs-'));
    chmodSync(programs, 0o755);
    for (const each of ['inroot', 'jattach']) writeFileSync(join(programs, each), '#!/bin/sh\n', { mode: 0o755 });
    const container = localContainer(lifetimes, `${programs}:${path}`, hardened);
    const profiled = spawn(someone[0], [...someone.slice(1), 'sleep', '120'], { stdio: 'ignore' });
    onTestFinished(async () => {
      profiled.kill();
      await container.end();
      rmSync(programs, { recursive: true });
    });
    const pid = String(profiled.pid);
    expect(await until(() => readFileSync(`/proc/${pid}/comm`, 'utf8') === 'sleep\n', 10)).toBe(true);
    const started = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)?.split(' ')[19] as string;
    const began = performance.now();
    await answerOf(container, ['run', 'profiler', pid, started, '/tmp/kprof-x', 'ours', 'start,event=cpu'], bounds);
    expect(performance.now() - began).toBeLessThan(20_000);
  });
});
