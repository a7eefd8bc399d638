import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { type Holding, hold } from '../../src/remote/lease.ts';
import { ask, step } from '../../src/remote/remote.ts';
import { type LocalContainer, localContainer } from '../support/local-container.ts';
import { shells, until } from '../support/shells.ts';

const signal = new AbortController().signal;
const bounds = { what: 'do it', signal };

describe.concurrent.each(shells)('a lease, in %s', (_, path) => {
  const begin = async (onTestFinished: (over: () => Promise<void>) => void, more: Partial<Holding> = {}) => {
    const container = localContainer({ ttl: 600, first: 60, cap: 600 }, path);
    const folder = mkdtempSync(join(tmpdir(), 'kprof-undo-'));
    onTestFinished(async () => {
      await container.end();
      rmSync(folder, { recursive: true });
    });
    return { container, folder, lease: await hold(container, 'c1', { ttl: 600, signal, ...more }) };
  };
  const captures = (container: LocalContainer) => readdirSync(join(container.dir, 'captures'));
  const pidOf = (container: LocalContainer) => Number(readFileSync(join(container.dir, 'captures/c1/holder'), 'utf8').split(' ')[0]);

  it('that is done undoes nothing and removes the files', async ({ onTestFinished }) => {
    const { container, folder, lease } = await begin(onTestFinished);
    const [undone, removed] = [join(folder, 'undone'), join(folder, 'removed')];
    await step(lease, { name: '00000.litter', undo: ['touch', removed], run: ['true'] }, bounds);
    await step(lease, { name: '00001.undo', undo: ['touch', undone], run: ['true'] }, bounds);
    expect(await lease.end('done')).toBe(true);
    expect([existsSync(undone), existsSync(removed), captures(container)]).toEqual([false, true, []]);
  });

  it('that is given up undoes the newest step first', async ({ onTestFinished }) => {
    const { folder, lease } = await begin(onTestFinished);
    const log = join(folder, 'log');
    for (const name of ['00000.litter', '00001.undo', '00002.undo', '00011.undo'])
      await step(lease, { name, undo: ['sh', '-c', `echo ${name} >>${log}`], run: ['true'] }, bounds);
    expect(await lease.end('abort')).toBe(true);
    expect(readFileSync(log, 'utf8')).toBe('00011.undo\n00002.undo\n00001.undo\n00000.litter\n');
  });

  it('that is given up ends the step that runs, before it undoes', async ({ onTestFinished }) => {
    const { folder, lease } = await begin(onTestFinished);
    const log = join(folder, 'log');
    const run = ['sh', '-c', `trap 'echo ended >>${log}; exit 1' TERM; touch ${folder}/runs; while :; do sleep 0.1; done`] as const;
    const stop = new AbortController();
    const stopped = step(
      lease,
      { name: '00001.undo', undo: ['sh', '-c', `echo undone >>${log}`], run },
      { ...bounds, signal: stop.signal },
    );
    expect(await until(() => existsSync(join(folder, 'runs')), 5)).toBe(true);
    stop.abort(new Error('given up'));
    await expect(stopped).rejects.toThrow('given up');
    expect(await lease.end('abort')).toBe(true);
    expect(readFileSync(log, 'utf8')).toBe('ended\nundone\n');
  });

  it('is held for as long as the client is there', { timeout: 30_000 }, async ({ onTestFinished }) => {
    const { lease } = await begin(onTestFinished);
    await sleep(12_000); // Longer than two beats, and than the silence that ends it here.
    expect(lease.lost.aborted).toBe(false);
    expect(await lease.end('done')).toBe(true);
  });

  it('tells when it is lost', { timeout: 20_000 }, async ({ onTestFinished }) => {
    const gone = new AbortController();
    const { container, lease } = await begin(onTestFinished, { gone: gone.signal });
    container.main.kill('SIGTERM');
    gone.abort(new Error('the pod is gone'));
    expect(await until(() => lease.lost.aborted, 10)).toBe(true);
    expect(await lease.end('abort')).toBe(false);
  });

  it('comes back when the line was cut, and the step goes on', { timeout: 30_000 }, async ({ onTestFinished }) => {
    const said: boolean[] = [];
    const { container, folder, lease } = await begin(onTestFinished, { onLine: (up) => void said.push(up) });
    const undo = ['touch', join(folder, 'undone')] as const;
    const run = ['sh', '-c', `echo once >>${folder}/runs; sleep 3; echo out; echo err >&2`] as const;
    const answer = step(lease, { name: '00001.undo', undo, run }, bounds);
    expect(await until(() => existsSync(join(folder, 'runs')), 5)).toBe(true);
    container.cut();
    expect(await answer).toBe('out\n');
    expect(await until(() => said.length >= 2, 10)).toBe(true);
    expect(said.slice(0, 2)).toEqual([false, true]);
    await sleep(6000); // Longer than the pod waits for who is gone.
    expect([existsSync(join(folder, 'undone')), readFileSync(join(folder, 'runs'), 'utf8')]).toEqual([false, 'once\n']);
    expect(await lease.end('done')).toBe(true);
    expect(captures(container)).toEqual([]);
  });

  it('lets who is away too long go on with the files, once all has run', { timeout: 20_000 }, async ({ onTestFinished }) => {
    const { container, lease } = await begin(onTestFinished);
    const back = async () => {
      writeFileSync(join(container.dir, 'captures/c1/undone'), '');
      const before = pidOf(container);
      container.cut();
      await until(() => lease.lost.aborted || pidOf(container) !== before, 10);
      await lease.back();
    };
    lease.finished();
    await back();
    expect(await lease.end('done')).toBe(true);
    const late = await begin(onTestFinished);
    writeFileSync(join(late.container.dir, 'captures/c1/undone'), '');
    late.container.cut();
    expect(await until(() => late.lease.lost.aborted, 10)).toBe(true);
    await expect(late.lease.back()).rejects.toThrow('The pod has ended the capture');
  });

  it.for(['done', 'abort'] as const)('takes the files away when the line is lost with the word %s', async (word, { onTestFinished }) => {
    const { container, folder, lease } = await begin(onTestFinished);
    const [undone, removed] = [join(folder, 'undone'), join(folder, 'removed')];
    await step(lease, { name: '00000.litter', undo: ['touch', removed], run: ['true'] }, bounds);
    await step(lease, { name: '00001.undo', undo: ['touch', undone], run: ['true'] }, bounds);
    container.drop(word);
    expect(await lease.end(word)).toBe(true);
    expect([existsSync(undone), existsSync(removed), captures(container)]).toEqual([word === 'abort', true, []]);
  });

  it('is at its end when the line is lost after the pod has heard', async ({ onTestFinished }) => {
    const { container, folder, lease } = await begin(onTestFinished);
    const remove = ['sh', '-c', `sleep 2; echo removed >>${folder}/log`] as const;
    await step(lease, { name: '00000.litter', undo: remove, run: ['true'] }, bounds);
    const ended = lease.end('done');
    expect(await until(() => existsSync(join(container.dir, 'captures/c1/ended')), 10)).toBe(true);
    container.cut();
    expect(await ended).toBe(true);
    expect([captures(container), readFileSync(join(folder, 'log'), 'utf8')]).toEqual([[], 'removed\n']);
  });

  it('is no idleness, however short the time for that is', { timeout: 20_000 }, async ({ onTestFinished }) => {
    const container = localContainer({ ttl: 600, first: 60, cap: 600 }, path);
    onTestFinished(() => container.end());
    const lease = await hold(container, 'c1', { ttl: 1, signal });
    await sleep(4000); // Until the second beat.
    expect(await lease.end('done')).toBe(true);
    expect(await until(() => container.main.exitCode !== null, 10)).toBe(true);
  });

  it('keeps the time that was promised to it, whoever else comes', { timeout: 20_000 }, async ({ onTestFinished }) => {
    const { container, lease } = await begin(onTestFinished);
    lease.leave();
    const other = await hold(container, 'c2', { ttl: 1, signal });
    expect(await other.end('done')).toBe(true);
    await sleep(4000);
    expect([container.main.exitCode, captures(container)]).toEqual([null, ['c1']]);
  });

  it('comes back when its holder was killed in the pod', { timeout: 20_000 }, async ({ onTestFinished }) => {
    const { container, lease } = await begin(onTestFinished);
    const first = pidOf(container);
    process.kill(first, 'SIGKILL');
    expect(await until(() => existsSync(join(container.dir, 'captures/c1/holder')) && pidOf(container) !== first, 10)).toBe(true);
    expect(await lease.end('done')).toBe(true);
  });

  it('that nobody comes back to is undone, and its files go when the container ends', { timeout: 20_000 }, async ({ onTestFinished }) => {
    const { container, folder, lease } = await begin(onTestFinished);
    const [undone, removed] = [join(folder, 'un done'), join(folder, 'removed')];
    await step(lease, { name: '00000.litter', undo: ['touch', removed], run: ['true'] }, bounds);
    await step(lease, { name: '00001.undo', undo: ['touch', undone], run: ['true'] }, bounds);
    lease.leave();
    expect(await until(() => existsSync(undone), 1.5)).toBe(false);
    expect(await until(() => existsSync(undone), 10)).toBe(true);
    expect(existsSync(removed)).toBe(false);
    container.main.kill('SIGTERM');
    expect(await until(() => existsSync(removed), 5)).toBe(true);
  });

  it('is undone when its holder was killed and nobody comes back', { timeout: 20_000 }, async ({ onTestFinished }) => {
    const { container, folder, lease } = await begin(onTestFinished);
    await step(lease, { name: '00001.undo', undo: ['touch', join(folder, 'undone')], run: ['true'] }, bounds);
    container.silence();
    process.kill(pidOf(container), 'SIGKILL');
    expect(await until(() => existsSync(join(folder, 'undone')), 12)).toBe(true);
  });

  it('is undone when the line is silent', { timeout: 30_000 }, async ({ onTestFinished }) => {
    const { container, folder, lease } = await begin(onTestFinished);
    const undone = join(folder, 'undone');
    await step(lease, { name: '00001.undo', undo: ['touch', undone], run: ['true'] }, bounds);
    container.silence();
    expect(await until(() => existsSync(undone), 1.5)).toBe(false);
    expect(await until(() => existsSync(undone), 20)).toBe(true);
  });

  it('can be taken again by who comes later, who is told that it was undone', { timeout: 20_000 }, async ({ onTestFinished }) => {
    const { container, folder, lease } = await begin(onTestFinished);
    const [undone, removed] = [join(folder, 'undone'), join(folder, 'removed')];
    await step(lease, { name: '00000.litter', undo: ['touch', removed], run: ['true'] }, bounds);
    await step(lease, { name: '00001.undo', undo: ['touch', undone], run: ['true'] }, bounds);
    lease.leave();
    const early = await hold(container, 'c1', { ttl: 600, signal, again: true });
    expect(early.undone).toBe(false);
    early.leave();
    expect(await until(() => existsSync(undone), 10)).toBe(true);
    const late = await hold(container, 'c1', { ttl: 600, signal, again: true });
    expect(late.undone).toBe(true);
    expect(await late.end('done')).toBe(true);
    expect([existsSync(removed), captures(container)]).toEqual([true, []]);
    await expect(hold(container, 'c1', { ttl: 600, signal, again: true })).rejects.toMatchObject({ failure: 'gone' });
  });

  it('tries again what could not be removed', { timeout: 40_000 }, async ({ onTestFinished }) => {
    const { folder, container, lease } = await begin(onTestFinished);
    const removed = join(folder, 'removed');
    const remove = ['sh', '-c', `test -e ${folder}/now && touch ${removed}`] as const;
    await step(lease, { name: '00000.litter', undo: remove, run: ['true'] }, bounds);
    const ended = lease.end('done');
    await sleep(2000);
    expect(existsSync(removed)).toBe(false);
    writeFileSync(join(folder, 'now'), '');
    expect(await ended).toBe(true);
    expect([existsSync(removed), captures(container)]).toEqual([true, []]);
  });

  it('leaves to the supervisor what could not be removed in time', { timeout: 60_000 }, async ({ onTestFinished }) => {
    const { folder, lease } = await begin(onTestFinished);
    const removed = join(folder, 'removed');
    const remove = ['sh', '-c', `test -e ${folder}/now && touch ${removed}`] as const;
    await step(lease, { name: '00000.litter', undo: remove, run: ['true'] }, bounds);
    expect(await lease.end('done')).toBe(false);
    writeFileSync(join(folder, 'now'), '');
    expect(await until(() => existsSync(removed), 15)).toBe(true);
  });

  it('is listed, and can be dropped', { timeout: 20_000 }, async ({ onTestFinished }) => {
    const { container, folder, lease } = await begin(onTestFinished);
    const list = async () => (await ask(container, ['list'], bounds)).stdout;
    await step(lease, { name: '00000.litter', undo: ['touch', join(folder, 'removed')], run: ['true'] }, bounds);
    await step(lease, { name: '00001.undo', undo: ['touch', join(folder, 'undone')], run: ['true'] }, bounds);
    expect(await list()).toBe('c1 held\n');
    lease.leave();
    expect(await until(() => existsSync(join(container.dir, 'captures/c1/orphan')), 5)).toBe(true);
    expect(await list()).toBe('c1 orphan\n');
    expect((await ask(container, ['drop', 'c1'], bounds)).code).toBe(0);
    expect([existsSync(join(folder, 'undone')), existsSync(join(folder, 'removed')), await list()]).toEqual([true, true, '']);
  });

  it('is not undone for the note of a holder who was slow to leave', async ({ onTestFinished }) => {
    const { container, folder, lease } = await begin(onTestFinished);
    const [undone, note] = [join(folder, 'undone'), join(container.dir, 'captures/c1/orphan')];
    await step(lease, { name: '00001.undo', undo: ['touch', undone], run: ['true'] }, bounds);
    writeFileSync(note, '0\n');
    expect(await until(() => !existsSync(note), 5)).toBe(true);
    expect([(await ask(container, ['list'], bounds)).stdout, existsSync(undone)]).toEqual(['c1 held\n', false]);
  });

  it('has no step when nobody holds it', async ({ onTestFinished }) => {
    const { container, lease } = await begin(onTestFinished);
    await ask(container, ['drop', 'c1'], bounds);
    const late = step(lease, { name: '00001.undo', undo: undefined, run: ['true'] }, bounds);
    await expect(late).rejects.toThrow('The pod has ended the capture');
  });

  it('ends with the container that is told to end', { timeout: 20_000 }, async ({ onTestFinished }) => {
    const { container, folder, lease } = await begin(onTestFinished);
    await step(lease, { name: '00001.undo', undo: ['touch', join(folder, 'undone')], run: ['true'] }, bounds);
    await ask(container, ['end'], bounds);
    expect(await until(() => existsSync(join(folder, 'undone')), 5)).toBe(true);
  });
});
