import { expect, test } from 'vitest';
import { inUnit, percent, unitFor } from '../../src/profile/units.ts';

// As go tool pprof prints them.
test.each<readonly [number, string, string, string]>([
  [350e6, 'nanoseconds', 'ms', '350ms'],
  [4_090_000_000, 'nanoseconds', 's', '4.09s'],
  [4737.1 * 1024, 'bytes', 'kB', '4737.10kB'],
  [-110e6, 'nanoseconds', 'ms', '-110ms'],
  [0, 'bytes', 'MB', '0'],
  [7, 'count', 'count', '7'],
  [1, 'bytes', 'MB', '0'],
  [1_125_000, 'nanoseconds', 'ms', '1.12ms'],
  [1_375_000, 'nanoseconds', 'ms', '1.38ms'],
  [3 * 2 ** 30, 'bytes', 'minimum', '3GB'],
  [500, 'microseconds', 'minimum', '500us'],
])('%d %s in %s is %s', (value, from, to, text) => {
  expect(inUnit(value, from, to)).toBe(text);
});

test.each<readonly [number, number, string]>([
  [1, 3, '33.33%'],
  [999.6, 1000, '100%'],
  [0, 5, '0%'],
  [5, 0, '0%'],
  [286, 100_000, '0.29%'],
  [1, 10_000_000, '1e-05%'],
  [-1, 4, '25.00%'],
  // As C and Go round what is exactly half way.
  [1, 32, '3.12%'],
  [21, 32, '65.62%'],
  [3, 32, '9.38%'],
  [1, 800, '0.12%'],
  [3, 800, '0.38%'],
  [1, 1600, '0.062%'],
])('%d of %d is %s', (value, total, text) => {
  expect(percent(value, total)).toBe(text);
});

test.each<readonly [number, number, string, string]>([
  [10e6, 350e6, 'nanoseconds', 'ms'],
  [10e6, 4e9, 'nanoseconds', 's'],
  [0, 4e9, 'nanoseconds', 's'],
  [1, 7, 'count', 'count'],
])('from %d to %d %s is best in %s', (least, most, from, unit) => {
  expect(unitFor(least, most, from)).toBe(unit);
});
