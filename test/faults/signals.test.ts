import { createHash } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Fault } from '../sandbox/faults.ts';
import { until } from '../support/shells.ts';
import { surely } from '../support/verdict.ts';
import { type Bench, execs, type Promises, run, type Stand, sound, startBench } from './bench.ts';
import { type InTerminal, startInTerminal } from './terminal.ts';

let bench: Bench;
beforeAll(async () => {
  bench = await startBench({ KPROF_SILENCE: '20', KPROF_RETURN: '5' });
});
afterAll(() => bench?.[Symbol.asyncDispose]());

/** Tells when a request came that it matches. */
class Bell extends RegExp {
  rung = false;
  #left: number;
  constructor(pattern: RegExp | string, nth = 1) {
    super(pattern);
    this.#left = nth;
  }
  ring(): void {
    this.rung = true;
  }
  override test(text: string): boolean {
    const found = super.test(text);
    if (found && --this.#left === 0) this.ring();
    return found;
  }
}

/** A stage that lasts, and when it has begun; `cut` breaks all lines. */
type Stage = (
  pod: string,
  cut: () => void,
) => {
  readonly bell: Bell;
  readonly faults: readonly Fault[];
  readonly argv?: readonly string[];
  /** It is another capture: its words, in the place of those of `jfr`. */
  readonly other?: (words: readonly string[]) => readonly string[];
};

const long = 10_000;
const lasting =
  (path: (pod: string) => RegExp, more: { verb?: string; nth?: number } = {}): Stage =>
  (pod) => {
    const bell = new Bell(path(pod));
    return { bell, faults: [{ when: { ...more, path: bell }, fault: 'delay', milliseconds: long }] };
  };
const exec = (verb: string) => (pod: string) => execs(pod, verb).path;

const slowly: Stage = (pod) => {
  const bell = new Bell(execs(pod, 'pull').path);
  return { bell, faults: [{ when: { path: bell, nth: 1 }, fault: 'pace', bytesPerSecond: 300_000 }] };
};

const stages = {
  resolve: lasting((pod) => new RegExp(`/pods/${pod}$`), { verb: 'get', nth: 1 }),
  inject: lasting((pod) => new RegExp(`/pods/${pod}/ephemeralcontainers`), { verb: 'patch' }),
  // An image that never arrives.
  wait: (pod) => ({
    bell: new Bell(`/pods/${pod}/ephemeralcontainers`),
    faults: [],
    argv: ['--image', 'registry.local/containercreating:1'],
  }),
  // Only the first time: who asks again is answered.
  discover: lasting(exec('look'), { nth: 1 }),
  lease: lasting(exec('hold'), { nth: 1 }),
  prepare: lasting((pod) => new RegExp(`${execs(pod, 'step').path.source}.*00000`), { nth: 1 }),
  start: lasting((pod) => new RegExp(`${execs(pod, 'step').path.source}.*00001`), { nth: 1 }),
  record: (pod) => ({ bell: new Bell(`${execs(pod, 'step').path.source}.*00001`), faults: [], argv: ['--duration', '2m'] }),
  stop: lasting((pod) => new RegExp(`${execs(pod, 'step').path.source}.*00003`), { nth: 1 }),
  pull: slowly,
  // All of it is here, and what proves that comes slowly.
  verify: (pod) => {
    const bell = new Bell('$^');
    const when = { path: execs(pod, 'pull').path, nth: 1 };
    const { bytes } = bench.jvm;
    return {
      bell,
      faults: [
        { when, fault: 'pace', bytesPerSecond: 20, from: bytes },
        { when, fault: 'happen', after: bytes, what: () => bell.ring() },
      ],
    };
  },
  // The line that the last word is said on was lost, and the next one is late.
  'clean-up': (pod, cut) => {
    const bell = new Bell(execs(pod, 'pull').path, 2);
    const { bytes } = bench.jvm;
    return {
      bell,
      faults: [
        { when: { ...execs(pod, 'pull'), nth: 1 }, fault: 'happen', after: bytes, what: cut },
        { when: { ...execs(pod, 'hold'), nth: 2 }, fault: 'delay', milliseconds: long },
        { when: { path: bell }, fault: 'delay', milliseconds: 0 },
      ],
    };
  },
  // Until then Ctrl-C would lose it.
  dump: (pod, cut) => ({
    ...slowly(pod, cut),
    other: ([, name = '', , , ...flags]) => ['jcmd', name, ...flags, '--', 'JFR.dump', 'name=all'],
  }),
} satisfies Record<string, Stage>;

type StageName = keyof typeof stages;

/** What is done to kprof, and whether that is a first Ctrl-C, after which what there is is kept. */
const acts = {
  'Ctrl-C once': async (kprof: InTerminal) => kprof.interrupt(),
  'Ctrl-C twice': async (kprof: InTerminal) => {
    kprof.interrupt();
    await kprof.until(/Stopping early|Leaving|Giving up|It is all here/);
    kprof.interrupt();
  },
  'Ctrl-C three times': async (kprof: InTerminal) => {
    kprof.interrupt();
    await kprof.until(/Stopping early|Leaving|Giving up|It is all here/);
    kprof.interrupt();
    await kprof.until(/Giving up/);
    kprof.interrupt();
  },
  SIGTERM: (kprof: InTerminal) => kprof.signal('SIGTERM'),
  SIGHUP: (kprof: InTerminal) => kprof.signal('SIGHUP'),
  SIGKILL: (kprof: InTerminal) => kprof.signal('SIGKILL'),
} as const;
type Act = keyof typeof acts;

const codes: Readonly<Record<Act, Promises>> = {
  'Ctrl-C once': { codes: [130] },
  'Ctrl-C twice': { codes: [130] },
  'Ctrl-C three times': { codes: [130], leftToThePod: true },
  SIGTERM: { codes: [143] },
  SIGHUP: { codes: [143] },
  SIGKILL: { codes: [null], leftToThePod: true },
};
/** Where a first Ctrl-C keeps what there is. */
const keeps: ReadonlySet<StageName> = new Set(['prepare', 'start', 'record', 'stop']);
/** Where all is here: a first Ctrl-C takes nothing away, and what ends kprof leaves the check to `kprof resume`. */
const isHere: ReadonlySet<StageName> = new Set(['clean-up']);
/** Where it leaves what is finished in the pod, and so quickly that a second one may come too late. */
const leaves: ReadonlySet<StageName> = new Set(['pull', 'verify', 'dump']);

async function trial(stand: Stand, stage: StageName, act: Act): Promise<void> {
  const { bell, faults, argv = [], other = (words) => words } = (stages[stage] as Stage)(stand.pod, () => stand.proxy.cutAfter(0, 'once'));
  bench.sandbox.faults.add(...faults);
  if (faults.length === 0) bench.sandbox.faults.add({ when: { path: bell }, fault: 'delay', milliseconds: 0 });
  const kprof = startInTerminal(stand.desk, other(stand.argv(...argv)));
  const outcome = await run(stand, kprof, async () => {
    expect(await until(() => bell.rung, 60), kprof.stderr()).toBe(true);
    // The request is on its way; what it does is not always a request of its own.
    if (stage === 'record') await kprof.until(/recording {2}/);
    // Who waits, and who has verified, asks for nothing.
    if (stage === 'wait' || stage === 'clean-up') await sleep(1500);
    if (leaves.has(stage)) await kprof.until(/pulling {2}.*(?:[1-9]|0\.[1-9]).* MB/);
    await acts[act](kprof);
  });
  expect(kprof.restored(), kprof.stderr()).toBe(act !== 'SIGKILL' || kprof.restored());
  const isLeft = leaves.has(stage) && act.startsWith('Ctrl-C');
  const isWhole = isHere.has(stage) && act === 'Ctrl-C once';
  const isPromised = isHere.has(stage) ? !isWhole && act !== 'SIGKILL' : isLeft && act === 'Ctrl-C once';
  if (isPromised) await resumed(stand, outcome.ended.stderr);
  const leftToThePod = isLeft || (isHere.has(stage) && !isWhole) || codes[act].leftToThePod === true;
  await sound(stand, outcome, { codes: isWhole ? [0] : codes[act].codes, leftToThePod });
  expect(outcome.ended.stdout !== '', outcome.ended.stderr).toBe(isWhole || (act === 'Ctrl-C once' && keeps.has(stage)));
}

/** What was left is there, and comes whole. */
async function resumed(stand: Stand, said: string): Promise<void> {
  expect(said).toMatch(/kprof resume( [0-9a-f]{16}|\.$| does that$)/m);
  const [id = ''] = stand.ids();
  const again = await stand.desk.kprof('resume', id, '--no-open');
  expect(again, again.stderr).toMatchObject({ code: 0, stdout: `${join(stand.desk.folder, 'it.jfr')}\n` });
  const content = readFileSync(join(stand.desk.folder, 'it.jfr'));
  await surely(() => expect(createHash('sha256').update(content).digest('hex')).toBe(stand.bench.jvm.sha256));
  rmSync(join(stand.desk.folder, 'it.jfr'));
}

describe.concurrent.each(Object.keys(stages) as StageName[])('at stage %s', (stage) => {
  it.each(Object.keys(acts) as Act[])('%s', async (act) => {
    const stand = await bench.stand(`${stage}-${act.toLowerCase().replaceAll(' ', '-')}`);
    try {
      await trial(stand, stage, act);
    } finally {
      stand.remove();
    }
  });
});

describe.concurrent('a kprof that is stopped', () => {
  it('and goes on soon finds its line, and ends well', async () => {
    const stand = await bench.stand('stopped-soon');
    const kprof = stand.desk.start(...stand.argv('--duration', '6s'));
    const outcome = await run(stand, kprof, async () => {
      await kprof.until(/starting the recording/);
      await sleep(2000);
      kprof.child.kill('SIGSTOP');
      await sleep(10_000);
      kprof.child.kill('SIGCONT');
    });
    await sound(stand, outcome, { codes: [0] });
    stand.remove();
  });

  it('in the pull, until the pod takes it for gone, gets the file', async () => {
    const stand = await bench.stand('stopped-pull');
    bench.sandbox.faults.add({ when: { ...execs(stand.pod, 'pull'), nth: 1 }, fault: 'pace', bytesPerSecond: 300_000 });
    const kprof = stand.desk.start(...stand.argv());
    const outcome = await run(stand, kprof, async () => {
      await kprof.until(/pulling/);
      kprof.child.kill('SIGSTOP');
      await sleep(45_000);
      kprof.child.kill('SIGCONT');
    });
    await sound(stand, outcome, { codes: [0] });
    stand.remove();
  });

  it('for The pod has ended the capture says so', async () => {
    const stand = await bench.stand('stopped-long');
    const kprof = stand.desk.start(...stand.argv('--duration', '6s'));
    const outcome = await run(stand, kprof, async () => {
      await kprof.until(/starting the recording/);
      await sleep(2000);
      kprof.child.kill('SIGSTOP');
      await sleep(45_000);
      kprof.child.kill('SIGCONT');
    });
    expect(outcome.ended.stderr).toMatch(/The pod has ended the capture/);
    await sound(stand, outcome, { codes: [1] });
    stand.remove();
  });
});
