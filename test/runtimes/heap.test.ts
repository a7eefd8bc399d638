import { describe, expect, it } from 'vitest';
import { broken, costOf, heapUsed, parseDisk, parseYardstick } from '../../src/runtimes/heap.ts';

const serial25 = `12387:
DefNew     total 116160K, used 64178K [0x00000000e7000000, 0x00000000eee00000, 0x00000000ef550000)
 eden space 103296K,  49% used [0x00000000e7000000, 0x00000000ea21ca80, 0x00000000ed4e0000)
 from space 12864K, 100% used [0x00000000ed4e0000, 0x00000000ee170000, 0x00000000ee170000)
Tenured    total 258048K, used 192482K [0x00000000ef550000, 0x00000000ff150000, 0x0000000100000000)
 the  space 258048K,  74% used [0x00000000ef550000, 0x00000000fb148ba0, 0x00000000ff150000)
Metaspace       used 85K, committed 320K, reserved 1114112K
  class space    used 7K, committed 128K, reserved 1048576K
`;

it.each([
  ['G1 of JDK 17', ' garbage-first heap   total 65536K, used 2832K [0x00000000fc000000, 0x0000000100000000)\n', 2832],
  ['G1 of JDK 25', 'garbage-first heap   total reserved 65536K, committed 65536K, used 3788K [0x0, 0x1)\n', 3788],
  ['Serial', serial25, 64_178 + 192_482],
  ['Parallel', ' PSYoungGen      total 38400K, used 1331K [0x0, 0x1, 0x2)\n ParOldGen       total 87552K, used 5K [0x0, 0x1, 0x2)\n', 1336],
  ['ZGC', ' ZHeap           used 14M, capacity 256M, max capacity 1024M\n Metaspace       used 85K, committed 320K\n', 14 * 1024],
  ['Shenandoah', 'Shenandoah Heap\n 64M max, 64M soft max, 64M committed, 10M used\n 128 x 512K regions\n', 10 * 1024],
])('the heap in use with %s', (_, text, kibibytes) => expect(heapUsed(text)).toBe(kibibytes * 1024));

it('is not known of what tells none', () => expect(heapUsed('Unknown diagnostic command\n')).toBeUndefined());

describe('what it costs', () => {
  const facts = {
    heap: ` garbage-first heap   total 4G, used ${1024 * 1024}K [0x0, 0x1)\n`,
    yardstick: '67108864 20 20\n',
    status: 'Name:\tjava\nVmRSS:\t 1500000 kB\n',
    disk: '1000000 2000000 4096 overlayfs\n',
  };

  it('grows with the heap, the slowness of the machine, and what is missing to a core', () => {
    const cost = costOf(facts, undefined);
    expect(cost?.bytes).toBe(2 * 2 ** 30 + 16 * 2 ** 20);
    expect(cost?.pause).toBeGreaterThan(5_000);
    expect(cost?.pause).toBeLessThan(25_000);
    const slow = costOf({ ...facts, yardstick: '67108864 20 40\n' }, undefined)?.pause ?? 0;
    expect(slow).toBeGreaterThan(1.5 * (cost?.pause ?? 0));
    expect(costOf(facts, 0.5)?.pause).toBeCloseTo(slow);
    expect(costOf(facts, 4)?.pause).toBe(cost?.pause);
    expect(costOf({ ...facts, yardstick: '67108864 600 20\n' }, undefined)?.pause).toBeGreaterThan(slow);
  });

  it('is told by the memory of the process where the JVM does not tell, and by nothing without both', () => {
    expect(costOf({ ...facts, heap: '' }, undefined)?.bytes).toBe(2 * 1500000 * 1024 + 16 * 2 ** 20);
    expect(costOf({}, undefined)).toBeUndefined();
  });

  const none = { liveness: undefined, readiness: undefined, memory: undefined, storage: undefined, cores: undefined, volumes: [] };
  const cost = { pause: 20_000, bytes: 2 ** 30 };
  const GiB = 2 ** 30;
  it.each([
    ['nothing', none, facts, []],
    ['a patient probe', { ...none, liveness: { after: 21_000, words: '3 × 10s' } }, facts, []],
    [
      'an impatient probe',
      { ...none, liveness: { after: 19_000, words: '2 × 15s' } },
      facts,
      [/liveness probe \(2 × 15s\) .* 19s, .* 20s/],
    ],
    ['a disk that is large enough', none, { ...facts, disk: '600000 2000000 4096 overlayfs\n' }, []],
    ['a disk that would be too full', none, { ...facts, disk: '500000 2000000 4096 overlayfs\n' }, [/room for 782 MiB/]],
    ['a limit for what is written', { ...none, storage: (GiB * 4) / 3 - 4 }, facts, [/ephemeral-storage.*not known/]],
    ['a limit that leaves a quarter', { ...none, storage: (GiB * 4) / 3 + 4 }, facts, []],
    ['a limit of memory that is near', { ...none, memory: 1490 * 2 ** 20 }, facts, [/memory limit/]],
    ['a limit of memory that is far', { ...none, memory: 1600 * 2 ** 20 }, facts, []],
    ['a disk in memory', { ...none, memory: 2 * GiB }, { ...facts, disk: '1000000 2000000 4096 tmpfs\n' }, [/memory limit/]],
  ] as const)('is held against %s', (_, bears, told, expected) => {
    const reasons = broken(cost, { bears, facts: told });
    expect(reasons).toHaveLength(expected.length);
    for (const [index, reason] of reasons.entries()) expect(reason).toMatch(expected[index] as RegExp);
  });
});

it.each(['', 'x', '0 1 1', '67108864 20'])('%j is no yardstick', (text) => expect(parseYardstick(text)).toBeUndefined());
it('a disk that was not tried is a slow one', () => expect(parseYardstick('67108864 - 20\n')?.disk).toBeCloseTo(1049, 0));
it('a yardstick is never infinitely fast', () =>
  expect(parseYardstick('67108864 0 0\n')).toEqual({ bytes: 2 ** 26, disk: 10, processor: 10 }));
it.each(['', '1 2 3', 'a b c d'])('%j is no disk', (text) => expect(parseDisk(text)).toBeUndefined());
