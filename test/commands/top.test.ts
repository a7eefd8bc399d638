import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { top } from '../../src/commands/top.ts';
import { profile } from '../support/profiles.ts';
import { sandbox } from '../support/sandbox.ts';

const shown = { lines: 1, output: undefined } as const;

test('prints a profile for people and for scripts', async () => {
  using box = sandbox();
  const one = join(box.path, 'one');
  writeFileSync(one, profile({ samples: [[['f', 'main'], 1e9]] }));
  expect(await top([one], shown)).toMatch(/^1s of CPU time in 2s, 1 stack\nflat .*\n *1s .* f\n… and 1 more\n$/);
  expect(JSON.parse(await top([one], { ...shown, output: 'json' }))).toMatchObject({
    kind: 'Summary',
    format: 'pprof',
    summary: { total: 1e9 },
  });
});

test('refuses what it can not do', async () => {
  await expect(top([], shown)).rejects.toMatchObject({ failure: 'usage' });
  await expect(top(['one', 'two'], shown)).rejects.toMatchObject({ failure: 'usage' });
});
