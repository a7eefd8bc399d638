import { expect, test } from 'vitest';
import { speedscopeFile } from '../../../src/viewers/page/speedscope-file.ts';

test('several profiles share their names', () => {
  const file = speedscopeFile('x', { type: 'alloc_space', unit: 'bytes' }, [
    { name: 'one', stacks: [{ names: ['main', 'f'], weight: 2 }] },
    { name: 'none', stacks: [] },
    {
      name: 'two',
      stacks: [
        { names: ['main', '__proto__'], weight: 3 },
        { names: [], weight: 1 },
      ],
    },
  ]);
  expect(JSON.parse(file)).toEqual({
    $schema: 'https://www.speedscope.app/file-format-schema.json',
    name: 'x',
    activeProfileIndex: 0,
    shared: { frames: [{ name: 'main' }, { name: 'f' }, { name: '__proto__' }] },
    profiles: [
      { type: 'sampled', name: 'one', unit: 'bytes', startValue: 0, endValue: 2, samples: [[0, 1]], weights: [2] },
      { type: 'sampled', name: 'two', unit: 'bytes', startValue: 0, endValue: 4, samples: [[0, 2], []], weights: [3, 1] },
    ],
  });
});

test.each([
  ['nanoseconds', 'nanoseconds'],
  ['microseconds', 'microseconds'],
  ['bytes', 'bytes'],
  ['count', 'none'],
  ['objects', 'none'],
])('%s is shown as %s', (unit, shown) => {
  const file = speedscopeFile('x', { type: 'x', unit }, [{ name: 'one', stacks: [{ names: ['f'], weight: 1 }] }]);
  expect(JSON.parse(file)).toMatchObject({ profiles: [{ unit: shown }] });
});
