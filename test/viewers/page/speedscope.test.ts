import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { formats } from '../../../src/formats/index.ts';
import { blobName, speedscope } from '../../../src/viewers/page/speedscope.ts';
import { profile } from '../../support/profiles.ts';
import { sandbox } from '../../support/sandbox.ts';

test.each([
  ['/a/b/jfr-shop-api-1.jfr', 'jfr', 'jfr-shop-api-1.jfr'],
  ['/a/cpu.pb.gz', 'pprof', 'cpu.pb.gz'],
  ['/a/cpu', 'pprof', 'cpu.pb.gz'],
  ['/a/x y&title=z#?%2f.jfr', 'jfr', 'x-y-title-z-2f.jfr'],
  ['/a/é.jfr', 'jfr', '-.jfr'],
  ['/a/out.txt', 'collapsed', 'out.collapsedstack.txt'],
  ['/a/out.perf', 'perf', 'out.linux-perf.txt'],
  // Chrome's timelines are called so.
  ['/a/Profile-20261121T071502.cpuprofile', 'cpuprofile', 'profile.cpuprofile'],
  ['/a/.jfr', 'jfr', 'profile.jfr'],
] as const)('%s, %s, is called %s in the page', (path, format, name) => expect(blobName(path, formats[format])).toBe(name));

test('serves its own files and the one profile, under no other name', async () => {
  using box = sandbox();
  const own = join(box.path, 'own');
  mkdirSync(own);
  writeFileSync(join(own, 'index.html'), '<p>');
  writeFileSync(join(own, 'LICENSE.md'), 'free');
  writeFileSync(join(box.path, 'x.jfr'), 'FLR');
  const site = await speedscope(join(box.path, 'x.jfr'), formats.jfr, pathToFileURL(`${own}/`));
  const answered = (name: string) => {
    const response = { writeHead: () => {}, end: () => {} };
    return site.answer(name, { method: 'GET' } as never, response as never);
  };
  expect(site.entry).toContain('#profileURL=profile/x.jfr');
  expect(['index.html', 'profile/x.jfr'].map(answered)).toEqual([true, true]);
  expect(['x.jfr', 'LICENSE.md', 'profile/y.jfr', 'own/index.html', '../x.jfr', box.path].map(answered)).toEqual(Array(6).fill(false));
});

test('a profile that has less of something is shown from both sides', async () => {
  using box = sandbox();
  mkdirSync(join(box.path, 'own'));
  const path = join(box.path, 'delta.pb.gz');
  const samples = [[['cache', 'main'], -2048] as const, [['load', 'main'], 4096] as const];
  writeFileSync(path, profile({ types: [['inuse_space', 'bytes']], samples }));
  const site = await speedscope(path, formats.pprof, pathToFileURL(`${join(box.path, 'own')}/`));
  const sent: Buffer[] = [];
  const response = { writeHead: () => {}, end: (bytes: Buffer) => void sent.push(bytes) };
  expect(site.answer('profile/difference.speedscope.json', { method: 'GET' } as never, response as never)).toBe(true);
  expect(JSON.parse(Buffer.concat(sent).toString('utf8'))).toMatchObject({
    profiles: [
      { name: 'Grew by 4kB', weights: [4096] },
      { name: 'Shrank by 2kB', weights: [2048] },
    ],
  });
});

test('a file of 2 GiB is too much for a tab, and what takes it is named', async () => {
  using box = sandbox();
  const path = join(box.path, 'x.pb.gz');
  writeFileSync(path, '');
  truncateSync(path, 2 ** 31);
  await expect(speedscope(path, formats.pprof)).rejects.toMatchObject({
    failure: 'unsupported',
    message: expect.stringMatching(/has 2\.15 GB, and the page shows up to 268 MB$/),
    hint: `go tool pprof ${path}`,
  });
});
