import { expect, it } from 'vitest';
import { makePlan } from '../../src/capture/request.ts';
import { flagsOf } from '../../src/common.ts';
import { parse } from '../../src/parse.ts';
import type { Toolkit, Tools, Way } from '../../src/toolkit.ts';
import { asprof } from '../../toolkits/asprof.ts';
import { hotspot } from '../support/hotspot.ts';

const ours: Tools = { has: () => true, jdk: undefined };
const { options } = parse([], asprof.flags, () => new Uint8Array());
const [way] = asprof.ways(options) as [Way<never>];
const plan = (mebibytes: number, storage?: number) =>
  makePlan({ options } as never, way as never, {
    process: hotspot,
    tools: ours,
    facts: { space: `${mebibytes * 256} 9999999 4096 tmpfs\n` },
    id: 'abc',
    bears: { storage, volumes: [] } as never,
  });

it('a profile is taken where it does not fill a disk', () => {
  expect(way.probe(hotspot, ours, {} as never)['space']).toEqual(['space', '7', hotspot.started, '/tmp']);
  expect(plan(8)).toMatchObject({ kind: 'file' });
  expect(() => plan(7)).toThrow(expect.objectContaining({ failure: 'unsupported', cause: '/tmp has room for 7 MiB' }));
  expect(() => plan(99, 8 * 2 ** 20)).toThrow(expect.objectContaining({ cause: expect.stringContaining('6 MiB') }));
  expect(plan(99, 11 * 2 ** 20)).toMatchObject({ kind: 'file' });
});

it.each([
  ['collapsed', ['\n', '']],
  ['jfr', undefined],
  ['flamegraph', undefined],
] as const)('%s ends in %j', (format, ends) => {
  const made = makePlan({ options: { ...options, format } } as never, way as never, {
    process: hotspot,
    tools: ours,
    facts: { space: '99999 9999999 4096 tmpfs\n' },
    id: 'abc',
  });
  expect(made.kind === 'file' ? made.result.ends : made).toEqual(ends);
});

it.each([
  [['-d', '30'], '--duration 30s'],
  [['-d30'], '--duration 30s'],
  [['-i', '1ms'], '--interval 1ms'],
  [['-t'], '--threads'],
])("async-profiler's own %j is told how it is typed here", (argv, hint) => {
  expect(() => parse(argv, flagsOf(asprof as unknown as Toolkit), () => new Uint8Array(), asprof.habits)).toThrow(
    expect.objectContaining({ message: `There is no flag ${argv[0]?.slice(0, 2)}`, hint: expect.stringContaining(hint) }),
  );
});
