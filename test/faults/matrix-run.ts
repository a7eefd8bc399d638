/** Runs fields of the matrix, all at once. */
import { afterAll, beforeAll, describe, it } from 'vitest';
import { type Bench, chances, run, seed, sound, startBench } from './bench.ts';
import { type Trial, trials } from './matrix.ts';

/** Which fields: those of a pattern (KPROF_FAULTS='pull.*RST'), all of them (KPROF_FAULTS=.), or by the seed about a third of each stage. */
const wanted = process.env['KPROF_FAULTS'];
const isDrawn = ({ stage, fault }: Trial) => chances(`is ${stage}/${fault} tried`)() < 0.35;
const isWanted = wanted === undefined ? isDrawn : ({ stage, fault }: Trial) => new RegExp(wanted).test(`${stage} ${fault}`);

/** Makes a test of each that is wanted among them. */
export function runMatrix(name: string, isMeant: (trial: Trial) => boolean): void {
  const meant = trials.filter(isMeant);
  const chosen = meant.filter(isWanted);
  let bench: Bench;
  beforeAll(async () => {
    process.stderr.write(`${name}: KPROF_SEED=${seed}, ${chosen.length} of ${meant.length} fields\n`);
    // Longer than a client needs to come back on a busy machine, and short enough to wait for.
    bench = await startBench({ KPROF_SILENCE: '20', KPROF_RETURN: '15' });
  });
  afterAll(() => bench?.[Symbol.asyncDispose]());

  describe.concurrent.each([...new Set(chosen.map(({ stage }) => stage))])('at stage %s', (stage) => {
    it.each(chosen.filter((each) => each.stage === stage))('$stage: $fault', (trial) => tryField(bench, trial));
  });
  if (chosen.length === 0) it('has drawn none of them', () => {});
}

async function tryField(bench: Bench, { stage, fault, codes, targetEnds = false, argv, faults }: Trial): Promise<void> {
  const pod = `${stage}-${fault}`
    .replace(/[^a-z0-9]+/gi, '-')
    .toLowerCase()
    .slice(0, 63);
  const stand = await bench.stand(pod);
  try {
    const chance = chances(`${stage}/${fault}`);
    bench.sandbox.faults.add(...faults({ pod, proxy: stand.proxy, chance, bytes: bench.jvm.bytes }));
    await sound(stand, await run(stand, stand.desk.start(...stand.argv(...argv))), { codes, targetEnds });
  } finally {
    stand.remove();
  }
}
