import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { hold } from '../../src/remote/lease.ts';
import { answerOf, ask, step } from '../../src/remote/remote.ts';
import { parseYardstick } from '../../src/runtimes/heap.ts';
import { localContainer } from '../support/local-container.ts';
import { shells, until } from '../support/shells.ts';

const signal = new AbortController().signal;
const bounds = { what: 'do it', signal };
const lifetimes = { ttl: 600, first: 60, cap: 600 };
const self = String(process.pid);

describe.concurrent.each(shells)('a room in %s', (_, path) => {
  it('is a process of ours while the command runs, and none after it', async ({ onTestFinished }) => {
    const container = localContainer(lifetimes, path);
    onTestFinished(() => container.end());
    const lease = await hold(container, 'a1', { ttl: 600, signal });
    const run = ['room', self, 'sh', '-c', 'echo "$1"; cat "/proc/$room/comm"; exit 7', 'x', 'is /proc/$room/root/tmp'] as const;
    const said = ask(container, ['step', 'a1', '00001.undo', '0', ...run], bounds);
    const { code, stdout } = await said;
    expect(code).toBe(7);
    const [, pid] = /^is \/proc\/(\d+)\/root\/tmp\ncat\n$/.exec(stdout) ?? [];
    expect(pid).toBeDefined();
    expect(existsSync(`/proc/${pid}`)).toBe(false);
    expect(readdirSync(container.dir).filter((name) => name.startsWith('room'))).toEqual([]);
    await lease.end('done');
  });

  it('ends with the capture', async ({ onTestFinished }) => {
    const container = localContainer(lifetimes, path);
    const folder = mkdtempSync(join(tmpdir(), 'kprof-room-'));
    onTestFinished(async () => {
      await container.end();
      rmSync(folder, { recursive: true });
    });
    const lease = await hold(container, 'a2', { ttl: 600, signal });
    const note = join(folder, 'pid');
    const script = `echo "$room" >${note}; exec sleep 60`;
    const running = step(lease, { name: '00001.undo', undo: undefined, run: ['room', self, 'sh', '-c', script] }, bounds).catch(() => {});
    expect(await until(() => existsSync(note) && /\n/.test(readFileSync(note, 'utf8')), 10)).toBe(true);
    const pid = readFileSync(note, 'utf8').trim();
    expect(existsSync(`/proc/${pid}`)).toBe(true);
    await lease.end('abort');
    await running;
    expect(await until(() => !existsSync(`/proc/${pid}`), 10)).toBe(true);
  });

  it('has a yardstick', async ({ onTestFinished }) => {
    const container = localContainer(lifetimes, path);
    onTestFinished(() => container.end());
    const measured = await answerOf(container, ['run', 'yardstick', '16'], bounds);
    expect(measured).toMatch(/^67108864 \d+ \d+\n$/);
    expect(parseYardstick(measured)?.bytes).toBe(64 * 2 ** 20);
    expect(await answerOf(container, ['run', 'yardstick', '0'], bounds)).toMatch(/^67108864 - \d+\n$/);
    expect(readdirSync('/tmp').filter((name) => /^kprof-yardstick-\d+$/.test(name) && !existsSync(`/proc/${name.slice(16)}`))).toEqual([]);
  });
});
