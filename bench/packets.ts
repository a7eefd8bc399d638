/**
 * `KPROF_E2E_KUBECONFIG=FILE node bench/packets.ts [SECONDS]`: captures the highest rate of packets that this machine makes between two
 * pods, into files that are rotated; and what an app with half a core keeps of its throughput while a filter keeps a capture beside it small.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { captureFlood, flood, mostMebibytes } from '../test/e2e/flood.ts';
import { applyNetPods } from '../test/e2e/net-pods.ts';
import { desk, kubectl, place } from '../test/e2e/support.ts';

const seconds = Number(process.argv[2] ?? 120);
const laptop = desk();
const ours = place('baseline');
const busy = 'half-a-core';

/** Loops that the app has done. */
const loops = (): number => Number(/loops=(\d+)\s*$/.exec(kubectl('logs', '-n', ours.namespace, busy, '-c', 'app', '--tail=1'))?.[1]);

async function rate(time: number): Promise<number> {
  const [before, began] = [loops(), performance.now()];
  await sleep(time * 1000);
  return (loops() - before) / (performance.now() - began);
}

/** Throughput while capturing, of that before and after, all of it during a flood. */
async function share(): Promise<number> {
  const flooding = flood(ours.namespace, 'client', busy, 32);
  await sleep(3000);
  const before = await rate(7);
  const running = laptop.start('pcap', '-n', ours.namespace, busy, '-i', 'eth0', '-f', `${laptop.folder}/`, '--no-open', 'tcp port 1');
  await running.until(/until Ctrl-C/);
  const during = await rate(7);
  running.child.kill('SIGINT');
  await running.ended;
  const after = await rate(7);
  await flooding;
  return (2 * during) / (before + after);
}

try {
  applyNetPods(ours.namespace, { web: {}, client: { command: ['node', '-e', 'setInterval(() => {}, 1e6)'] } });
  for (const headers of [false, true]) {
    const { packets, received, dropped, inFiles, files, peak, code } = await captureFlood(laptop, ours.namespace, {
      seconds,
      bytes: '50MB',
      headers,
    });
    const sound = code === 0 && inFiles === packets;
    process.stdout.write(
      `${headers ? 'headers' : 'all'}: ${Math.round(packets / seconds)} of ${Math.round(received / seconds)} packets a second, ${dropped} dropped, ${files} files, ${sound ? 'sound' : 'NOT SOUND'}, ${Math.round(peak)} MiB of at most ${mostMebibytes}\n`,
    );
    if (!sound || peak > mostMebibytes) process.exitCode = 1;
  }
  await ours.applyAs(busy, 'jdk17-root', ({ spec }) => {
    Object.assign(spec.containers[0] as object, {
      command: ['java', '-Xmx64m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-cp', '/app', 'Busy', '200'],
      resources: { limits: { cpu: '500m' } },
    });
  });
  const ratios = [await share(), await share(), await share()].sort((one, other) => one - other);
  process.stdout.write(`throughput of the app: ${ratios.map((ratio) => ratio.toFixed(3)).join(', ')}; wanted at least 0.9\n`);
  if (!((ratios[1] as number) >= 0.9)) process.exitCode = 1;
} finally {
  ours.remove();
  laptop.remove();
}
