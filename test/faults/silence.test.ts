/** Lines that say nothing any more, and lines that nobody leaves in peace; with the script's own times. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { When } from '../sandbox/faults.ts';
import { surely } from '../support/verdict.ts';
import { type Bench, execs, run, sound, startBench } from './bench.ts';

let bench: Bench;
beforeAll(async () => {
  bench = await startBench({});
});
afterAll(() => bench?.[Symbol.asyncDispose]());

const silent: readonly (readonly [stage: string, when: (pod: string) => When])[] = [
  ['resolve', (pod) => ({ verb: 'get', path: new RegExp(`/pods/${pod}$`), nth: 1 })],
  ['inject', (pod) => ({ verb: 'patch', path: new RegExp(`/pods/${pod}/ephemeralcontainers`), nth: 1 })],
  ['wait', (pod) => ({ verb: 'watch', path: new RegExp(`metadata.name=${pod}(&|$)`), nth: 1 })],
  ['discover', (pod) => ({ ...execs(pod, 'look'), nth: 1 })],
  ['lease', (pod) => ({ ...execs(pod, 'hold'), nth: 1 })],
  ['start', (pod) => ({ ...execs(pod, 'step'), nth: 2 })],
  ['stop', (pod) => ({ ...execs(pod, 'step'), nth: 3 })],
  ['pull', (pod) => ({ ...execs(pod, 'pull'), nth: 1 })],
];

/** Whatever says of a line that it is gone, or that nothing came of what was asked. */
const tells = /^(The line to the pod is lost|.*no byte came|error: ).*$/m;

describe.concurrent('all lines fall silent', () => {
  it.each(silent)('at stage %s: noticed within 61 s, and said or replaced', async (stage, when) => {
    const stand = await bench.stand(`silent-${stage}`);
    const after = stage === 'pull' ? Math.floor(bench.jvm.bytes / 2) : 0;
    let [since, noticed] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
    const notice = () => {
      // What was asked at the same time tells nothing.
      if (performance.now() > since + 1000) noticed = Math.min(noticed, performance.now());
    };
    const silence = () => {
      since = performance.now();
      stand.proxy.silence('once');
    };
    // Who asks again has noticed, too.
    const again = { path: new RegExp(`/pods/${stand.pod}|metadata.name=${stand.pod}(&|$)`) };
    bench.sandbox.faults.add(
      { when: when(stand.pod), fault: 'happen', after, what: silence },
      { when: again, fault: 'happen', after: 0, what: notice },
    );
    const kprof = stand.desk.start(...stand.argv());
    kprof.child.stderr?.on('data', () => tells.test(kprof.stderr()) && notice());
    const outcome = await run(stand, kprof);
    // Before anything was begun it is left to the person to try again.
    await sound(stand, outcome, { codes: [stage === 'resolve' ? 6 : 0] });
    expect(noticed - since, outcome.ended.stderr).toBeGreaterThan(0);
    expect(noticed - since, outcome.ended.stderr).toBeLessThanOrEqual(61_000);
    process.stdout.write(`${stage}: noticed after ${((noticed - since) / 1000).toFixed(1)}s\n`);
    expect(outcome.ended.took).toBeLessThan(90_000);
    stand.remove();
  });
});

it.concurrent('a proxy that cuts what is idle is never given the time', async () => {
  const stand = await bench.stand('idle');
  stand.proxy.set({ idle: 12_000 });
  const outcome = await run(stand, stand.desk.start(...stand.argv('--duration', '30s')));
  expect(outcome.ended.stderr).not.toMatch(/line to the pod/);
  await sound(stand, outcome, { codes: [0] });
  stand.remove();
});

it.concurrent('a slow line brings all of it', async () => {
  const stand = await bench.stand('slow');
  stand.proxy.set({ latency: 150, bytesPerSecond: 400_000 });
  await sound(stand, await run(stand, stand.desk.start(...stand.argv())), { codes: [0] });
  stand.remove();
});

it.concurrent('two kprofs on one pod both get what they asked for', async () => {
  const stand = await bench.stand('two');
  const second = { ...stand, desk: stand.desk };
  const argv = stand.argv('--duration', '3s');
  const outcomes = await Promise.all(
    ['one', 'other'].map((name) => run(second, stand.desk.start(...argv.map((word) => (word === 'it.jfr' ? `${name}.jfr` : word))))),
  );
  for (const { ended, unharmed } of outcomes) {
    await surely(() => expect(unharmed, ended.stderr).toBe(true));
    expect(ended.code, ended.stderr).toBe(0);
  }
  stand.remove();
});
