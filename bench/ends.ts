/**
 * node bench/ends.ts [N [SEED]]: N debuggers (50) with a breakpoint armed, halted at it or not, that end in a way drawn by chance, on the
 * cluster of KPROF_E2E_KUBECONFIG: no app may be dead or stand still.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { isAnswering, isFree, restarts } from '../test/e2e/delve-pods.ts';
import { applyGoPods } from '../test/e2e/go-pods.ts';
import { serving } from '../test/e2e/serving.ts';
import { desk, eventually, kubectl, place, type Running } from '../test/e2e/support.ts';
import { attach, type Dap, dap } from '../test/support/dap.ts';

const [count = 50, seed = Date.now() % 100_000] = process.argv.slice(2).map(Number);
const atOnce = 4;

// https://en.wikipedia.org/wiki/Linear_congruential_generator
let state = seed;
const draw = <T>(from: readonly T[]): T => {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return from[Math.floor((state / 2 ** 32) * from.length)] as T;
};

const ground = place('restricted');
const laptop = desk();
const names = Array.from({ length: atOnce }, (_, at) => `app-${at}`);
applyGoPods(ground.namespace, Object.fromEntries(names.map((name) => [name, { args: ['addr=:8080,serve=http'] }])));

type End = (running: Running, client: Dap, pod: string, container: string) => void;

const ends: Readonly<Record<string, End>> = {
  'Ctrl-C': ({ child }) => void child.kill('SIGINT'),
  SIGTERM: ({ child }) => void child.kill('SIGTERM'),
  SIGKILL: ({ child }) => void child.kill('SIGKILL'),
  'the client vanishes': (_, client) => client.vanish(),
  'two at once': ({ child }, client) => {
    client.vanish();
    child.kill('SIGTERM');
  },
  'the debug container is told to end': (_, __, pod, container) => {
    const script = 'kill -TERM $(cut -d " " -f 1 /tmp/kprof/main)';
    kubectl('exec', '-n', ground.namespace, pod, '-c', container, '--', 'sh', '-c', script);
  },
};

/** Empty where the app is as it was. */
async function end(pod: string, how: string, where: string, after: number): Promise<string> {
  const { running, address, container } = await serving(laptop, ground, pod);
  const client = await dap(address);
  // Nobody comes by at the second one: armed, and never hit.
  await attach(client, [where === 'halted' ? 'main.allocate' : 'main.must']);
  if (where === 'halted') await client.event('stopped');
  await sleep(after);
  ends[how]?.(running, client, pod, container);
  const free = await eventually(() => isFree(ground, pod), 65);
  const answers = await eventually(() => isAnswering(ground, pod), 10);
  running.child.kill('SIGKILL');
  const again = restarts(ground, pod);
  return free && answers && again === 0 ? '' : `${free ? '' : 'traced '}${answers ? '' : 'frozen '}${again === 0 ? '' : 'dead'}`;
}

const failures: string[] = [];
const tasks = Array.from({ length: count }, () => [draw(Object.keys(ends)), draw(['halted', 'armed']), draw([0, 10, 100, 700])] as const);
let done = 0;
await Promise.all(
  names.map(async (pod) => {
    for (let task = tasks.shift(); task !== undefined; task = tasks.shift()) {
      const harm = await end(pod, ...task).catch((error: unknown) => `could not be tried: ${error}`);
      done += 1;
      process.stderr.write(`${done} of ${count}: ${task.join(', ')}${harm === '' ? '' : `: ${harm}`}\n`);
      if (harm !== '') failures.push(`${task.join(', ')}: ${harm}`);
    }
  }),
);
ground.remove();
laptop.remove();
process.stdout.write(`${count} ends with seed ${seed}: ${failures.length} dead, frozen or not tried\n${failures.join('\n')}\n`);
process.exitCode = failures.length === 0 ? 0 : 1;
