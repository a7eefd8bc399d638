/** What is printed and no file: a line that loses or changes some of it, and calls that a success, is not believed. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Fault } from '../sandbox/faults.ts';
import { surely } from '../support/verdict.ts';
import { type Bench, chances, execs, seed, startBench } from './bench.ts';

let bench: Bench;
beforeAll(async () => {
  process.stderr.write(`texts: KPROF_SEED=${seed}\n`);
  bench = await startBench({ KPROF_SILENCE: '20', KPROF_RETURN: '15' });
});
afterAll(() => bench?.[Symbol.asyncDispose]());

/** Bytes of the dump, about. */
const size = 8000;

type Lies = Readonly<Record<string, (chance: () => number) => readonly Fault[]>>;

const lies: Lies = {
  'its end is lost': () => [{ fault: 'lose', from: size - 100, bytes: 2 ** 20 }],
  'some of it is lost': (chance) => [{ fault: 'lose', from: Math.floor(chance() * size), bytes: 1 + Math.floor(chance() * 200) }],
  'bits of it are flipped': (chance) => [{ fault: 'flip', every: 2000, seed: Math.floor(chance() * 2 ** 31) }],
  'its verdict is another': () => [{ fault: 'verdict', code: 7 }],
  'it has no verdict': () => [{ fault: 'verdict', code: 'none' }],
};

describe.concurrent('a thread dump arrives whole, though', () => {
  it.each(Object.keys(lies))('%s', async (lie) => {
    const stand = await bench.stand(`text-${lie.replaceAll(' ', '-')}`);
    try {
      const [, ...argv] = stand.argv();
      const words = argv.filter((word, index) => !['--duration', '1s', '-f', 'it.jfr'].includes(word) || index === 0);
      const whole = await stand.desk.kprof('threads', ...words);
      expect(whole, whole.stderr).toMatchObject({ code: 0, stdout: expect.stringContaining('Found 1 deadlock.') });
      const faults = lies[lie]?.(chances(lie)) ?? [];
      const path = new RegExp(`${execs(stand.pod, 'step').path.source}.*Thread\\.print`);
      bench.sandbox.faults.add(...faults.map((fault) => ({ ...fault, when: { path, nth: 1 } })));
      const again = await stand.desk.kprof('threads', ...words);
      const said = `seed ${seed}\n${again.stderr}`;
      await surely(() => expect(again.stdout, said).toBe(again.code === 0 ? whole.stdout : ''));
      expect(again.code, said).toBe(0);
    } finally {
      stand.remove();
    }
  });
});
