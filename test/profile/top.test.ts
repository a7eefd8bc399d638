import { expect, test } from 'vitest';
import { difference } from '../../src/profile/difference.ts';
import { parseProfile } from '../../src/profile/profile.ts';
import { differenceOf, topOf } from '../../src/profile/top.ts';
import { type Content, plainProfile } from '../support/profiles.ts';

const parse = (content: Content) => parseProfile(plainProfile(content));
const rows = (content: Content) => topOf(parse(content)).rows.map(({ name, flat, cum }) => [name, flat, cum]);

test('ranks by what is spent in a function itself, then by name', () => {
  const samples = [
    [['b', 'main'], 5],
    [['a', 'main'], 5],
    [['main'], 9],
  ] as const;
  expect(rows({ samples })).toEqual([
    ['main', 9, 19],
    ['a', 5, 5],
    ['b', 5, 5],
  ]);
});

test('counts a recursive function once, and what is inlined for itself', () => {
  expect(rows({ samples: [[['f', ['g', 'f'], 'f', 'main'], 4]] })).toEqual([
    ['f', 4, 4],
    ['g', 0, 4],
    ['main', 0, 4],
  ]);
});

test('leaves out what hardly counts: below a 200th of all', () => {
  const top = topOf(
    parse({
      samples: [
        [['hot'], 1000],
        [['cold'], 4],
        [['cool'], 5],
      ],
    }),
  );
  expect([top.total, top.dropped, top.rows.map(({ name }) => name)]).toEqual([1009, 1, ['hot', 'cool']]);
});

test.each<readonly [string | undefined, string]>([
  [undefined, 'inuse_space'],
  ['alloc_space', 'alloc_space'],
  ['nonsense', 'inuse_space'],
])('counts the default %s, else the last', (defaultType, type) => {
  const types = ['alloc_space', 'inuse_space'].map((each) => [each, 'bytes'] as const);
  const content = { types, samples: [[['f'], 1, 2]] as const, ...(defaultType === undefined ? {} : { defaultType }) };
  expect(topOf(parse(content)).type.type).toBe(type);
});

test('leaves out frames as the profile says, but for those that are kept', () => {
  const samples = [[['drop.inner', 'drop.me', 'user', 'main'], 3] as const];
  expect(rows({ samples, dropFrames: 'drop\\..*' })).toEqual([
    ['user', 3, 3],
    ['main', 0, 3],
  ]);
  expect(rows({ samples, dropFrames: 'drop\\..*', keepFrames: 'drop\\.me' })).toContainEqual(['drop.me', 3, 3]);
  expect(rows({ samples: [[['a', 'b'], 3]], dropFrames: '(' })).toHaveLength(2);
});

test('a pattern that never ends does not hold it', () => {
  const samples = [[[`${'a'.repeat(40)}!`, 'main'], 3] as const];
  expect(rows({ samples, dropFrames: '(a+)+$' })).toHaveLength(2);
});

test('a difference is in shares of what was before', () => {
  const before = parse({ samples: [[['f', 'main'], 100]] });
  const after = parse({
    samples: [
      [['f', 'main'], 40],
      [['g', 'main'], 10],
    ],
  });
  const top = differenceOf(after, before);
  expect(top.total).toBe(100);
  expect(top.rows.map(({ name, flat, cum }) => [name, flat, cum])).toEqual([
    ['f', -60, -60],
    ['g', 10, 10],
    ['main', 0, -50],
  ]);
});

// As `go tool pprof -top -diff_base BEFORE AFTER` does it.
test.each<[string, string, string]>([
  ['space', '', 'space'],
  ['', 'space', 'space'],
  ['space', 'objects', 'objects'],
  ['', '', 'more'],
])('of defaults that differ, «%s» before and «%s» after, it is in %s', (earlier, later, type) => {
  const types = ['objects', 'space', 'more'].map((name) => [name, 'count'] as const);
  const before = parse({ types, defaultType: earlier, samples: [[['f'], 1, 10, 100]] });
  const after = parse({ types, defaultType: later, samples: [[['f'], 3, 30, 300]] });
  const value = { objects: 2, space: 20, more: 200 }[type];
  expect(differenceOf(after, before)).toMatchObject({ type: { type }, total: (value ?? 0) / 2, rows: [{ flat: value }] });
  expect(difference(before, after)).toEqual({ grew: [{ names: ['f'], weight: value }], shrank: [] });
});

test('a file does not differ from itself', () => {
  const one = parse({ samples: [[['f', 'main'], 100]] });
  expect(differenceOf(one, one).rows).toEqual([]);
});
