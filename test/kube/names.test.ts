import { describe, expect, it } from 'vitest';
import { checkContainer, checkName, checkNamespace } from '../../src/kube/names.ts';
import { byDistance, distance, nearest } from '../../src/nearest.ts';

describe('names', () => {
  it.each(['a', 'api-1', '123', 'a.b-c.d', 'x'.repeat(253)])('takes the pod %s', (name) => {
    expect(checkName(name)).toBe(name);
  });

  it.each(['', 'A', '-a', 'a-', 'a..b', '../secrets', 'a/b', 'a?b', 'a#b', 'a%2fb', 'a b', 'ä', 'a\n', 'x'.repeat(254)])(
    'refuses the pod %j',
    (name) => {
      expect(() => checkName(name)).toThrow(
        expect.objectContaining({
          failure: 'usage',
          message: name === '' ? 'The name of the pod is empty' : `"${name}" cannot be the name of a pod`,
        }),
      );
    },
  );

  it('has no dots in the name of a namespace or container, and 63 characters', () => {
    expect(() => checkNamespace('a.b')).toThrow('"a.b" cannot be the name of a namespace');
    expect(() => checkContainer('a.b')).toThrow('"a.b" cannot be the name of a container');
    expect(() => checkNamespace('x'.repeat(64))).toThrow();
    expect(checkNamespace('x'.repeat(63))).toHaveLength(63);
  });
});

describe('nearest', () => {
  it.each([
    ['', '', 0],
    ['a', '', 1],
    ['prod', 'prdo', 1],
    ['staging', 'stagign', 1],
    ['kitten', 'sitting', 3],
  ])('the distance of %j and %j is %i', (a, b, expected) => {
    expect(distance(a, b)).toBe(expected);
    expect(distance(b, a)).toBe(expected);
  });

  it.each([
    ['durration', ['duration', 'settings'], 'duration'],
    ['api', ['api-7d9f-x2x', 'web'], 'api-7d9f-x2x'],
    ['xyz', ['duration', 'settings'], undefined],
    ['x', [], undefined],
    ['', ['a'], undefined],
  ])('nearest to %j of %j is %j', (name, candidates, expected) => {
    expect(nearest(name, candidates)).toBe(expected);
  });

  it('sorts by distance, then by name', () => {
    expect(byDistance('prod', ['stage', 'prof', 'prod-eu', 'bar'])).toEqual(['prod-eu', 'prof', 'bar', 'stage']);
  });
});
