import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { formats } from '../../src/formats/index.ts';
import { openComparison, type Pair } from '../../src/viewers/compare.ts';
import type { Desk } from '../../src/viewers/open.ts';
import { profile } from '../support/profiles.ts';
import { sandbox } from '../support/sandbox.ts';

const desktop: Desk = { platform: 'linux', isTTY: true, stays: true, env: { DISPLAY: ':0', PATH: '/nowhere' } };
const wish = { browser: true, port: 0 };
const pair: Pair = { earlier: '/tmp/a b.pb.gz', later: '/tmp/c.pb.gz', format: formats.pprof };

describe('where no window can be, the line is told', () => {
  test.each<readonly [string, Partial<Desk>]>([
    ['no display', { env: {} }],
    ['CI', { env: { DISPLAY: ':0', CI: 'true' } }],
    ['SSH', { env: { DISPLAY: ':0', SSH_TTY: '/dev/pts/1' } }],
    ['no terminal', { isTTY: false }],
    ['somebody reads what is printed', { stays: false }],
  ])('%s', async (_, desk) => {
    expect(await openComparison(pair, { ...desktop, ...desk }, wish)).toEqual({
      kind: 'how',
      how: "kprof diff --no-browser '/tmp/a b.pb.gz' /tmp/c.pb.gz    # gives an address, for a browser that reaches this machine",
    });
    expect(await openComparison(pair, { ...desktop, ...desk }, { ...wish, viewer: 'pprof' })).toMatchObject({
      how: expect.stringContaining('--no-browser --viewer pprof '),
    });
  });
});

test.each([
  [formats.jfr, 'jmc' as const, '--viewer is one of page'],
  [formats.jfr, 'pprof' as const, '--viewer is one of page'],
  [formats.pprof, 'jmc' as const, '--viewer is one of page, pprof'],
])('%o does not go with %s', async (format, viewer, hint) => {
  await expect(openComparison({ ...pair, format }, desktop, { ...wish, viewer })).rejects.toMatchObject({ failure: 'usage', hint });
});

test('a page that can not be made is told why', async () => {
  using box = sandbox();
  const [earlier, later] = [join(box.path, 'a'), join(box.path, 'b')];
  for (const path of [earlier, later]) writeFileSync(path, profile({ samples: [] }));
  await expect(openComparison({ earlier, later, format: formats.pprof }, desktop, { browser: false, port: 0 })).rejects.toMatchObject({
    failure: 'unsupported',
    message: expect.stringContaining('both empty'),
  });
});
