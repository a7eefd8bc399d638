import { expect, test } from 'vitest';
import { eventTables } from '../../src/profile/jfr-table.ts';

const waited = new Map([
  ['app.Ledger', { count: 2, amount: 3e9 }],
  ['a.very.long.name.of.a.class.that.goes.on.and.on.Monitor', { count: 10, amount: 1e9 }],
]);
const allocated = new Map([...'abcdefg'].map((name, at) => [name, { count: 1, amount: 1024 * (at + 1) }] as const));
const pauses = { count: 2, amount: 52.5e6, longest: 50e6 };

test('as wide as it likes', () => {
  expect(eventTables({ pauses, allocated, waited }, Number.POSITIVE_INFINITY)).toEqual([
    '',
    '2 pauses for garbage collection, 52.50ms in all, the longest 50ms',
    '',
    'allocated   share  samples  class',
    '      7kB  25.00%        1  g',
    '      6kB  21.43%        1  f',
    '      5kB  17.86%        1  e',
    '      4kB  14.29%        1  d',
    '      3kB  10.71%        1  c',
    '… and 2 more',
    '',
    'waited   share  times  monitor',
    '    3s  75.00%      2  app.Ledger',
    '    1s  25.00%     10  a.very.long.name.of.a.class.that.goes.on.and.on.Monitor',
  ]);
});

test('in 40 columns', () => {
  const lines = eventTables({ pauses, allocated, waited }, 40);
  expect(lines.filter((line) => line.length > 40)).toEqual([]);
  expect(lines).toContain('2 pauses for garbage collection,');
  expect(lines).toContain('    3s  75.00%  app.Ledger');
  expect(lines.at(-1)).toMatch(/^ {4}1s {2}25\.00% {2}a\.very….*Monitor$/);
});

test('only what there is', () => {
  const nothing = { pauses: { count: 0, amount: 0, longest: 0 }, allocated: new Map(), waited: new Map() };
  expect(eventTables(nothing, 80)).toEqual([]);
  expect(eventTables({ ...nothing, pauses: { count: 1, amount: 1e6, longest: 1e6 } }, 80)).toEqual([
    '',
    '1 pause for garbage collection, 1ms in all, the longest 1ms',
  ]);
});

test('a name drives no terminal', () => {
  const lines = eventTables({ pauses, allocated: new Map([['\x1b[2J\nevil', { count: 1, amount: 1 }]]), waited: new Map() }, 80);
  expect(lines.join('')).toContain('\\x1b[2J\\nevil');
});
