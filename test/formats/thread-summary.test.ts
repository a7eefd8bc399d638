import { describe, expect, it } from 'vitest';
import { type Dump, readLine } from '../../src/formats/thread-dump.ts';
import { crowds, hotThreads, standsOut } from '../../src/formats/thread-summary.ts';

const times = (cpu: number, elapsed: number) => `cpu=${cpu.toFixed(2)}ms elapsed=${elapsed.toFixed(2)}s `;
const thread = (name: string, tid: string, used: string, ...lines: readonly string[]) =>
  [
    `"${name}" #12 [18] daemon prio=5 os_prio=0 ${used}tid=0x${tid} nid=18 runnable  [0x0000]`,
    '   java.lang.Thread.State: BLOCKED (on object monitor)',
    ...lines,
    '',
  ].join('\n');
const begin = 'Full thread dump OpenJDK 64-Bit Server VM (21 mixed mode):\n';
const end = 'JNI global refs: 19, weak refs: 0\n';

function dumps(...texts: readonly string[]): Dump[] {
  const found: Dump[] = [];
  for (const line of texts.join('\n').split('\n')) readLine(found, line);
  return found;
}
const one = (...threads: readonly string[]) => dumps(begin, ...threads, end);

describe('threads that burn CPU', () => {
  const pair = dumps(
    begin,
    thread('idle', 'a1', times(500, 10)),
    thread('hot', 'a2', times(100, 10)),
    end,
    begin,
    thread('idle', 'a1', times(501, 12)),
    thread('hot', 'a2', times(1600, 12)),
    thread('young', 'a3', times(50, 0.05)),
    thread('new', 'a4', times(300, 1)),
    end,
  );

  it('are told by what they used between the dumps, as a share of a core', () => {
    expect(hotThreads(pair)).toEqual([
      { name: 'hot', cpu: 1500, share: 0.75 },
      { name: 'new', cpu: 300, share: 0.3 },
    ]);
    expect(standsOut(pair, 200, 10)).toBe(
      'cpu: "hot" 75% of a core, 1500 ms between the dumps\ncpu: "new" 30% of a core, 300 ms between the dumps',
    );
  });

  it('are told by their whole life from a single dump, and not at all where the JVM does not tell', () => {
    expect(hotThreads(one(thread('hot', 'a2', times(5000, 10))))).toEqual([{ name: 'hot', cpu: 5000, share: 0.5 }]);
    expect(hotThreads(one(thread('jdk 8', 'a2', '')))).toEqual([]);
  });
});

describe('locks', () => {
  const lock = (how: string, address: string, type: string) => `\t- ${how}<0x${address}> (a ${type})`;

  it('have their owners and waiters, monitors and those of java.util.concurrent', () => {
    const [dump] = one(
      thread('owner', '1', '', lock('locked ', 'b1', 'A'), '   Locked ownable synchronizers:', lock('', 'b2', 'B')),
      thread('x', '2', '', lock('waiting to lock ', 'b1', 'A')),
      thread('y', '3', '', lock('parking to wait for  ', 'b2', 'B')),
      thread('z', '4', '', lock('parking to wait for  ', 'b2', 'B')),
    );
    expect(crowds(dump as Dump)).toEqual([
      { lock: { address: '0xb2', type: 'B' }, owner: 'owner', waiters: ['y', 'z'] },
      { lock: { address: '0xb1', type: 'A' }, owner: 'owner', waiters: ['x'] },
    ]);
    expect(standsOut([dump as Dump], 60, 1)).toBe('lock: "owner" holds B <0xb2>: 2 waiting, "y", "z"');
    expect(standsOut([dump as Dump], 30, 1)).toBe('lock: "owner" holds B <0xb2>:\n  2 waiting, "y", "z"');
  });

  it('that a thread waits on in wait() are not its own, and a condition has no owner', () => {
    const [dump] = one(
      thread('waits', '1', '', lock('waiting on ', 'b1', 'A'), lock('locked ', 'b1', 'A')),
      thread('parked', '2', '', lock('parking to wait for  ', 'b2', 'Condition')),
    );
    expect(crowds(dump as Dump)).toEqual([]);
  });
});

describe('a deadlock', () => {
  const found = (second: string) =>
    dumps(
      begin,
      thread('one', '1', ''),
      end,
      'Found one Java-level deadlock:',
      '====',
      '"one":',
      '  waiting to lock monitor 0x00d0 (object 0x00fc, a java.lang.StringBuilder),',
      '  which is held by "two\x1b[2J"',
      '"two\x1b[2J":',
      second,
      '  which is held by "one"',
      'Java stack information for the threads listed above:',
      '====',
      '"one":',
      '\tat A.b(A.java:1)',
      '"two\x1b[2J":',
      'Found 1 deadlock.',
    );

  it.each([
    ['monitors', '  waiting to lock monitor 0x00f4 (object 0x00fd, a java.lang.Object),'],
    ['synchronizers', '  waiting for ownable synchronizer 0x00fd, (a java.lang.Object),'],
  ])('names the threads and what they wait for, printable: %s', (_, second) => {
    const made = found(second);
    expect(made[0]).toMatchObject({ deadlocks: 1, telling: false });
    expect(standsOut(made, 200, 10).split('\n')).toEqual([
      'deadlock: "one" waits for "two\\x1b[2J", which holds java.lang.StringBuilder <0x00fc>',
      'deadlock: "two\\x1b[2J" waits for "one", which holds java.lang.Object <0x00fd>',
    ]);
    expect(standsOut(made, 40, 1)).toBe('deadlock: "one" waits for "two\\x1b[2J",\n  which holds java.lang.StringBuilder\n  <0x00fc>');
  });
});

it('virtual threads stand behind a dump', () => {
  const made = dumps(
    begin,
    thread('one', '1', ''),
    end,
    'Virtual threads:',
    '',
    '#22 "" virtual',
    '      A.b(A.java:1)',
    '',
    '#23 "x" virtual WAITING',
  );
  expect(made).toHaveLength(1);
  expect(made[0]).toMatchObject({ virtual: 2, ended: true });
});
