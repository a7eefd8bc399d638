import { expect, test } from 'vitest';
import { parseProfile } from '../../src/profile/profile.ts';
import { table } from '../../src/profile/table.ts';
import { topOf } from '../../src/profile/top.ts';
import { plainProfile } from '../support/profiles.ts';

const names = [
  'main.hotLoop',
  'github.com/acme/shop/internal/very/long/path/to/a/package.(*Server).handleRequest',
  'evil\x1b]0;x\x07\u202e',
];
const top = topOf(parseProfile(plainProfile({ samples: names.map((name, at) => [[name, 'main.main'], (3 - at) * 1e7] as const) })));

test('has all columns where there is room', () => {
  expect(table(top, Number.POSITIVE_INFINITY).split('\n')).toEqual([
    'flat   flat%    sum%   cum    cum%  function',
    '30ms  50.00%  50.00%  30ms  50.00%  main.hotLoop',
    `20ms  33.33%  83.33%  20ms  33.33%  ${names[1]}`,
    '10ms  16.67%    100%  10ms  16.67%  evil\\x1b]0;x\\x07\\u{202e}',
    '   0      0%    100%  60ms    100%  main.main',
  ]);
});

test.each([120, 80, 60, 40, 30])('fits into %d columns', (columns) => {
  const lines = table(top, columns).split('\n');
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(columns);
  expect(lines[1]).toMatch(/^30ms .*main\.hotLoop$/);
  expect(lines[2]).toMatch(/andleRequest$/);
});

test('says how many functions it leaves out', () => {
  expect(table(top, 80, 2).split('\n').at(-1)).toBe('… and 2 more');
});
