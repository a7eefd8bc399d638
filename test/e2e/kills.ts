/** Random kills of captures of all verbs: what may be left of them, and what may not. */
import { deepEqual, ok } from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { random } from '../sandbox/faults.ts';
import { verbs } from './jvm-verbs.ts';
import { type Desk, debugContainers, eventually, hasEnded, kubectl, type Running, recordings, vitals } from './support.ts';

const victims = ['client', 'exec', 'container'] as const;
/** What is killed: kprof itself, what it runs in the pod, or the debug container. */
export type Victim = (typeof victims)[number];

/** One kill, as it is told. */
export interface Kill {
  readonly pod: string;
  readonly verb: string;
  readonly victim: Victim;
  /** Milliseconds after the start. */
  readonly after: number;
  readonly code: number | null;
}

/** Pods that are captured from, and killed around. */
export interface Field {
  /** Of the user, who comes back. */
  readonly laptop: Desk;
  readonly namespace: string;
  readonly pods: readonly string[];
}

const tool =
  'for p in /proc/[0-9]*; do case $(tr "\\0" " " <$p/cmdline 2>/dev/null) in jattach*|"inroot "*|zstd*) kill -KILL ${p#/proc/};; esac; done; true';
const main = 'IFS=" " read -r pid _ </tmp/kprof/main; kill -KILL $pid';

/** Kills something of it; whatever was not there any more is no trouble. */
function kill(field: Field, pod: string, victim: Victim, running: Running): void {
  if (victim === 'client') return void running.child.kill('SIGKILL');
  const container = debugContainers(field.namespace, pod).findLast((name) => !hasEnded(field.namespace, pod, name));
  if (container === undefined) return void running.child.kill('SIGKILL');
  try {
    kubectl('exec', '-n', field.namespace, pod, '-c', container, '--', 'sh', '-c', victim === 'exec' ? tool : main);
  } catch {} // it ended just now
}

async function once(field: Field, pod: string, chance: () => number): Promise<Kill> {
  const pick = <T>(some: readonly T[]): T => some[Math.floor(chance() * some.length)] as T;
  const verb = pick(verbs);
  const victim = pick(victims);
  const after = Math.round(200 + chance() * 5000);
  const [name = '', , ...more] = verb.argv(pod);
  const rest = more.map((word) => (word === '1s' ? '5s' : word));
  const running = field.laptop.start(name, pod, '-n', field.namespace, '--no-open', ...rest);
  const late = setTimeout(() => running.child.kill('SIGKILL'), 150_000);
  await Promise.race([sleep(after), running.ended]);
  kill(field, pod, victim, running);
  const { code } = await running.ended;
  clearTimeout(late);
  return { pod, verb: verb.name, victim, after, code };
}

/** Performs so many kills, the pods side by side. */
export async function kills(field: Field, count: number, seed: number): Promise<readonly Kill[]> {
  let left = count;
  const done: Kill[] = [];
  const work = async (pod: string, index: number) => {
    const chance = random(seed + index);
    while (left-- > 0) done.push(await once(field, pod, chance));
  };
  await Promise.all(field.pods.map(work));
  return done;
}

/** What must hold of the pods, a minute after all that at the latest. */
export async function unharmed({ laptop, namespace, pods }: Field, before: ReadonlyMap<string, ReturnType<typeof vitals>>): Promise<void> {
  const latest = Date.now() + 60_000;
  const left = () => Math.max(1, (latest - Date.now()) / 1000);
  for (const pod of pods) {
    const { restarts, started } = vitals(namespace, pod);
    deepEqual([restarts, started], [before.get(pod)?.restarts, before.get(pod)?.started], `${pod} was restarted`);
    const lines = () => kubectl('logs', '-n', namespace, pod, '-c', 'app').split('\n').length;
    const seen = lines();
    ok(await eventually(() => lines() > seen, 30), `${pod} prints no more`);
    // Whoever profiles finds it free.
    let said = '';
    const profiled = async () => {
      const { code, stderr } = await laptop.kprof('asprof', pod, '-n', namespace, '--duration', '1s', '--no-open');
      said = stderr;
      return code === 0;
    };
    // A profiler of a kprof that was killed just now goes on until the lease is over, as a recording does.
    ok(await eventually(profiled, left()), said);
    // There is a debug container now to ask from, whatever was killed.
    ok(await eventually(() => !/kprof/.test(recordingsOf(namespace, pod)), left()), `${pod}: ${recordingsOf(namespace, pod)}`);
    await laptop.kprof('stop', pod, '-n', namespace);
  }
  for (const pod of pods) {
    const gone = () => {
      for (const name of debugContainers(namespace, pod).filter((each) => !hasEnded(namespace, pod, each))) end(namespace, pod, name);
      return debugContainers(namespace, pod).every((name) => hasEnded(namespace, pod, name));
    };
    ok(await eventually(gone, 30), `${pod} still has a debug container`);
    const files = kubectl('exec', '-n', namespace, pod, '-c', 'app', '--', 'ls', '-a', '/tmp', '/dev/shm');
    ok(!files.includes('kprof'), `${pod}: ${files}`);
  }
}

function recordingsOf(namespace: string, pod: string): string {
  const container = debugContainers(namespace, pod).findLast((name) => !hasEnded(namespace, pod, name));
  try {
    return container === undefined ? 'kprof has no container there' : recordings(namespace, pod, container);
  } catch {
    return 'kprof can not tell';
  }
}

function end(namespace: string, pod: string, container: string): void {
  try {
    kubectl('exec', '-n', namespace, pod, '-c', container, '--', 'sh', '/tmp/kprof/run', 'end');
  } catch {} // it ended just now
}
