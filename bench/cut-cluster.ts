/**
 * `KPROF_E2E_KUBECONFIG=FILE node bench/cut-cluster.ts [MiB] [RUNS]`: pulls an incompressible file out of a pod of a real cluster, each time
 * cut once at a random offset by a proxy before the API server, and prints how many bytes came through it for each byte of the file.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { bigFile, clusterProxy, puller, sha256 } from '../test/e2e/big-file.ts';
import { desk, place } from '../test/e2e/support.ts';

const [mebibytes = '1024', runs = '5'] = process.argv.slice(2);
const size = Number(mebibytes) * 2 ** 20;
const pod = 'cut';
const laptop = desk();
const ours = place('baseline');
const pulls = await puller();
const proxy = await clusterProxy();
let worst = 0;
try {
  await ours.applyAs(pod, 'jdk17-root');
  const file = bigFile(ours.namespace, pod, Number(mebibytes));
  for (let run = 1; run <= Number(runs); run++) {
    const to = join(laptop.folder, `${run}.partial`);
    // The first line of all is for the debug container.
    const at = Math.floor((0.05 + 0.9 * Math.random()) * size);
    const before = proxy.received();
    proxy.cutAfter(at, 'once');
    const moved = await pulls.start(laptop.env, ours.namespace, pod, file.path, to, '--server', proxy.url, '--cores', '4').moved;
    const ratio = (proxy.received() - before) / size;
    worst = Math.max(worst, ratio);
    const same = (await sha256(to)) === file.sha256;
    const resumed = moved.notes?.filter((note) => /resuming/.test(note)).length ?? 0;
    process.stdout.write(
      `${run}: cut at ${at}, resumed ${resumed} times, ${ratio.toFixed(5)} bytes for each; the digest is ${same ? 'the same' : 'ANOTHER ONE'}\n`,
    );
    if (!same || resumed === 0 || ratio > 1.02) process.exitCode = 1;
    rmSync(to);
  }
} finally {
  proxy.close();
  pulls.remove();
  ours.remove();
  laptop.remove();
}
process.stdout.write(`worst: ${worst.toFixed(5)}, wanted at most 1.02\n`);
