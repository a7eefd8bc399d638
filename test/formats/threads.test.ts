import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { threads } from '../../src/formats/threads.ts';
import { sandbox } from '../support/sandbox.ts';

const stamp = '2026-11-21 07:15:02\n';
const begin = 'Full thread dump OpenJDK 64-Bit Server VM (17.0.15+6-Debian-1deb12u1 mixed mode, sharing):\n\n';
const thread = (
  name: string,
  state: string,
) => `"${name}" #12 prio=5 os_prio=0 cpu=0.50ms elapsed=3.00s tid=0x00007f01 nid=0x1a2b waiting on condition  [0x00007f02]
   java.lang.Thread.State: ${state}
	at java.lang.Thread.sleep(java.base@17.0.15/Native Method)

`;
const vmThread = '"VM Thread" os_prio=0 cpu=1.00ms elapsed=3.00s tid=0x00007f03 nid=0x1a2c runnable  \n\n';
const end = 'JNI global refs: 19, weak refs: 0\n\n';
const deadlock = `
Found one Java-level deadlock:
=============================
"one":
  waiting to lock monitor 0x00007f04 (object 0x1, a java.lang.Object),
  which is held by "two"

Java stack information for the threads listed above:
===================================================
"one":
	at A.run(A.java:4)

`;
const found = 'Found 1 deadlock.\n\n';
const dump = stamp + begin + thread('main', 'RUNNABLE') + thread('two', 'TIMED_WAITING (sleeping)') + vmThread + end;

async function check(text: string) {
  using box = sandbox();
  const path = join(box.path, 'x.txt');
  writeFileSync(path, text);
  return await threads.check(path);
}

test('one dump', async () => {
  expect(await check(dump)).toEqual({
    text: '1 dump of 3 threads: 1 RUNNABLE, 1 TIMED_WAITING',
    facts: { dumps: 1, threads: 3, states: { RUNNABLE: 1, TIMED_WAITING: 1 }, deadlocks: 0 },
  });
});

test('several dumps, as jcmd prints them; the states are those of the last', async () => {
  const { facts } = await check(`4711:\n${dump}4711:\n${stamp}${begin}${thread('main', 'RUNNABLE')}${end}`);
  expect(facts).toEqual({ dumps: 2, threads: 1, states: { RUNNABLE: 1 }, deadlocks: 0 });
});

test('deadlocks, which follow the end of a dump', async () => {
  const { text, facts } = await check(dump + deadlock + found + dump);
  expect(text).toContain('; 1 deadlock found');
  expect(facts).toMatchObject({ dumps: 2, deadlocks: 1, threads: 3 });
});

test('JDK 8, and lines that end as on Windows', async () => {
  expect((await check(dump.replace('refs: 19, weak refs: 0', 'references: 232').replaceAll('\n', '\r\n'))).facts).toMatchObject({
    threads: 3,
  });
});

test('of JDK 8, what its threads used stands behind each dump', async () => {
  const old = (times: string) =>
    `${stamp}${begin}${thread('hot', 'RUNNABLE').replace('cpu=0.50ms elapsed=3.00s ', '')}${end}\nProcessor time of its threads, as the kernel tells it:\n\n${times}\n`;
  const { facts, details } = await check(
    old('nid=0x1a2b cpu=100ms elapsed=3.00s') + old('nid=0x1a2b cpu=1100ms elapsed=5.00s\nnid=0x9 cpu=7ms elapsed=1.00s'),
  );
  expect(facts).toMatchObject({ dumps: 2, threads: 1, deadlocks: 0, cpu: { hot: 0.5 } });
  expect(details?.(80)).toContain('cpu: "hot" 50% of a core, 1000 ms between the dumps');
});

test('a name with line breaks begins no dump and is one thread', async () => {
  const nasty = thread('a\nFull thread dump of mine\n"b', 'BLOCKED (on object monitor)');
  expect((await check(stamp + begin + nasty + end)).facts).toEqual({ dumps: 1, threads: 1, states: { BLOCKED: 1 }, deadlocks: 0 });
});

test.each([
  ['nothing', '', 'holds no thread dump'],
  ['an error of jcmd', 'AttachNotSupportedException: …\n', 'holds no thread dump'],
  ['cut in the threads', stamp + begin + thread('main', 'RUNNABLE'), 'dump 1 ends in the middle'],
  ['cut in the second dump', dump + stamp + begin, 'dump 2 ends in the middle'],
  ['cut in the deadlocks', dump + deadlock, 'dump 1 ends in the middle'],
])('refuses: %s', async (_, text, reason) => {
  await expect(check(text)).rejects.toMatchObject({ failure: 'incomplete', message: expect.stringContaining(reason) });
});
