import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { histogram } from '../../src/formats/histogram.ts';
import { recognise } from '../../src/formats/index.ts';
import { changeTable, parseHistogram } from '../../src/runtimes/histogram.ts';
import { histogramText } from '../support/histograms.ts';
import { sandbox } from '../support/sandbox.ts';

const earlier = histogramText([
  ['[B', 3, 3000],
  ['App$Known', 2, 64],
]);
const later = histogramText([
  ['[B', 4, 4000],
  ['App$Known', 2, 64],
]);

const file = (folder: string, name: string, content: string): string => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};

test('a histogram is known and summed up', async () => {
  using box = sandbox();
  const path = file(box.path, 'a.txt', earlier);
  expect((await recognise(path)).name).toBe('histogram');
  const summary = await histogram.check(path);
  expect(summary.text).toBe('3.06 kB in 5 objects of 2 classes');
  expect(summary.facts).toEqual({ bytes: 3064, instances: 5, classes: 2, top: { '[B': 3000, App$Known: 64 } });
  expect(summary.details?.(80, 1)?.split('\n')).toEqual([
    '   #instances         #bytes  class name',
    expect.stringMatching(/\[B$/),
    '… and 1 more',
  ]);
});

test('a class of two class loaders is counted together', async () => {
  using box = sandbox();
  const text = histogramText([
    ['[B', 3, 3000],
    ['App$Known', 60, 1920],
    ['App$Known', 40, 1280],
  ]);
  expect((await histogram.check(file(box.path, 'a.txt', text))).facts).toMatchObject({ classes: 3, top: { App$Known: 3200, '[B': 3000 } });
});

test('two are compared, and the table of that is a file of its own', async () => {
  using box = sandbox();
  const paths = [file(box.path, 'a.txt', earlier), file(box.path, 'b.txt', later)] as const;
  const compared = await histogram.diff?.(...paths);
  expect(compared).toMatchObject({ text: '+1 kB to 4.06 kB; 1 class changed', facts: { moreBytes: 1000, grew: { '[B': 1000 } } });
  const [one, other] = [parseHistogram(earlier), parseHistogram(later)];
  if (one === undefined || other === undefined) throw new Error('not whole');
  const table = file(box.path, 'c.txt', changeTable(one, other));
  expect((await recognise(table)).name).toBe('histogram');
  expect((await histogram.check(table)).facts).toEqual(compared?.facts);
});

test('what grew and what shrank are told apart', async () => {
  using box = sandbox();
  const [was, is] = [
    histogramText([
      ['[B', 3, 3000],
      ['[C', 9, 900],
      ['App$Known', 2, 64],
    ]),
    histogramText([
      ['[B', 5, 5000],
      ['App$Known', 1, 32],
    ]),
  ];
  const [before, after] = [file(box.path, 'a.txt', was), file(box.path, 'b.txt', is)];
  const { facts } = (await histogram.diff?.(before, after)) ?? {};
  expect(facts).toMatchObject({ changed: 3, grew: { '[B': 2000 }, shrank: { '[C': -900, App$Known: -32 } });
  expect(Object.keys(facts?.['grew'] as object)).toEqual(['[B']);
  expect(Object.keys(facts?.['shrank'] as object)).toEqual(['[C', 'App$Known']);
});

test('what is cut is not whole', async () => {
  using box = sandbox();
  await expect(histogram.check(file(box.path, 'a.txt', earlier.slice(0, -10)))).rejects.toMatchObject({ failure: 'incomplete' });
});
