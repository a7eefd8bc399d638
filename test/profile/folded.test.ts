import { expect, it } from 'vitest';
import { folded } from '../../src/profile/folded.ts';
import type { Profile } from '../../src/profile/profile.ts';

const at = (...names: readonly string[]) => ({ object: '', lines: names.map((name) => ({ name, system: '', startLine: 0 })) });

it('adds up equal stacks, the outermost function first, and takes what a line is made of out of names', () => {
  const samples = [
    { stack: [at('inlined', 'inner'), at('main')], values: [2] },
    { stack: [at('inlined', 'inner'), at('main')], values: [3] },
    { stack: [at('a;b\nc')], values: [1] },
  ];
  expect(folded({ samples } as unknown as Profile)).toBe('main;inner;inlined 5\na_b_c 1\n');
  expect(folded({ samples: [] } as unknown as Profile)).toBe('');
});
