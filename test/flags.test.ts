import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseDuration, size } from '../src/flags.ts';

describe('a size', () => {
  it.each([
    ['1', 'is too small: at least 1024 bytes'],
    ['2000G', 'is too large: at most 1099511627776 bytes'],
  ])('%s says what would do', (typed, message) => {
    expect(() => size(undefined, '').parse(typed, { flag: '--rotate', read: () => new Uint8Array() })).toThrow(
      `--rotate ${typed} ${message}`,
    );
  });
});

describe('parseDuration', () => {
  it.each([
    ['15s', 15_000],
    ['1m30s', 90_000],
    ['1h', 3_600_000],
    ['1.5h', 5_400_000],
    ['100ms', 100],
    ['1h1m1s1ms', 3_661_001],
    ['15', 15_000],
    ['0', 0],
  ])('reads %s', (text, milliseconds) => expect(parseDuration(text)).toBe(milliseconds));

  it.each(['', 'abc', '-5s', '5 s', '5S', '1d', 's', '1s2', '.5s', '1..5s', '5s ', '\t5s', '٣s', '1e3', '0x10', 'Infinity'])(
    'refuses %j',
    (text) => {
      expect(parseDuration(text)).toBeUndefined();
    },
  );

  it('is undefined or a finite number for whatever is typed', () => {
    fc.assert(fc.property(fc.string(), (text) => Number.isFinite(parseDuration(text) ?? 0)));
  });
});
