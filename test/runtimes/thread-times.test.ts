import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { threadTime, threadTimes, timesOfThreads } from '../../src/runtimes/thread-times.ts';
import { hotspot } from '../support/hotspot.ts';

it('what the kernel tells of threads is told as a JVM does', () => {
  const line = (tid: number, name: string) =>
    `${tid} (${name}) S 1 7 7 0 -1 1077936192 812 0 0 0 123 27 0 0 20 0 14 0 1000 2620420096 9000 0 0\n`;
  expect(timesOfThreads(`60.00 110.50\n${line(7, 'java')}${line(43, 'a) S 1 (b')}x\n`)).toBe(
    'Processor time of its threads, as the kernel tells it:\n\nnid=0x7 cpu=1500ms elapsed=50.00s\nnid=0x2b cpu=1500ms elapsed=50.00s\n',
  );
  for (const nothing of ['', 'find: not found\n', '60.00 110.50\n']) expect(timesOfThreads(nothing)).toBe('');
});

it('they are read of a process that is there', () => {
  const [program, ...words] = threadTimes({ ...hotspot, pid: process.pid });
  const lines = timesOfThreads(execFileSync(program, words, { encoding: 'utf8' }))
    .split('\n')
    .slice(2, -1);
  expect(lines.length).toBeGreaterThan(1);
  for (const line of lines) expect(line).toMatch(threadTime);
  expect(lines.some((line) => line.startsWith(`nid=0x${process.pid.toString(16)} cpu=`))).toBe(true);
});
