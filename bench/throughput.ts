/**
 * `KPROF_E2E_KUBECONFIG=FILE node bench/throughput.ts [RUNS]`: what a pod with half a core keeps of its throughput while a file is pulled
 * out of it, by the app's own count. Each run is compared with the moments before and after it, as the machine has other things to do.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { bigFile, puller } from '../test/e2e/big-file.ts';
import { desk, kubectl, place } from '../test/e2e/support.ts';

const runs = Number(process.argv[2] ?? 5);
const pod = 'half-a-core';
const laptop = desk();
const ours = place('baseline');
const pulls = await puller();

/** Loops that the app has done. */
const loops = (): number => Number(/loops=(\d+)\s*$/.exec(kubectl('logs', '-n', ours.namespace, pod, '-c', 'app', '--tail=1'))?.[1]);

async function rate(seconds: number): Promise<number> {
  const [before, began] = [loops(), performance.now()];
  await sleep(seconds * 1000);
  return (loops() - before) / (performance.now() - began);
}

/** Throughput while pulling, of that before and after. */
async function pair(path: string, to: string): Promise<number> {
  const before = await rate(6);
  const pulling = pulls.start(laptop.env, ours.namespace, pod, path, to);
  await pulling.began;
  const during = await rate(6);
  pulling.kill();
  await pulling.moved.catch(() => {}); // killed
  const after = await rate(6);
  return (2 * during) / (before + after);
}

try {
  await ours.applyAs(pod, 'jdk17-root', ({ spec }) => {
    Object.assign(spec.containers[0] as object, {
      command: ['java', '-Xmx64m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-cp', '/app', 'Busy', '200'],
      resources: { limits: { cpu: '500m' } },
    });
  });
  const file = bigFile(ours.namespace, pod, 1024);
  const ratios: number[] = [];
  for (let run = 0; run < runs; run++) {
    const ratio = await pair(file.path, join(laptop.folder, `${run}.partial`));
    ratios.push(ratio);
    process.stdout.write(`${run + 1}: ${ratio.toFixed(3)}\n`);
  }
  const median = ratios.toSorted((one, other) => one - other)[Math.floor(runs / 2)] as number;
  process.stdout.write(`median ${median.toFixed(3)}, wanted at least 0.9\n`);
  if (!(median >= 0.9)) process.exitCode = 1;
} finally {
  pulls.remove();
  ours.remove();
  laptop.remove();
}
