import { closeSync, openSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { run } from '../../src/commands/open.ts';
import { createReport } from '../../src/report.ts';
import { chunk } from '../support/recordings.ts';
import { sandbox } from '../support/sandbox.ts';

const options = { 'no-open': false, viewer: 'auto', 'no-browser': false, port: undefined } as const;

async function opened(words: readonly string[], more: object = {}): Promise<string> {
  let said = '';
  const stream = new Writable({
    write(text, _, done) {
      said += text;
      done();
    },
  });
  await run(
    words,
    { ...options, ...more },
    {
      report: createReport({ stream, isTTY: false, color: false, quiet: false, verbose: 0 }),
      signal: new AbortController().signal,
      settle: () => {},
      connect: () => Promise.reject(new Error('no cluster is needed')),
    },
  );
  return said;
}

test('one file, no less and no more', async () => {
  await expect(opened([])).rejects.toMatchObject({ failure: 'usage' });
  await expect(opened(['a', 'b'])).rejects.toMatchObject({ failure: 'usage' });
});

test.each([{ 'no-open': true }, { viewer: 'none' as const }])('%o only checks', async (more) => {
  using box = sandbox();
  writeFileSync(join(box.path, 'x.jfr'), chunk());
  expect(await opened([join(box.path, 'x.jfr')], more)).toMatch(/^5s of recording [^\n]*\n$/);
});

test('without a terminal the line that opens it is told', async () => {
  using box = sandbox();
  const path = join(box.path, 'x.txt');
  writeFileSync(path, 'main;work 12\n');
  const said = await opened([path]);
  expect(said).toMatch(/^12 samples in 1 line\n *flat .*\n.* work\n.* main\nTo open it:\n/);
  expect(said).toContain(`kprof open --no-browser ${path} `);
});

test.each([
  ['an empty file', '', 'incomplete'],
  ['something else', 'PK\x03\x04 and more', 'unsupported'],
  ['a recording cut short', chunk().subarray(0, 150), 'incomplete'],
  ['a profile cut short', '{"nodes":[{"id":1,"callFrame":{"functionName":"(root)"', 'incomplete'],
])('%s is refused before anything opens it', async (_, content, failure) => {
  using box = sandbox();
  writeFileSync(join(box.path, 'x.jfr'), content);
  await expect(opened([join(box.path, 'x.jfr')])).rejects.toMatchObject({ failure, message: expect.stringContaining('x.jfr') });
});

test('a whole recording of 2 GiB is too much for the page, and what opens it is named', async () => {
  using box = sandbox();
  const path = join(box.path, 'x.jfr');
  const file = openSync(path, 'w');
  writeSync(file, chunk({ told: 2n ** 31n }));
  closeSync(file);
  truncateSync(path, 2 ** 31);
  await expect(opened([path], { 'no-browser': true })).rejects.toMatchObject({
    failure: 'unsupported',
    message: `${path} has 2.15 GB, and the page shows up to 268 MB`,
    hint: expect.stringContaining('JDK Mission Control'),
  });
});
