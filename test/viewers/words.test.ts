import { expect, test } from 'vitest';
import { formats } from '../../src/formats/index.ts';
import { portFlag, viewerFlag, wishedViewer } from '../../src/viewers/words.ts';

const reading = { flag: '--x', read: () => new Uint8Array() };

test('every viewer of every format can be named', () => {
  for (const viewer of Object.values(formats).flatMap((format) => format.viewers))
    expect(wishedViewer(viewerFlag.parse(viewer, reading))).toBe(viewer);
  expect([wishedViewer('auto'), wishedViewer('none')]).toEqual([undefined, undefined]);
});

test('a port is one', () => {
  expect(['1', '8321', '65535'].map((typed) => portFlag.parse(typed, reading))).toEqual([1, 8321, 65_535]);
  for (const typed of ['0', '65536', '-1', '80a', '', '1e3', '008321']) expect(() => portFlag.parse(typed, reading)).toThrow('--x');
});
