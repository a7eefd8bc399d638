import { expect, test } from 'vitest';
import { makePlan } from '../../src/capture/request.ts';
import type { Flags } from '../../src/flags.ts';
import { parse } from '../../src/parse.ts';
import type { Plan, Way } from '../../src/toolkit.ts';
import { histogram } from '../../toolkits/histogram.ts';
import { histogramText } from '../support/histograms.ts';
import { hotspot } from '../support/hotspot.ts';

function plan(...argv: readonly string[]): Extract<Plan, { kind: 'stream' }> {
  const { options } = parse(argv, histogram.flags, () => new Uint8Array());
  const [way] = histogram.ways(options);
  const made = makePlan({ options }, way as Way<Flags>, {
    process: hotspot,
    tools: { has: () => true, jdk: undefined },
    facts: {},
    id: 'abc',
  });
  if (made.kind !== 'stream') throw new Error(made.kind);
  return made;
}

const step = (made: Plan, index: number) => (made.kind === 'inspect' ? undefined : made.steps[index]);

test('counts what is reachable, or all', () => {
  expect(step(plan(), 0)).toMatchObject({ run: ['jattach', '7', 'jcmd', 'GC.class_histogram'] });
  expect(step(plan('--all'), 0)).toMatchObject({ run: ['jattach', '7', 'jcmd', 'GC.class_histogram -all'] });
  expect(() => plan('--all', '--live')).toThrow('--live and --all exclude each other');
});

test('a failure that exits 0 is one', () => {
  const first = step(plan(), 0);
  if (first === undefined || 'wait' in first) throw new Error('no step');
  expect(() => first.check?.('JVM response code = 0\nsomething else\n')).toThrow('The JVM could not count its objects');
});

test('compares two', () => {
  const made = plan('--diff', '5s');
  expect(made.steps).toHaveLength(3);
  expect(step(made, 1)).toMatchObject({ wait: 5000 });
  const text = made.compose?.([histogramText([['A', 1, 16]]), histogramText([['A', 3, 48]])]).text;
  expect(text).toMatch(/\+2 +\+32 +3 +48 {2}A\n/);
});
