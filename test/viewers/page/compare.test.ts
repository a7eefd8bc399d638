import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { formats } from '../../../src/formats/index.ts';
import { comparison } from '../../../src/viewers/page/compare.ts';
import { profile } from '../../support/profiles.ts';
import { sandbox } from '../../support/sandbox.ts';

/** What the page is given, of two profiles. */
async function given(before: Uint8Array, after: Uint8Array) {
  using box = sandbox();
  mkdirSync(join(box.path, 'own'));
  const [earlier, later] = [join(box.path, 'a'), join(box.path, 'b')];
  writeFileSync(earlier, before);
  writeFileSync(later, after);
  const site = await comparison({ earlier, later, format: formats.pprof }, pathToFileURL(`${join(box.path, 'own')}/`));
  const [, name = ''] = /#profileURL=(profile\/[\w.]+)&/.exec(site.entry) ?? [];
  const sent: Buffer[] = [];
  const response = { writeHead: () => {}, end: (bytes: Buffer) => void sent.push(bytes) };
  expect(site.answer(name, { method: 'GET' } as never, response as never)).toBe(true);
  return JSON.parse(Buffer.concat(sent).toString('utf8')) as {
    readonly profiles: readonly {
      readonly name: string;
      readonly unit: string;
      readonly samples: readonly number[][];
      readonly weights: number[];
    }[];
    readonly shared: { readonly frames: readonly { readonly name: string }[] };
  };
}

const sides = async (before: Uint8Array, after: Uint8Array) => {
  const { profiles, shared } = await given(before, after);
  const name = (stack: readonly number[]) => stack.map((frame) => shared.frames[frame]?.name).join(';');
  return profiles.map((each) => [each.name, ...each.samples.map((stack, at) => `${name(stack)} ${each.weights[at]} ${each.unit}`)]);
};

const cpu = (hot: number, cold: number) =>
  profile({
    samples: [
      [['hot', 'main'], hot],
      [['cold', 'main'], cold],
    ],
  });

test('what grew, what shrank, and both', async () => {
  expect(await sides(cpu(1e9, 5e8), cpu(3e9, 2e8))).toEqual([
    ['Grew by 2s', 'main;hot 2000000000 nanoseconds'],
    ['Shrank by 300ms', 'main;cold 300000000 nanoseconds'],
    ['Before: 1.50s', 'main;hot 1000000000 nanoseconds', 'main;cold 500000000 nanoseconds'],
    ['After: 3.20s', 'main;hot 3000000000 nanoseconds', 'main;cold 200000000 nanoseconds'],
  ]);
});

test('sides that are empty are left out, and counts have no unit', async () => {
  const count = (n: number) => profile({ types: [['goroutine', 'count']], samples: [[['f'], n]] });
  expect(await sides(count(1), count(1))).toEqual([
    ['Before: 1', 'f 1 none'],
    ['After: 1', 'f 1 none'],
  ]);
  expect((await sides(count(-2), count(1))).map(([name]) => name)).toEqual(['Grew by 3', 'After: 1']);
});

test('a file of 2 GiB is too much for a tab', async () => {
  using box = sandbox();
  const [earlier, later] = [join(box.path, 'a'), join(box.path, 'b')];
  writeFileSync(earlier, cpu(1, 1));
  writeFileSync(later, '');
  truncateSync(later, 2 ** 31);
  await expect(comparison({ earlier, later, format: formats.pprof })).rejects.toMatchObject({
    failure: 'unsupported',
    message: `${later} has 2.15 GB, and the page shows up to 268 MB`,
  });
});
