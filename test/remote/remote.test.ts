import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { answerOf, ask, hold, start, step } from '../../src/remote/remote.ts';
import { type LocalContainer, localContainer } from '../support/local-container.ts';

const signal = new AbortController().signal;
const bounds = { what: 'do it', signal };
const lifetimes = { ttl: 600, first: 60, cap: 600 };

/** A PATH on which sh is busybox ash, as in our images; undefined where there is no busybox. */
function ashPath(): string | undefined {
  const busybox = ['/bin/busybox', '/usr/bin/busybox'].find(existsSync);
  if (busybox === undefined) return undefined;
  const folder = mkdtempSync(join(tmpdir(), 'kprof-ash-'));
  for (const applet of execFileSync(busybox, ['--list'], { encoding: 'utf8' }).trim().split('\n'))
    symlinkSync(busybox, join(folder, applet));
  return `${folder}:${process.env['PATH']}`;
}

const ash = ashPath();
const shells: readonly (readonly [string, string | undefined])[] = [
  ['bash', undefined],
  ...(ash === undefined ? [] : [['busybox ash', ash] as const]),
];

const until = async (condition: () => boolean, seconds: number) => {
  for (const end = Date.now() + seconds * 1000; Date.now() < end; await sleep(50)) if (condition()) return true;
  return false;
};

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

  it('rejects with what a failed command said', async ({ onTestFinished }) => {
    const container = begin(onTestFinished);
    const failed = answerOf(container, ['run', 'sh', '-c', 'echo why >&2; exit 7'], bounds);
    await expect(failed).rejects.toMatchObject({
      failure: 'failed',
      message: 'local could not do it: exit code 7',
      cause: expect.stringContaining('why'),
    });
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
    await execution.done;
  });

  it('stops at the deadline and when it prints too much', async ({ onTestFinished }) => {
    const container = begin(onTestFinished);
    await expect(ask(container, ['run', 'sleep', '30'], { ...bounds, deadline: 500 })).rejects.toThrow('could not do it within 0.5s');
    await expect(ask(container, ['run', 'yes'], { ...bounds, maxBytes: 1000 })).rejects.toThrow('printed more than');
  });

  it('undoes nothing but removes the files when a capture is done', async ({ onTestFinished }) => {
    const container = begin(onTestFinished);
    const lease = await hold(container, 'c1', 600, signal);
    const [undone, removed] = [join(container.dir, 'undone'), join(container.dir, 'removed')];
    await step(container, 'c1', { name: '0.litter', undo: ['touch', removed], run: ['true'] }, bounds);
    await step(container, 'c1', { name: '1.undo', undo: ['touch', undone], run: ['true'] }, bounds);
    expect(await lease.end('done')).toBe(true);
    expect([existsSync(undone), existsSync(removed), readdirSync(join(container.dir, 'captures'))]).toEqual([false, true, []]);
  });

  it('undoes the newest step first when a capture is given up', async ({ onTestFinished }) => {
    const container = begin(onTestFinished);
    const lease = await hold(container, 'c1', 600, signal);
    const log = join(container.dir, 'log');
    for (const name of ['0.litter', '1.undo', '2.undo']) {
      await step(container, 'c1', { name, undo: ['sh', '-c', `echo ${name} >>${log}`], run: ['true'] }, bounds);
    }
    expect(await lease.end('abort')).toBe(true);
    expect(readFileSync(log, 'utf8')).toBe('2.undo\n1.undo\n0.litter\n');
  });

  it('is held for as long as the client is there', { timeout: 20_000 }, async ({ onTestFinished }) => {
    const container = begin(onTestFinished);
    const lease = await hold(container, 'c1', 600, signal);
    await sleep(9000); // Longer than a beat, and than the silence that ends it here.
    expect(lease.lost.aborted).toBe(false);
    expect(await lease.end('done')).toBe(true);
  });

  it('tells when the lease is lost', async ({ onTestFinished }) => {
    const container = begin(onTestFinished);
    const lease = await hold(container, 'c1', 600, signal);
    container.main.kill('SIGTERM');
    expect(await until(() => lease.lost.aborted, 5)).toBe(true);
    expect(await lease.end('abort')).toBe(false);
  });

  it('tries again what could not be removed, at the latest when the container ends', async ({ onTestFinished }) => {
    const container = begin(onTestFinished);
    const lease = await hold(container, 'c1', 600, signal);
    const folder = mkdtempSync(join(tmpdir(), 'kprof-undo-'));
    const removed = join(folder, 'removed');
    const remove = ['sh', '-c', `test -e ${folder}/now && touch ${removed}`] as const;
    await step(container, 'c1', { name: '0.litter', undo: remove, run: ['true'] }, bounds);
    expect(await lease.end('done')).toBe(false);
    expect(existsSync(removed)).toBe(false);
    writeFileSync(join(folder, 'now'), '');
    container.main.kill('SIGTERM');
    expect(await until(() => existsSync(removed), 4)).toBe(true);
    rmSync(folder, { recursive: true });
  });

  it('undoes what runs when the client is gone, and its files when the container ends', async ({ onTestFinished }) => {
    const container = begin(onTestFinished);
    await hold(container, 'c1', 600, signal);
    const folder = mkdtempSync(join(tmpdir(), 'kprof-undo-'));
    const [undone, removed] = [join(folder, 'un done'), join(folder, 'removed')];
    await step(container, 'c1', { name: '0.litter', undo: ['touch', removed], run: ['true'] }, bounds);
    await step(container, 'c1', { name: '1.undo', undo: ['touch', undone], run: ['true'] }, bounds);
    container.cut();
    expect(await until(() => existsSync(undone), 5)).toBe(true);
    expect(existsSync(removed)).toBe(false);
    container.main.kill('SIGTERM');
    expect(await until(() => existsSync(removed), 2.5)).toBe(true);
    rmSync(folder, { recursive: true });
  });

  it('undoes what runs when the line is silent', { timeout: 30_000 }, async ({ onTestFinished }) => {
    const container = begin(onTestFinished);
    await hold(container, 'c1', 600, signal);
    const undone = join(container.dir, 'undone');
    await step(container, 'c1', { name: '1.undo', undo: ['touch', undone], run: ['true'] }, bounds);
    container.silence();
    expect(await until(() => existsSync(undone), 1.5)).toBe(false);
    expect(await until(() => existsSync(undone), 15)).toBe(true);
  });

  it('refuses a step of a capture that nobody holds', async ({ onTestFinished }) => {
    const container = begin(onTestFinished);
    const lost = step(container, 'nobody', { name: '1.undo', undo: undefined, run: ['true'] }, bounds);
    await expect(lost).rejects.toThrow('local could not do it: exit code 75');
  });

  it('puts a file', async ({ onTestFinished }) => {
    const container = begin(onTestFinished);
    const content = Buffer.from(Array.from({ length: 10_000 }, (_unused, index) => index % 256));
    mkdirSync(container.dir, { recursive: true });
    const to = join(container.dir, 'put');
    const lines = content.toString('base64').match(/.{1,4000}/g) ?? [];
    expect(await ask(container, ['put', 'dd', `of=${to}`], { ...bounds, input: [...lines, '.'] })).toMatchObject({ code: 0 });
    expect(readFileSync(to).equals(content)).toBe(true);
  });

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
    await hold(container, 'c1', 600, signal);
    const execution = start(container, ['run', 'sleep', '60'], {});
    await sleep(1500);
    const began = Date.now();
    container.main.kill('SIGTERM');
    expect(await until(() => container.main.exitCode !== null || container.main.signalCode !== null, 5)).toBe(true);
    expect(Date.now() - began).toBeLessThan(2500);
    expect((await execution.done).code).not.toBe(0);
  });
});
