import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { bigFile, type Puller, puller, sha256 } from '../big-file.ts';
import { type Desk, desk, kubectl, type Place, place } from '../support.ts';

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
const mebibytes = Number(process.env['KPROF_LARGE_MIB'] ?? 1024);

it(`moves ${mebibytes} MiB onto a slow disk, verified, in 120 MiB at most`, async () => {
  const file = bigFile(ours.namespace, pod, mebibytes);
  const to = join(laptop.folder, 'random.bin');
  const moved = await slow.start(laptop.env, ours.namespace, pod, file.path, to).moved;
  file.remove();
  expect(moved).toMatchObject({ bytes: mebibytes * 2 ** 20, sha256: file.sha256 });
  expect(await sha256(to)).toBe(file.sha256);
  expect(moved.maxRssMiB).toBeLessThanOrEqual(120);
}, 900_000);

/** Loops that the app has done, by its own count. */
const loops = (): number => Number(/loops=(\d+)\s*$/.exec(kubectl('logs', '-n', ours.namespace, half, '-c', 'app', '--tail=1'))?.[1]);

async function rate(seconds: number): Promise<number> {
  const [before, began] = [loops(), performance.now()];
  await sleep(seconds * 1000);
  return (loops() - before) / (performance.now() - began);
}

// A tenth, by the median of pairs that follow one another closely: the machine has other things to do.
it('leaves a pod with half a core nine tenths of its throughput', async () => {
  const file = bigFile(ours.namespace, half, 1024);
  const ratios: number[] = [];
  for (let run = 0; run < 5; run++) {
    const before = await rate(6);
    const pulling = fast.start(laptop.env, ours.namespace, half, file.path, join(laptop.folder, `half-${run}.partial`));
    await pulling.began;
    const during = await rate(6);
    pulling.kill();
    await pulling.moved.catch(() => {}); // killed
    const after = await rate(6);
    ratios.push((2 * during) / (before + after));
  }
  const median = ratios.toSorted((one, other) => one - other)[2] as number;
  process.stdout.write(`throughput while pulling, of that before and after: ${ratios.map((ratio) => ratio.toFixed(3)).join(' ')}\n`);
  expect(median).toBeGreaterThanOrEqual(0.9);
}, 400_000);
