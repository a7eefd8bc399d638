// COUNT random kills (client, exec, debug container) of captures of all JVM verbs, on the cluster of KPROF_E2E_KUBECONFIG: no app dead or
// frozen, nothing of ours left. Give a SEED to have the same again: node bench/kills.ts 200 [SEED]
import { type Field, kills, unharmed } from '../test/e2e/kills.ts';
import { desk, place, vitals } from '../test/e2e/support.ts';

const say = (text: string): void => void process.stdout.write(`${text}\n`);
const [count = '200', seed = String(Math.floor(Math.random() * 2 ** 31))] = process.argv.slice(2);
const laptop = desk();
const ours = place('baseline');
try {
  const field: Field = { laptop, namespace: ours.namespace, pods: ['one', 'two', 'three', 'four'] };
  await Promise.all(field.pods.map((pod) => ours.applyAs(pod, 'jdk17-root')));
  const before = new Map(field.pods.map((pod) => [pod, vitals(field.namespace, pod)]));
  const done = await kills(field, Number(count), Number(seed));
  const by = (of: (kill: (typeof done)[number]) => string) =>
    Object.entries(Object.groupBy(done, of))
      .map(([key, some]) => `${key} ${some?.length}`)
      .join(', ');
  say(`${done.length} kills, seed ${seed}`);
  say(`verbs: ${by(({ verb }) => verb)}`);
  say(`victims: ${by(({ victim }) => victim)}`);
  say(`exit codes: ${by(({ code }) => String(code))}`);
  await unharmed(field, before);
  say('apps dead or frozen: 0; recordings, profilers and files of ours left: 0');
} finally {
  ours.remove();
  laptop.remove();
}
