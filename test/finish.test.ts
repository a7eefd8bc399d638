import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { finish } from '../src/finish.ts';
import { jfr } from '../src/formats/jfr.ts';
import { text } from '../src/formats/text.ts';
import { recorder } from './support/recorder.ts';
import { chunk } from './support/recordings.ts';
import { sampled } from './support/sampled-recording.ts';
import { sandbox } from './support/sandbox.ts';

const telling = sampled([[['main'], 1]], 'cpu', { secret: 'hunter2' });

it.each([
  ['has them', telling, 'another recording of this JVM took its environment'],
  ['may have them', chunk(), 'it can’t be told'],
])('a recording that %s is kept without a name where secrets are refused', async (_, content, why) => {
  using box = sandbox();
  const [partial, final] = [join(box.path, 'x.jfr.7.partial'), join(box.path, 'x.jfr')];
  writeFileSync(partial, content, { mode: 0o600 });
  const ended = finish({ partial, final, ours: true }, jfr, { force: false, report: recorder(), secrets: 'refused' });
  await expect(ended).rejects.toMatchObject({
    failure: 'incomplete',
    message: expect.stringContaining(why),
    hint: expect.stringContaining(`mv -n ${partial} ${final}; to take them the next time: --with-environment`),
  });
  expect(existsSync(final)).toBe(false);
  expect(readFileSync(partial)).toEqual(content);
});

it.each([
  ['has none', sampled([[['main'], 1]]), 'refused'],
  ['has what was asked for', telling, undefined],
] as const)('a recording that %s gets its name', async (_, content, secrets) => {
  using box = sandbox();
  const [partial, final] = [join(box.path, 'x.jfr.7.partial'), join(box.path, 'x.jfr')];
  writeFileSync(partial, content, { mode: 0o600 });
  expect(await finish({ partial, final }, jfr, { force: false, report: recorder(), secrets })).toMatchObject({ path: final });
});

it.each([
  ['main 1\n', ['\n', ''], true],
  ['', ['\n', ''], true],
  ['main;work 1', ['\n', ''], false],
  ['#1 "main"\n\n', ['\n\n'], true],
  ['#1 "main"\n', ['\n\n'], false],
  ['', ['\n\n'], false],
  ['\n', ['\n\n'], false],
])('%j gets its name where %j has to be its end: %s', async (content, ends, isWhole) => {
  using box = sandbox();
  const [partial, final] = [join(box.path, 'x.txt.7.partial'), join(box.path, 'x.txt')];
  writeFileSync(partial, content, { mode: 0o600 });
  const ended = finish({ partial, final }, text, { force: false, report: recorder(), ends });
  if (isWhole) expect(await ended).toMatchObject({ path: final });
  else await expect(ended).rejects.toMatchObject({ failure: 'incomplete', hint: expect.stringContaining(partial) });
  expect(existsSync(isWhole ? final : partial)).toBe(true);
});
