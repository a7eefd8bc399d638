import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chooseProcess, parseView } from '../../src/runtimes/processes.ts';

interface Given {
  readonly name?: string;
  readonly stat?: string;
  readonly cmdline?: string;
  readonly extra?: readonly string[];
}

const jvm = ['exe:/jre/bin/java', 'map:libjvm.so', 'tell:attach 1', 'tell:tmp writable'];

const process = (pid: number, { name = 'java', stat, cmdline = `${name}\x1f-jar\x1fapp.jar\x1f`, extra = jvm }: Given = {}) =>
  [
    ...extra,
    `status:Name:\t${name}`,
    'status:State:\tS (sleeping)',
    'status:PPid:\t0',
    'status:TracerPid:\t0',
    'status:Uid:\t1000\t1000\t1000\t1000',
    'status:Gid:\t3000\t3000\t3000\t3000',
    'status:Groups:\t3000 2000 ',
    'status:CapPrm:\t0000000000000000',
    'status:SigCgt:\t2000000181005ccf',
    `stat:${stat ?? `${pid} (${name}) S 0 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 17 0 ${4000 + pid} 1 2`} `,
    `cmdline:${cmdline}`,
  ]
    .map((line) => `${pid}/${line}`)
    .join('\n');

const view = (...processes: readonly string[]) =>
  parseView(['tools jattach inroot zstd', 'jdk ', 'self 1000 3000 0000000000000000 ', ...processes, 'more 0', ''].join('\n'));

describe('parseView', () => {
  it('reads what look prints', () => {
    const { tools, uid, gid, processes } = view(process(1));
    expect([tools.has('jattach'), tools.has('jcmd'), tools.jdk, uid, gid]).toEqual([true, false, undefined, 1000, 3000]);
    expect(processes).toEqual([
      {
        pid: 1,
        ppid: 0,
        started: '4001',
        uid: 1000,
        gid: 3000,
        groups: [3000, 2000],
        comm: 'java',
        argv: ['java', '-jar', 'app.jar'],
        exe: '/jre/bin/java',
        handles: 0x2000000181005ccfn,
        capabilities: 0n,
        tracer: 0,
        maps: ['libjvm.so'],
        tells: { attach: '1', tmp: 'writable' },
      },
    ]);
  });

  it.each(['\r', '\u2028', '\u2029', '\u0085'])('sees a process whose name and arguments hold %j', (end) => {
    const { processes } = view(process(7, { name: `a${end}b`, cmdline: `java\x1f-Da=${end}\x1f-XX:+DisableAttachMechanism\x1f` }));
    expect(processes).toMatchObject([
      { pid: 7, started: '4007', comm: `a${end}b`, argv: ['java', `-Da=${end}`, '-XX:+DisableAttachMechanism'] },
    ]);
  });

  it('takes the start time from behind the last parenthesis', () => {
    const stat = '7 (x) S 1 2) S 0 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 17 0 99 1 2';
    expect(view(process(7, { stat })).processes[0]?.started).toBe('99');
  });

  it('leaves out what ended while it was looked at', () => {
    expect(view('5/seen:\n5/exe:/bin/x', process(6)).processes.map(({ pid }) => pid)).toEqual([6]);
    expect(view('5/seen:\n5/status:Name:\tgone').processes).toEqual([]);
  });

  it('does not take for all what was cut', () => {
    const whole = ['tools zstd', 'jdk ', 'self 1000 3000 0 ', process(6), 'more 0', ''].join('\n');
    expect(parseView(whole).processes).toHaveLength(1);
    expect(() => parseView(whole.slice(0, -8))).toThrow('did not describe what it sees');
  });

  it('keeps a key of the prototype an ordinary key', () => {
    const { processes } = view(process(1, { extra: ['tell:__proto__ polluted', '__proto__:polluted'] }));
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    expect(processes).toHaveLength(1);
  });

  it('throws a KprofError or gives a view, whatever it reads', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          parseView(text);
        } catch (error) {
          return (error as Error).name === 'KprofError';
        }
        return true;
      }),
    );
  });
});

describe('chooseProcess', () => {
  const choose = (processes: ReturnType<typeof view>['processes'], pid?: number) =>
    chooseProcess({ processes, more: 40 }, { pid, container: 'app', looksFor: 'JVM', matches: ({ maps }) => maps.includes('libjvm.so') });
  const other = process(3, { name: 'nginx', extra: ['exe:/usr/sbin/nginx'], cmdline: 'nginx: worker' });

  it('takes the only one that fits', () => expect(choose(view(other, process(7)).processes).pid).toBe(7));
  it('says what runs where none fits', () =>
    expect(() => choose(view(other).processes)).toThrow(/no JVM in container app.*\n {2}3 {2}nginx: worker/));
  it('says how many more there are, not which', () => {
    const crowd = Array.from({ length: 25 }, (_, at) => process(at + 10, { name: 'sh', extra: ['exe:/bin/sh'], cmdline: 'sh' }));
    expect(() => choose(view(...crowd).processes)).toThrow(/\n {2}29 {2}sh\n {2}and 45 more$/);
  });
  it('lists all that fit', () => {
    try {
      choose(view(process(7), process(8)).processes);
      expect.unreachable();
    } catch (error) {
      expect(error).toMatchObject({ failure: 'usage', hint: expect.stringMatching(/--pid.*\n {2}7 {2}java -jar app.jar\n {2}8 /) });
    }
  });
  it('takes the one that is named', () => expect(choose(view(process(7), process(8)).processes, 8).pid).toBe(8));
  it('refuses one that does not fit', () => expect(() => choose(view(other, process(7)).processes, 3)).toThrow('not a JVM'));
  it('refuses one that is not there', () => expect(() => choose(view(process(7)).processes, 9)).toThrow('no process 9'));
});
