import { afterAll, beforeAll, describe, it } from 'vitest';
import { type Bench, chances, run, seed, sound, startBench } from './bench.ts';
import { type Trial, trials } from './matrix.ts';

let bench: Bench;
beforeAll(async () => {
  process.stderr.write(`fault matrix: KPROF_SEED=${seed}, ${chosen.length} of ${trials.length} fields\n`);
  // Longer than a client needs to come back on a busy machine, and short enough to wait for.
  bench = await startBench({ KPROF_SILENCE: '20', KPROF_RETURN: '15' });
});
afterAll(() => bench?.[Symbol.asyncDispose]());

// KPROF_FAULTS=discover, or 'pull.*RST'
const wanted = new RegExp(process.env['KPROF_FAULTS'] ?? '');
const chosen: readonly Trial[] = trials.filter(({ stage, fault }) => wanted.test(`${stage} ${fault}`));

describe.each([...new Set(chosen.map(({ stage }) => stage))])('at stage %s', (stage) => {
  it.concurrent.each(chosen.filter((each) => each.stage === stage))(
    '$stage: $fault',
    async ({ fault, codes, targetEnds = false, faults }) => {
      const pod = `${stage}-${fault}`.replace(/[^a-z0-9]+/gi, '-').toLowerCase();
      const stand = await bench.stand(pod);
      try {
        const chance = chances(`${stage}/${fault}`);
        bench.sandbox.faults.add(...faults({ pod, proxy: stand.proxy, chance, bytes: bench.jvm.bytes }));
        await sound(stand, await run(stand, stand.desk.start(...stand.argv())), { codes, targetEnds });
      } finally {
        stand.remove();
      }
    },
  );
});
