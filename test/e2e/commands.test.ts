import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ChaosProxy, chaosProxy } from '../support/chaos-proxy.ts';
import {
  type Desk,
  debugContainers,
  desk,
  eventually,
  hasEnded,
  jfr,
  kubeconfig,
  kubectl,
  type Place,
  place,
  recordings,
  vitals,
} from './support.ts';

let ours: Place;
const none = /No available recordings/;
const files = (pod: string) => kubectl('exec', '-n', ours.namespace, pod, '-c', 'app', '--', 'ls', '-a', '/tmp');

beforeAll(() => {
  ours = place('baseline');
});
afterAll(() => ours?.remove());

interface Left {
  readonly id: string;
  readonly state: string;
  readonly pod: string;
  readonly file: string;
}

const list = async (laptop: Desk): Promise<readonly Left[]> => {
  const ended = await laptop.kprof('ls', '-o', 'json');
  expect(ended, ended.stderr).toMatchObject({ code: 0 });
  return (JSON.parse(ended.stdout) as { items: readonly Left[] }).items;
};

/** A recording of a pod of its own, whose kprof is killed in the middle. */
async function killed(laptop: Desk, pod: string): Promise<{ readonly container: string; readonly left: Left }> {
  await ours.applyAs(pod, 'jdk17-root');
  const running = laptop.start('jfr', pod, '-n', ours.namespace, '--duration', '10m');
  await running.until(/recording {2}|starting the recording/);
  const container = debugContainers(ours.namespace, pod)[0] as string;
  expect(await eventually(() => /running/.test(recordings(ours.namespace, pod, container)), 30)).toBe(true);
  expect((await list(laptop)).find((each) => each.pod === pod)).toMatchObject({ state: 'capturing' });
  running.child.kill('SIGKILL');
  await running.ended;
  const left = (await list(laptop)).find((each) => each.pod === pod) as Left;
  expect(left).toMatchObject({ state: 'interrupted' });
  return { container, left };
}

async function throughProxy<T>(work: (proxy: ChaosProxy, flags: readonly string[]) => Promise<T>): Promise<T> {
  const view = ['--kubeconfig', kubeconfig, 'config', 'view', '-o', 'jsonpath={.clusters[0].cluster.server}'];
  const server = new URL(execFileSync('kubectl', view, { encoding: 'utf8' }));
  const proxy = await chaosProxy(server.hostname, Number(server.port));
  try {
    return await work(proxy, ['--server', `https://127.0.0.1:${proxy.port}`, '--insecure-skip-tls-verify']);
  } finally {
    proxy.close();
  }
}

describe.concurrent('after a kprof that was killed', () => {
  it('resume fetches what was finished', async () => {
    const laptop = desk();
    await ours.applyAs('resumed', 'jdk17-root');
    const before = vitals(ours.namespace, 'resumed');
    await throughProxy(async (proxy, flags) => {
      const running = laptop.start('jfr', 'resumed', '-n', ours.namespace, '--duration', '3s', ...flags);
      await running.until(/pulling/);
      proxy.cutAfter(0);
      await sleep(500);
      running.child.kill('SIGKILL');
      await running.ended;
      expect((await list(laptop))[0]).toMatchObject({ state: 'can be resumed' });
      proxy.calm();
      const resumed = await laptop.kprof('resume', '--no-open');
      expect(resumed, resumed.stderr).toMatchObject({ code: 0 });
      // The summary of a capture, its table included.
      expect(resumed.stderr).toMatch(/of recording from [\s\S]*^ *flat .*function\n.*Busy\.hotLoop/m);
      expect(jfr('summary', resumed.stdout.trim())).toMatch(/Duration: \d+ s/);
    });
    expect(await list(laptop)).toEqual([]);
    expect(readdirSync(laptop.folder).filter((name) => name.endsWith('.partial'))).toEqual([]);
    expect(files('resumed')).not.toMatch(/kprof|attach_pid/);
    expect(vitals(ours.namespace, 'resumed')).toEqual(before);
    laptop.remove();
  });

  it('stop ends what it left at once, and resume says that there is nothing to fetch', async () => {
    const laptop = desk();
    const { container, left } = await killed(laptop, 'stopped');
    expect(await laptop.kprof('resume', left.id)).toMatchObject({ code: 5, stdout: '' });
    const stopped = await laptop.kprof('stop', left.id.slice(0, 6));
    expect(stopped, stopped.stderr).toMatchObject({ code: 0, stdout: '' });
    expect(recordings(ours.namespace, 'stopped', container)).toMatch(none);
    expect(files('stopped')).not.toMatch(/kprof|attach_pid/);
    expect(await list(laptop)).toEqual([]);
    const listed = JSON.parse((await laptop.kprof('ls', 'stopped', '-n', ours.namespace, '-o', 'json')).stdout) as { items: unknown[] };
    expect(listed.items).toMatchObject([{ name: container, target: 'app', state: 'runs', ours: true, captures: [] }]);
    expect(await laptop.kprof('stop', 'stopped', '-n', ours.namespace)).toMatchObject({ code: 0 });
    expect(await eventually(() => hasEnded(ours.namespace, 'stopped', container), 10)).toBe(true);
    laptop.remove();
  });

  it('gc cleans up, and ends debug containers that nobody uses', async () => {
    const laptop = desk();
    const { container } = await killed(laptop, 'littered');
    await ours.applyAs('used', 'jdk17-root');
    const running = laptop.start('jfr', 'used', '-n', ours.namespace, '--duration', '10m');
    await running.until(/recording {2}|starting the recording/);
    const inUse = debugContainers(ours.namespace, 'used')[0] as string;
    const collected = await laptop.kprof('gc');
    expect(collected, collected.stderr).toMatchObject({ code: 0, stdout: '' });
    expect(await eventually(() => hasEnded(ours.namespace, 'littered', container), 10)).toBe(true);
    expect(files('littered')).not.toMatch(/kprof|attach_pid/);
    expect(hasEnded(ours.namespace, 'used', inUse)).toBe(false);
    running.child.kill('SIGTERM');
    expect(await running.ended).toMatchObject({ code: 143 });
    expect(await list(laptop)).toEqual([]);
    expect(existsSync(join(laptop.folder, '.state/kprof/captures'))).toBe(true);
    laptop.remove();
  });
});

it('a heap dump that Ctrl-C left in the pod is fetched by resume', async () => {
  const laptop = desk();
  await ours.applyAs('left', 'jdk17-root');
  const before = vitals(ours.namespace, 'left');
  await throughProxy(async (proxy, flags) => {
    const running = laptop.start('heapdump', 'left', '-n', ours.namespace, '-f', 'left.hprof', '--no-open', ...flags);
    await running.until(/dumping the heap/);
    proxy.set({ bytesPerSecond: 100_000 });
    await running.until(/pulling/);
    running.child.kill('SIGINT');
    const ended = await running.ended;
    expect(ended, ended.stderr).toMatchObject({ code: 130, stdout: '', stderr: expect.stringMatching(/kprof resume [0-9a-f]{16}/) });
    proxy.calm();
    const resumed = await laptop.kprof('resume', '--no-open');
    expect(resumed, resumed.stderr).toMatchObject({ code: 0, stdout: `${join(laptop.folder, 'left.hprof')}\n` });
  });
  expect(await list(laptop)).toEqual([]);
  expect(vitals(ours.namespace, 'left')).toEqual(before);
  laptop.remove();
});

it('says what there is not', async () => {
  const laptop = desk();
  expect(await laptop.kprof('ls')).toMatchObject({ code: 0, stdout: '', stderr: expect.stringContaining('No capture') });
  expect(await laptop.kprof('resume')).toMatchObject({ code: 2, stderr: expect.stringContaining('no capture to go on with') });
  expect(await laptop.kprof('resume', 'abcdef')).toMatchObject({ code: 2, stderr: expect.stringContaining('no capture "abcdef"') });
  expect(await laptop.kprof('gc', 'x')).toMatchObject({ code: 2, stderr: expect.stringContaining('"x" is left over') });
  expect(await laptop.kprof('gc')).toMatchObject({ code: 0, stdout: '' });
  expect(await laptop.kprof('stop')).toMatchObject({ code: 2, stderr: expect.stringContaining('kprof ls') });
  expect(await laptop.kprof('stop', 'nowhere', '-n', ours.namespace)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('no pod nowhere'),
  });
  laptop.remove();
});
