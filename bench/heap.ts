// A heap dump of MEBIBYTES (2048) from the cluster of KPROF_E2E_KUBECONFIG: the pause that the app measured itself, held against the announced
// one, and the memory that kprof took. node bench/heap.ts [MEBIBYTES]
import { readFileSync } from 'node:fs';
import { heapDumpOf } from '../src/formats/hprof.ts';
import { announced, heapOf, pauseOf } from '../test/e2e/heaps.ts';
import { desk, eventually, kubectl, place } from '../test/e2e/support.ts';

const say = (text: string): void => void process.stdout.write(`${text}\n`);
const [mebibytes = '2048'] = process.argv.slice(2);
const laptop = desk();
const ours = place('baseline');

/** MiB of a process at its peak, while it lives. */
const peakOf = (pid: number): number => {
  try {
    return Number(/^VmHWM:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
};

try {
  // So much takes its time until it is there.
  await ours.applyAs('heap', 'jdk17-root', heapOf(Number(mebibytes))).catch(() => {});
  if (!(await eventually(() => /stall=/.test(kubectl('logs', '-n', ours.namespace, 'heap', '-c', 'app', '--tail=1')), 900)))
    throw new Error('the app never got there');
  const files = () =>
    kubectl(
      'exec',
      '-n',
      ours.namespace,
      'heap',
      '-c',
      'app',
      '--',
      'sh',
      '-c',
      'du -sk /tmp / --exclude=/proc --exclude=/sys 2>/dev/null',
    );
  const before = files();
  const running = laptop.start('heapdump', 'heap', '-n', ours.namespace, '--no-open', '--yes', '-f', 'heap.hprof');
  let peak = 0;
  const look = setInterval(() => (peak = Math.max(peak, peakOf(running.child.pid ?? 0))), 50);
  const ended = await running.ended;
  clearInterval(look);
  if (ended.code !== 0) throw new Error(ended.stderr);
  const after = files();
  const pause = pauseOf(ours.namespace, 'heap');
  const { classes } = await heapDumpOf(`${laptop.folder}/heap.hprof`);
  say(
    ended.stderr
      .split('\n')
      .filter((line) => /stands|objects/.test(line))
      .join('\n'),
  );
  say(`pause measured by the app ${pause / 1000}s, announced ${announced(ended) / 1000}s: ratio ${(pause / announced(ended)).toFixed(2)}`);
  say(`kprof: ${(ended.took / 1000).toFixed(0)}s, ${peak.toFixed(0)} MiB at its peak; wanted at most 150`);
  if (peak > 150) process.exitCode = 1;
  say(
    `Heap$Known: ${classes.find(({ name }) => name === 'Heap$Known')?.instances}; app: ${/known=\d+/.exec(kubectl('logs', '-n', ours.namespace, 'heap', '-c', 'app', '--tail=1'))}`,
  );
  say(`app's files in KiB before: ${before.trim().replaceAll('\n', ' ')}; after: ${after.trim().replaceAll('\n', ' ')}`);
} finally {
  ours.remove();
  laptop.remove();
}
