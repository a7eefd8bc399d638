import { execFile } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { bigFile, type Puller, puller, sha256 } from '../big-file.ts';
import { type Desk, debugContainers, desk, eventually, kubeconfig, type Place, place } from '../support.ts';

let ours: Place;
let laptop: Desk;
let slow: Puller;
let fast: Puller;
const pod = 'jdk17-root';
const half = 'half-a-core';

beforeAll(async () => {
  laptop = desk();
  ours = place('baseline');
  await ours.apply(pod);
  await ours.applyAs(half, pod, ({ spec }) => {
    Object.assign(spec.containers[0] as object, {
      command: ['java', '-Xmx64m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-cp', '/app', 'Busy', '200'],
      resources: { limits: { cpu: '500m' } },
    });
  });
  [fast, slow] = [await puller(), await puller(new URL('../../support/slow-disk.mjs', import.meta.url).pathname)];
});
afterAll(() => {
  fast?.remove();
  slow?.remove();
  ours?.remove();
  laptop?.remove();
});

// In full: KPROF_LARGE_MIB=4096.
const mebibytes = Number(process.env['KPROF_LARGE_MIB'] ?? 512);

it(`moves ${mebibytes} MiB onto a slow disk, verified, in 120 MiB at most`, async () => {
  const file = bigFile(ours.namespace, pod, mebibytes);
  const to = join(laptop.folder, 'random.bin');
  const moved = await slow.start(laptop.env, ours.namespace, pod, file.path, to).moved;
  file.remove();
  expect(moved).toMatchObject({ bytes: mebibytes * 2 ** 20, sha256: file.sha256 });
  expect(await sha256(to)).toBe(file.sha256);
  expect(moved.maxRssMiB).toBeLessThanOrEqual(120);
}, 900_000);

/**
 * Processor time that the debug container used within so many seconds, in nanoseconds, as the kernel counts it: for cgroups of version 1,
 * else 2. One shell reads twice, so that its own start is not counted.
 */
async function used(container: string, seconds: number): Promise<number> {
  const read = 'cat /sys/fs/cgroup/cpuacct/cpuacct.usage 2>/dev/null || sed -n "s/^usage_usec \\(.*\\)/\\1000/p" /sys/fs/cgroup/cpu.stat';
  const script = `${read}; sleep ${seconds}; ${read}`;
  const words = ['--kubeconfig', kubeconfig, 'exec', '-n', ours.namespace, half, '-c', container, '--', 'sh', '-c', script];
  const { stdout } = await promisify(execFile)('kubectl', words);
  const [before = Number.NaN, after = Number.NaN] = stdout.trim().split('\n').map(Number);
  return after - before;
}

// What the app loses is what we use: the kernel gives the pod so much and no more. The app's own count is in bench/throughput.ts, as it
// also tells what else the machine has to do.
it.each([
  ['an image of ours', [], 512, '/tmp', 8],
  // Its own programs sum up what they send; shared memory has 64 MiB.
  ['a stock image', ['--image', 'eclipse-temurin:25-jdk'], 60, '/dev/shm', 4],
] as const)(
  '%s takes a tenth of the processor time of a pod with half a core, at most',
  async (_, flags, size, within, least) => {
    const file = bigFile(ours.namespace, half, size, within);
    const to = join(laptop.folder, `half-${size}.partial`);
    const others = new Set(debugContainers(ours.namespace, half));
    const pulling = fast.start(laptop.env, ours.namespace, half, file.path, to, ...flags);
    await pulling.began;
    expect(await eventually(() => existsSync(to) && statSync(to).size > 2 ** 20, 60)).toBe(true);
    const container = debugContainers(ours.namespace, half).find((each) => !others.has(each)) ?? '';
    const [seconds, began] = [10, statSync(to).size];
    const share = (await used(container, seconds)) / (seconds * 0.5e9);
    const pulled = statSync(to).size - began;
    pulling.kill();
    await pulling.moved.catch(() => {}); // killed
    file.remove();
    process.stdout.write(`share of the pod's processor time: ${share.toFixed(4)}, for ${(pulled / 2 ** 20 / seconds).toFixed(1)} MiB/s\n`);
    expect(pulled).toBeGreaterThan(least * 2 ** 20);
    expect(share).toBeGreaterThan(0);
    expect(share).toBeLessThanOrEqual(0.1);
  },
  200_000,
);
