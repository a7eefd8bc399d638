import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { answerOf } from '../../src/remote/remote.ts';
import { parseView } from '../../src/runtimes/processes.ts';
import { fakeJvm } from '../faults/fake-jvm.ts';
import { type LocalContainer, localContainer } from '../support/local-container.ts';
import { shells, until } from '../support/shells.ts';

// In full: KPROF_CROWD=10000.
const crowd = Number(process.env['KPROF_CROWD'] ?? 400);
const signal = new AbortController().signal;
const what = { what: 'look', signal, maxBytes: 16 * 2 ** 20 };

describe.each(shells)('a look in %s', (shell, path) => {
  const mark = randomBytes(16).toString('hex');
  const folder = mkdtempSync(join(tmpdir(), 'kprof-look-'));
  const started: ChildProcess[] = [];
  let container: LocalContainer;
  let jvm: ChildProcess;

  const start = (...[program, ...words]: readonly [string, ...string[]]) => {
    const child = spawn(program, words, {
      cwd: folder,
      env: { ...process.env, KPROF_TEST_MARK: mark },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    started.push(child);
    return child;
  };

  beforeAll(async () => {
    // A container's processes are told by their environment here.
    process.env['KPROF_WITHIN'] = 'environ';
    container = localContainer({ ttl: 600, first: 60, cap: 600 }, path);
    // Before it and behind it: processes that wait, with as few of the machine's means as can be.
    const wait = `mkfifo never; for i in $(seq ${crowd}); do read -r _ <never & done; echo all; wait`;
    const waiting = start('bash', '-c', wait);
    await new Promise((resolve) => waiting.stdout?.once('data', resolve));
    const { command } = fakeJvm(folder);
    jvm = start(...(command as unknown as readonly [string, ...string[]]));
    expect(await until(() => readFileSync(`/proc/${jvm.pid}/maps`, 'latin1').includes('libjvm.so'), 30)).toBe(true);
  }, 120_000);
  afterAll(async () => {
    for (const { pid } of started) {
      const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').split(' ').filter(Boolean);
      for (const each of [String(pid), ...children]) process.kill(Number(each), 'SIGKILL');
    }
    await container.end();
    process.env['KPROF_WITHIN'] = undefined;
    rmSync(folder, { recursive: true });
  });

  it(`finds the JVM among ${crowd} processes, in no time`, async () => {
    const began = performance.now();
    const text = await answerOf(container, ['look', mark], what);
    const took = performance.now() - began;
    const { processes, more } = parseView(text);
    expect(processes.filter(({ maps }) => maps.includes('libjvm.so')).map(({ pid }) => pid)).toEqual([jvm.pid]);
    expect(processes.find(({ pid }) => pid === jvm.pid)).toMatchObject({ argv: ['bash', '-c', expect.stringContaining('trap : QUIT')] });
    expect({ told: processes.length, all: processes.length + more }).toEqual({ told: 100, all: crowd + 2 });
    process.stdout.write(`${shell}: ${crowd} processes in ${Math.round(took)} ms, ${text.length} bytes\n`);
    // A child for each of them would take a hundred times as long.
    expect(took).toBeLessThan(15_000 + crowd * 2);
  }, 120_000);

  it('tells of the one that is asked for in any case', async () => {
    const others = parseView(await answerOf(container, ['look', mark], what)).processes.map(({ pid }) => pid);
    const all = readFileSync(`/proc/${started[0]?.pid}/task/${started[0]?.pid}/children`, 'latin1').trim().split(' ').map(Number);
    const asked = all.find((pid) => !others.includes(pid)) as number;
    const { processes } = parseView(await answerOf(container, ['look', mark, String(asked)], what));
    expect(processes.find(({ pid }) => pid === asked)).toMatchObject({ pid: asked, argv: expect.arrayContaining(['-c']) });
    expect(parseView(await answerOf(container, ['look', mark, String(process.pid)], what)).processes.map(({ pid }) => pid)).not.toContain(
      process.pid,
    );
  }, 60_000);

  it('tells of a JVM where its environment lets it record to', async () => {
    const options =
      '-Xmx64m -Djava.io.tmpdir=/other -Djava.io.tmpdir=/work -XX:FlightRecorderOptions=stackdepth=9,repository=/r,maxchunksize=1m -Da=b';
    const [, preload = '', ...command] = fakeJvm(folder).command;
    const other = start('env', `JAVA_TOOL_OPTIONS=${options}`, preload, ...command.with(-1, `cd $(mktemp -d -p .); ${command.at(-1)}`));
    expect(await until(() => readFileSync(`/proc/${other.pid}/maps`, 'latin1').includes('libjvm.so'), 30)).toBe(true);
    const { processes } = parseView(await answerOf(container, ['look', mark, String(other.pid)], what));
    expect(processes.find(({ pid }) => pid === other.pid)?.tells).toMatchObject({ 'env-tmpdir': '/work', 'env-repository': '/r' });
    other.kill('SIGKILL');
    started.splice(started.indexOf(other), 1);
  });

  it('tells of Node.js what its options say of the inspector', async () => {
    for (const [options, tells] of [
      ['--no-warnings --inspect=0', { inspect: '0', inspects: 'yes' }],
      ['--inspect-port=9301', { inspect: '9301' }],
    ] as const) {
      const code = "console.log('ready'); setInterval(() => {}, 1000)";
      const node = start('env', `NODE_OPTIONS=${options}`, process.execPath, '-e', code);
      await new Promise((resolve) => node.stdout?.once('data', resolve));
      const { processes } = parseView(await answerOf(container, ['look', mark, String(node.pid)], what));
      const told = processes.find(({ pid }) => pid === node.pid)?.tells ?? {};
      expect(Object.fromEntries(Object.entries(told).filter(([key]) => key.startsWith('inspect')))).toEqual(tells);
      node.kill('SIGKILL');
      started.splice(started.indexOf(node), 1);
    }
  });

  it('tells who answers at the door of a JVM', async () => {
    const door = (pid: number | undefined) => `/tmp/.java_pid${pid}`;
    // As HotSpot does: it binds another name, and gives it the right one when it listens.
    const opens = (whose: string) => `const fs = require('node:fs'); const door = '/tmp/.java_pid' + ${whose};
      require('node:net').createServer().listen(door + '.tmp', () => { fs.renameSync(door + '.tmp', door); console.log('listens'); });`;
    const begin = async (...command: readonly [string, ...string[]]) => {
      const child = start(...command);
      await new Promise((resolve) => child.stdout?.once('data', resolve));
      return child;
    };
    const end = async (child: ChildProcess) => {
      started.splice(started.indexOf(child), 1);
      child.kill('SIGKILL');
      await new Promise((resolve) => child.once('exit', resolve));
    };
    const told = async (pid: number | undefined) => {
      const { processes } = parseView(await answerOf(container, ['look', mark, String(pid)], what));
      return processes.find((each) => each.pid === pid)?.tells['door'];
    };
    const [, preload = ''] = fakeJvm(folder).command;
    const own = await begin('env', preload, process.execPath, '-e', opens('process.pid'));
    expect(await told(own.pid)).toBe('open');
    await end(own);
    rmSync(door(own.pid));
    expect(await told(jvm.pid)).toBeUndefined();
    const other = await begin(process.execPath, '-e', opens(String(jvm.pid)));
    expect(await told(jvm.pid)).toBe('foreign');
    // Nobody is behind it any more.
    await end(other);
    expect(await told(jvm.pid)).toBe('open');
    rmSync(door(jvm.pid));
  }, 60_000);

  it('sees nothing where nothing is', async () => {
    expect(parseView(await answerOf(container, ['look', `no-${mark}`], what))).toMatchObject({ processes: [], more: 0 });
  });
});
