import { describe, expect, it } from 'vitest';
import { makePlan } from '../../src/capture/request.ts';
import { flagsOf } from '../../src/common.ts';
import type { Flags } from '../../src/flags.ts';
import { parse } from '../../src/parse.ts';
import type { Bears, Facts, Plan, Step, Toolkit, Way } from '../../src/toolkit.ts';
import { jcmd } from '../../toolkits/jcmd.ts';
import { hotspot } from '../support/hotspot.ts';

const tools = { has: () => true, jdk: undefined };

function plan(command: readonly string[], facts: Facts = {}, bears?: Bears): Exclude<Plan, { kind: 'inspect' }> {
  const options = { command };
  const [way] = jcmd.ways(options);
  const made = makePlan({ options }, way as unknown as Way<Flags>, {
    process: hotspot,
    tools,
    facts,
    id: 'abc',
    ...(bears === undefined ? {} : { bears }),
  });
  if (made.kind === 'inspect') throw new Error(made.kind);
  return made;
}

describe('a diagnostic command', () => {
  it('that answers is printed', () => {
    expect(plan(['VM.flags', '-all'])).toMatchObject({ kind: 'stream', steps: [{ run: ['jattach', '7', 'jcmd', 'VM.flags -all'] }] });
    expect(jcmd.printsWith?.({ command: ['VM.flags'] })).toBe(true);
  });

  it('is the list of all where none is typed', () => {
    expect(plan([])).toMatchObject({ steps: [{ run: ['jattach', '7', 'jcmd', 'help'] }] });
  });

  it('that writes a file has it fetched, from the debug container where it can', () => {
    expect(plan(['GC.heap_dump', '-all'])).toMatchObject({
      kind: 'file',
      steps: [{ run: ['jattach', '7', 'jcmd', 'GC.heap_dump -all /proc/$room/root/tmp/kprof-abc/heap.hprof'], room: true }],
      result: { file: { at: 'tool' } },
    });
    // It is written in Java, and not found there.
    expect(plan(['Thread.dump_to_file', '-format=json'])).toMatchObject({
      steps: [{ run: ['jattach', '7', 'jcmd', 'Thread.dump_to_file -format=json /tmp/kprof-abc/threads.txt'] }],
      result: { file: { at: 'target' }, ends: ['\n}\n', '\n}'] },
    });
    expect(plan(['Thread.dump_to_file'])).toMatchObject({ result: { ends: ['\n\n'] } });
    const recording = plan(['JFR.dump', 'filename=/tmp/mine.jfr']);
    expect(recording).toMatchObject({
      steps: [{ run: ['jattach', '7', 'jcmd', 'JFR.dump filename=/tmp/kprof-abc/recording.jfr'] }],
      result: { file: { at: 'target' } },
      notes: [expect.stringContaining('instead of to filename=/tmp/mine.jfr')],
    });
    expect(jcmd.ways({ command: ['JFR.dump'] })[0]).toMatchObject({ format: 'jfr' });
    expect(jcmd.printsWith?.({ command: ['JFR.dump'] })).toBe(false);
  });

  describe('that writes a file where the app does', () => {
    const recordings = 'Recording 1: name=mine maxsize=250.0MB (running)\nRecording 2: name=long (running)\n';
    const blocks = (mebibytes: number) => `${mebibytes * 256} 9999999 4096 overlayfs\n`;
    const said = (command: readonly string[], mebibytes: number) => {
      const { steps } = plan(command, { recordings, space: blocks(mebibytes) });
      return (steps[0] as Step).run.at(-1);
    };
    const dump = 'JFR.dump name=mine filename=/tmp/kprof-abc/recording.jfr';

    it('asks what room there is', () => {
      const asked = (name: string) => (jcmd.ways({ command: [name] })[0] as unknown as Way<Flags>).probe(hotspot, tools, {} as never);
      for (const name of ['JFR.dump', 'JFR.stop'])
        expect(asked(name)).toMatchObject({ recordings: expect.anything(), space: ['space', '7', hotspot.started, '/tmp'] });
      expect(asked('Thread.dump_to_file')).toMatchObject({ space: expect.anything() });
      expect(asked('VM.flags')).not.toHaveProperty('space');
    });

    it('copies as much of a recording as the disk bears', () => {
      expect(said(['JFR.dump', 'name=mine'], 9000)).toBe(dump);
      expect(said(['JFR.dump', 'name=mine'], 126)).toBe(`${dump} maxsize=100M`);
      expect(said(['JFR.dump', 'name=mine', 'maxsize=50m'], 126)).toBe(
        'JFR.dump name=mine maxsize=50m filename=/tmp/kprof-abc/recording.jfr',
      );
      expect(said(['JFR.dump', 'maxsize=1g'], 126)).toBe('JFR.dump maxsize=100M filename=/tmp/kprof-abc/recording.jfr');
      expect(said(['JFR.dump', 'name=long'], 9026)).toBe('JFR.dump name=long filename=/tmp/kprof-abc/recording.jfr maxsize=9000M');
      expect(plan(['JFR.dump', 'name=1'], { recordings, space: blocks(126) })).toMatchObject({ notes: [expect.stringContaining('100M')] });
    });

    it('copies little where a limit is low, or where that is agreed to', () => {
      const limited = (...words: readonly string[]) =>
        plan(['JFR.dump', ...words], { recordings, space: blocks(9000) }, { storage: 200 * 2 ** 20, volumes: [] } as never);
      expect(limited('name=mine')).toMatchObject({
        steps: [{ run: ['jattach', '7', 'jcmd', `${dump} maxsize=8M`] }],
        notes: [expect.stringMatching(/^Of what was recorded last a copy of 8M at most .* 150 MiB are taken for free/)],
      });
      expect(limited('maxsize=5M')).toMatchObject({
        steps: [{ run: expect.arrayContaining([expect.stringContaining(' maxsize=5M ')]) }],
        notes: [],
      });
      expect(limited().notes).toHaveLength(1);
      expect(limited().costs).toBeUndefined();
      expect(said(['JFR.dump', 'name=mine'], 30)).toBe(`${dump} maxsize=8M`);
      expect(plan(['JFR.dump'], { recordings, space: blocks(30) }).costs).toBe(
        'JFR.dump writes 8M, and /tmp has room for 30 MiB: a JVM ends when its disk is full',
      );
    });

    it('says before it ends a recording whether the disk bears its copy', () => {
      expect(said(['JFR.stop', 'name=mine'], 300)).toBe('JFR.stop name=mine filename=/tmp/kprof-abc/recording.jfr');
      const costs = (mebibytes: number, name: string) => plan(['JFR.stop', `name=${name}`], { recordings, space: blocks(mebibytes) }).costs;
      const ends = 'JFR.stop ends a recording, maybe somebody else’s';
      expect(costs(300, 'mine')).toBe(ends);
      expect(costs(200, 'mine')).toBe(
        `${ends}; it writes up to 250M, and /tmp has room for 200 MiB: what does not fit may end the JVM. As much as fits: kprof jcmd POD -- JFR.dump name=mine`,
      );
      expect(costs(9000, 'long')).toContain('it writes all there is');
      // The JVM itself says that there is none.
      expect(costs(4, 'none')).toBe(ends);
    });

    it('asks before it writes all threads to a disk that they might fill', () => {
      const costs = (space: string) => plan(['Thread.dump_to_file'], { space }).costs;
      expect(costs(blocks(256))).toBeUndefined();
      expect(costs(blocks(255))).toContain('/tmp has room for 255 MiB');
      expect(costs('9999999 9999999 4096 tmpfs\n')).toContain('/tmp is memory');
    });
  });

  it('that is dangerous says so first', () => {
    expect(plan(['VM.set_flag', 'X', '1']).costs).toContain('changes how the JVM works');
    expect(plan(['X.y'], { about: 'Impact: High: much\n' }).costs).toContain('impact: High: much');
    expect(plan(['VM.uptime'], { about: 'Impact: Low\n' }).costs).toBeUndefined();
  });
});

describe("a JVM's own word before --", () => {
  const parsed = (...argv: readonly string[]) => parse(argv, flagsOf(jcmd as unknown as Toolkit), () => new Uint8Array(), jcmd.habits);

  it.each(['-all', '-gz=1', '-l', '-format=json', '-format', '-overwrite', '-verbose'])('%s is told where it stands', (word) => {
    expect(() => parsed('mypod', 'VM.flags', word)).toThrow(
      expect.objectContaining({ failure: 'usage', hint: expect.stringContaining('kprof jcmd POD -- VM.flags -all') }),
    );
  });

  it('is none of our flags', () => {
    const shorts = Object.values(flagsOf(jcmd as unknown as Toolkit)).flatMap(({ short, value }) =>
      short === undefined ? [] : [{ short, value }],
    );
    expect(shorts.length).toBeGreaterThan(5);
    for (const { short, value } of shorts)
      for (const habit of jcmd.habits ?? []) expect(`-${short}${value === undefined ? '' : ' x'}`).not.toMatch(habit.typed);
    expect(parsed('mypod', '-n', 'shop', '-f', 'x.txt', '-v', '6', '--', 'VM.flags', '-all').words).toEqual(['mypod', 'VM.flags', '-all']);
  });
});
