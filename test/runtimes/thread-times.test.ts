import { expect, it } from 'vitest';
import { timesOfThreads } from '../../src/runtimes/thread-times.ts';

it('what the kernel tells of threads is told as a JVM does', () => {
  const line = (tid: number, name: string) =>
    `${tid} (${name}) S 1 7 7 0 -1 1077936192 812 0 0 0 123 27 0 0 20 0 14 0 1000 2620420096 9000 0 0\n`;
  expect(timesOfThreads(`60.00 110.50\n${line(7, 'java')}${line(43, 'a) S 1 (b')}x\n`)).toBe(
    'Processor time of its threads, as the kernel tells it:\n\nnid=0x7 cpu=1500ms elapsed=50.00s\nnid=0x2b cpu=1500ms elapsed=50.00s\n',
  );
  for (const nothing of ['', 'find: not found\n', '60.00 110.50\n']) expect(timesOfThreads(nothing)).toBe('');
});
