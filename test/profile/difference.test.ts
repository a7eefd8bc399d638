import fc from 'fast-check';
import { expect, test } from 'vitest';
import { difference, halve, type Stack, stacksOf } from '../../src/profile/difference.ts';
import { parseProfile } from '../../src/profile/profile.ts';
import { differenceOf, topOf } from '../../src/profile/top.ts';
import { type Content, plainProfile } from '../support/profiles.ts';
import '../support/seed.ts';

const parse = (samples: Content['samples'], more: Partial<Content> = {}) => parseProfile(plainProfile({ samples, ...more }));
const lines = (stacks: readonly Stack[]) => stacks.map(({ names, weight }) => `${names.join(';')} ${weight}`);

test('stacks are named as the ranking names them, each once, without what hardly matters', () => {
  const profile = parse(
    [
      [[['inlined', 'hot'], 'main'], 3],
      [[['inlined', 'hot'], 'main'], 4],
      [['runtime.morestack', 'cold', 'main'], 2],
      [['none'], 0],
    ],
    { dropFrames: 'runtime\\.morestack' },
  );
  expect(lines(stacksOf(profile))).toEqual(['main;hot;inlined 7', 'main;cold 2']);
});

test('what grew and what shrank are told apart by stack, not by function', () => {
  const before = parse([
    [['hot', 'a'], 10],
    [['hot', 'b'], 10],
    [['same'], 5],
  ]);
  const after = parse([
    [['hot', 'a'], 25],
    [['hot', 'b'], 4],
    [['same'], 5],
    [['new'], 1],
  ]);
  const { grew, shrank } = difference(before, after);
  expect([lines(grew), lines(shrank)]).toEqual([['a;hot 15', 'new 1'], ['b;hot 6']]);
  expect(halve([{ names: ['f'], weight: -2 }])).toEqual({ grew: [], shrank: [{ names: ['f'], weight: 2 }] });
});

test('for every function they add up to its line of the comparison', () => {
  const stack = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 1, maxLength: 4 });
  const samples = fc.array(fc.tuple(stack, fc.integer({ min: 0, max: 1000 })), { maxLength: 12 });
  const inclusive = (stacks: readonly Stack[], name: string) =>
    stacks.filter(({ names }) => names.includes(name)).reduce((sum, { weight }) => sum + weight, 0);
  fc.assert(
    fc.property(samples, samples, (one, other) => {
      const [before, after] = [parse(one), parse(other)];
      const { grew, shrank } = difference(before, after);
      for (const { name, cum } of differenceOf(after, before).rows) expect(inclusive(grew, name) - inclusive(shrank, name)).toBe(cum);
      const total = topOf(after).total - topOf(before).total;
      expect([...grew.map(({ weight }) => weight), ...shrank.map(({ weight }) => -weight)].reduce((sum, each) => sum + each, 0)).toBe(
        total,
      );
    }),
  );
});
