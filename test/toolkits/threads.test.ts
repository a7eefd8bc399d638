import { describe, expect, it } from 'vitest';
import { makePlan } from '../../src/capture/request.ts';
import { parse } from '../../src/parse.ts';
import type { Bears, Plan, Process, Tools, Way } from '../../src/toolkit.ts';
import { threads } from '../../toolkits/threads.ts';

const ours: Tools = { has: (program) => program !== 'jcmd', jdk: undefined };
const process = { pid: 7, started: '4711', handles: 0x4n, maps: ['libjvm.so'], tells: {} } as unknown as Process;
const { options: usual } = parse([], threads.flags, () => new Uint8Array());
const [attach, signal] = threads.ways(usual) as [Way<never>, Way<never>];

type Around = { readonly space?: string; readonly bears?: Partial<Bears> };
const planIn = ({ space = '', bears }: Around, way: Way<never>, version: string, ...argv: readonly string[]) => {
  const { options } = parse(argv, threads.flags, () => new Uint8Array());
  const facts = { version: `OpenJDK 64-Bit Server VM version ${version}+9\nJDK ${version}\n`, space };
  const around = { process, tools: ours, facts, id: 'abc', ...(bears === undefined ? {} : { bears: { volumes: [], ...bears } as never }) };
  return makePlan({ options } as never, way as never, around) as Extract<Plan, { kind: 'stream' }>;
};
const plan = (way: Way<never>, version: string, ...argv: readonly string[]) => planIn({}, way, version, ...argv);
const said = (made: ReturnType<typeof plan>) => made.steps.map((step) => ('run' in step ? step.run.at(-1) : step.wait));

describe('thread dumps by attaching', () => {
  it('have what the JDK can tell', () => {
    expect(said(plan(attach, '17.0.1', '--count', '2'))).toEqual(['Thread.print -l -e', 5000, 'Thread.print -l -e']);
  });

  it('of JDK 8 are each followed by what its threads used', () => {
    const { steps } = plan(attach, '8.0.1', '--count', '2');
    const used = { run: ['ticks', '7'], optional: true };
    expect(steps).toMatchObject([{ run: expect.arrayContaining(['Thread.print -l']) }, used, { wait: 5000 }, {}, used]);
  });

  it('are followed by virtual threads, from JDK 21 on and unless they are left out', () => {
    const made = plan(attach, '21.0.1');
    expect(said(made).slice(0, 2)).toEqual(['Thread.print -l -e', 'Thread.dump_to_file -overwrite /tmp/kprof-abc/virtual.txt']);
    expect(made).toMatchObject({
      needsFolder: { at: 'target' },
      steps: [{}, {}, { run: ['inroot', '7', '4711', 'cat', '/tmp/kprof-abc/virtual.txt', expect.anything()] }],
    });
    // What there is of all others does not depend on them.
    expect(made.steps.map((step) => 'optional' in step && step.optional === true)).toEqual([false, true, true]);
    expect(plan(attach, '21.0.1', '--platform-only').needsFolder).toBeUndefined();
  });
});

describe('virtual threads, which take any room', () => {
  const blocks = (mebibytes: number, type: string) => `${mebibytes * 256} 9999999 4096 ${type}\n`;
  it.each<readonly [string, Around, RegExp | undefined]>([
    ['a disk', { space: blocks(257, 'overlayfs') }, undefined],
    ['a disk that is nearly full', { space: blocks(255, 'overlayfs') }, /left out: .* \/tmp has room for 255 MiB$/],
    ['memory', { space: blocks(9999, 'tmpfs') }, /left out: .* \/tmp is memory$/],
    ['what nobody knows', { space: 'unknown\n' }, /left out: .* how much room \/tmp has can't be told$/],
    ['a volume with a limit', { bears: { volumes: [{ path: '/tmp', limit: 64 * 2 ** 20, isEphemeral: true }] } }, /left out: .* 48 MiB/],
    ['a pod with a limit', { bears: { storage: 100 * 2 ** 20 } }, /left out: .* 75 MiB/],
  ])('on %s', (_, around, note) => {
    const made = planIn(around, attach, '21.0.1');
    expect(made.steps).toHaveLength(note === undefined ? 3 : 1);
    expect(made.notes).toEqual(note === undefined ? [] : [expect.stringMatching(note)]);
    expect(planIn(around, attach, '17.0.1').notes).toEqual([]);
    expect(planIn(around, attach, '21.0.1', '--platform-only').notes).toEqual([]);
  });

  it('are asked about where they go', () => {
    expect(attach.probe(process, ours, {} as never)['space']).toEqual(['space', '7', '4711', '/tmp']);
  });
});

describe('thread dumps by SIGQUIT', () => {
  it('go to the very process, and are read from its log', () => {
    expect(plan(signal, '17.0.1', '--count', '2').steps).toMatchObject([
      { run: ['quit', '7', '4711'], inLog: { from: expect.any(RegExp) } },
      { wait: 5000 },
      { run: ['quit', '7', '4711'] },
    ]);
  });

  it('are for a JVM that handles it, whatever keeps others out', () => {
    expect(() => signal.guard({ ...process, argv: ['java', '-XX:+DisableAttachMechanism'], tells: {} }, ours)).not.toThrow();
    expect(() => signal.guard({ ...process, handles: 0n }, ours)).toThrow('SIGQUIT');
    expect(() => signal.guard({ ...process, maps: ['libj9vm29.so'] }, ours)).toThrow('SIGQUIT');
  });
});
