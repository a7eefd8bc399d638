import { describe, expect, it } from 'vitest';
import { makePlan } from '../../src/capture/request.ts';
import type { Flags } from '../../src/flags.ts';
import { parse } from '../../src/parse.ts';
import type { Bears, Facts, Plan, Way } from '../../src/toolkit.ts';
import { heapdump } from '../../toolkits/heapdump.ts';
import { hotspot } from '../support/hotspot.ts';

const none = { liveness: undefined, readiness: undefined, memory: undefined, storage: undefined, cores: undefined, volumes: [] };
const told: Facts = {
  help: 'GC.heap_dump\nOptions:\n\t-all : …\n\t-parallel : …\n',
  heap: ` garbage-first heap   total 4G, used ${1024 * 1024}K [0x0, 0x1)\n`,
  yardstick: '67108864 20 20\n',
};

interface Around {
  readonly facts?: Facts;
  readonly bears?: Bears;
  readonly yes?: boolean;
}

function plan(argv: readonly string[] = [], { facts = told, bears = none, yes = false }: Around = {}): Extract<Plan, { kind: 'file' }> {
  const { options } = parse(argv, heapdump.flags, () => new Uint8Array());
  const request = { options, yes, where: { name: 'deploy/api' } };
  const [way] = heapdump.ways(options);
  const tools = { has: () => true, jdk: undefined };
  const made = makePlan(request, way as Way<Flags>, { process: hotspot, tools, facts, id: 'abc', bears });
  if (made.kind !== 'file') throw new Error(made.kind);
  return made;
}

const command = (made: Plan): string => {
  const first = made.kind === 'file' ? made.steps[0] : undefined;
  if (first === undefined || 'wait' in first) throw new Error('no step');
  return first.run.at(-1) as string;
};

describe('a heap dump', () => {
  it('is written to the disk of the debug container', () => {
    const made = plan();
    expect(command(made)).toBe('GC.heap_dump -parallel=2 /proc/$room/root/tmp/kprof-abc/heap.hprof');
    expect(made.steps).toEqual([expect.objectContaining({ room: true })]);
    expect(made.result).toMatchObject({ early: 'loses', file: { at: 'tool', seenByTool: '/tmp/kprof-abc/heap.hprof' } });
  });

  it('is of all objects where that is asked, and never packed by the JVM', () => {
    expect(command(plan(['--all']))).toContain('GC.heap_dump -all ');
    expect(command(plan())).not.toContain('-gz');
  });

  it.each([
    ['a JVM that can not', { facts: { ...told, help: 'Options:\n\t-all : …\n' } }, 'GC.heap_dump /proc'],
    ['an app that has one core', { bears: { ...none, cores: 1.5 } }, 'GC.heap_dump /proc'],
    ['an app that has many', { bears: { ...none, cores: 16 } }, 'GC.heap_dump -parallel=8 /proc'],
  ])('is written by as many threads as is good for %s', (_, around, begin) => expect(command(plan([], around))).toContain(begin));

  it('announces what it costs', () => {
    const bears = { ...none, readiness: { after: 1000, words: '1 × 5s' } };
    expect(plan([], { bears }).notes).toEqual([
      expect.stringMatching(/^JVM 7 stands still for \d+s at most, and the dump takes 2064 MiB/),
      expect.stringContaining('readiness probe (1 × 5s)'),
    ]);
  });

  it('is refused where it would do harm, unless that is agreed to', () => {
    const bears = { ...none, liveness: { after: 1000, words: '1 × 5s' } };
    const refused = () => plan([], { bears });
    expect(refused).toThrow(expect.objectContaining({ failure: 'unsupported', cause: expect.stringContaining('liveness probe') }));
    expect(refused).toThrow(expect.objectContaining({ hint: expect.stringMatching(/kprof histogram deploy\/api; .*--yes/) }));
    expect(plan([], { bears, yes: true }).notes).toContainEqual(expect.stringMatching(/^Taken nevertheless: its liveness probe/));
  });

  it('that is not written fails, though the JVM calls it a success', () => {
    const [first] = plan().steps;
    if (first === undefined || 'wait' in first) throw new Error('no step');
    const answer = 'Connected to remote JVM\nJVM response code = 0\nDumping heap to /x ...\n';
    expect(() => first.check?.(`${answer}Unable to create /x: File exists\n`)).toThrow('The JVM could not write its heap down');
    expect(() => first.check?.(`${answer}Heap dump file created [4863012 bytes in 0.263 secs]\n`)).not.toThrow();
  });
});
