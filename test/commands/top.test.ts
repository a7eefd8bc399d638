import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { diff } from '../../src/commands/diff.ts';
import { top } from '../../src/commands/top.ts';
import { profile } from '../support/profiles.ts';
import { chunk } from '../support/recordings.ts';
import { sandbox } from '../support/sandbox.ts';

const shown = { lines: 1, output: undefined } as const;

test('prints a profile, and two of them, for people and for scripts', async () => {
  using box = sandbox();
  const [one, two] = ['one', 'two'].map((name) => join(box.path, name)) as [string, string];
  writeFileSync(one, profile({ samples: [[['f', 'main'], 1e9]] }));
  writeFileSync(two, profile({ samples: [[['f', 'main'], 3e9]] }));
  expect(await top([one], shown)).toMatch(/^1s of CPU time in 2s, 1 stack\nflat .*\n *1s .* f\n… and 1 more\n$/);
  expect(await diff([one, two], shown)).toMatch(/^CPU time: 1s before, 3s after.*\n.*\n *2s .* f\n/);
  expect(JSON.parse(await top([one], { ...shown, output: 'json' }))).toMatchObject({
    kind: 'Summary',
    format: 'pprof',
    summary: { total: 1e9 },
  });
});

test('refuses what it can not do', async () => {
  using box = sandbox();
  const [one, jfr] = ['one', 'jfr'].map((name) => join(box.path, name)) as [string, string];
  writeFileSync(one, profile({ samples: [] }));
  writeFileSync(jfr, chunk());
  await expect(top([], shown)).rejects.toMatchObject({ failure: 'usage' });
  await expect(top([one, jfr], shown)).rejects.toMatchObject({ failure: 'usage' });
  await expect(diff([one], shown)).rejects.toMatchObject({ failure: 'usage' });
  await expect(diff([one, jfr], shown)).rejects.toMatchObject({ failure: 'usage', message: expect.stringContaining('pprof and jfr') });
  await expect(diff([jfr, jfr], shown)).rejects.toMatchObject({ failure: 'unsupported' });
});
