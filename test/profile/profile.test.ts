import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseProfile } from '../../src/profile/profile.ts';
import { Malformed } from '../../src/profile/wire.ts';
import { field, plainProfile, profile } from '../support/profiles.ts';

const content = { samples: [[['leaf', ['inlined', 'root']], 7] as const] };

test.each([
  ['compressed', profile(content)],
  ['not compressed', plainProfile(content)],
  ['with fields that nobody knows', plainProfile({ ...content, more: [field(99, 'x'), field(98, 5)] })],
])('reads one that is %s', (_, file) => {
  const { types, samples, duration } = parseProfile(file);
  expect(types).toEqual([{ type: 'cpu', unit: 'nanoseconds' }]);
  expect(samples[0]?.values).toEqual([7]);
  expect(samples[0]?.stack.map(({ lines }) => lines.map(({ name }) => name))).toEqual([['leaf'], ['inlined', 'root']]);
  expect(duration).toBe(2000);
});

test('reads negative and huge values', () => {
  const [sample] = parseProfile(plainProfile({ samples: [[['f'], -5]] })).samples;
  expect(sample?.values).toEqual([-5]);
  expect(parseProfile(plainProfile({ samples: [[['f'], 2 ** 60]] })).samples[0]?.values).toEqual([2 ** 60]);
});

test.each<readonly [string, Buffer, RegExp]>([
  ['a type that is not there', plainProfile({ ...content, more: [field(1, Buffer.concat([field(1, 77)]))] }), /text that it does not have/],
  ['a location that is not there', plainProfile({ ...content, more: [field(2, Buffer.concat([field(1, 9), field(2, 1)]))] }), /location/],
  ['a sample of two values', plainProfile({ samples: [[['f'], 1, 2]] }), /2 values, and 1/],
  ['two functions of one number', plainProfile({ ...content, more: [field(5, field(1, 1))] }), /same number/],
  ['no types', plainProfile({ types: [], samples: [] }), /does not say what it counts/],
  ['text', Buffer.from('heap profile: 1: 2 [3: 4] @ heap/1048576\n'), /./],
  ['nothing', gzipSync(''), /table of texts/],
])('%s is malformed', (_, file, why) => {
  expect(() => parseProfile(file)).toThrow(Malformed);
  expect(() => parseProfile(file)).toThrow(why);
});

test('one that is cut anywhere is malformed', () => {
  const whole = profile({ samples: [[['some', 'stack'], 1]] });
  for (let length = 0; length < whole.length; length++) expect(() => parseProfile(whole.subarray(0, length))).toThrow(Malformed);
});

test('any bytes are read or malformed', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(), fc.nat(255), (noise, at, byte) => {
      const flipped = Buffer.from(plainProfile(content));
      flipped[at % flipped.length] = byte;
      for (const file of [Buffer.from(noise), flipped]) {
        try {
          parseProfile(file);
        } catch (error) {
          expect(error).toBeInstanceOf(Malformed);
        }
      }
    }),
  );
});
