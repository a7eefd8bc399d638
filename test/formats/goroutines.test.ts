import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { goroutines, group, parseGoroutines } from '../../src/formats/goroutines.ts';

const folder = mkdtempSync(join(tmpdir(), 'kprof-goroutines-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = (text: string): string => {
  const path = join(folder, 'stacks.txt');
  writeFileSync(path, text);
  return path;
};

// As go1.26 prints them.
const worker = (id: number, minutes?: number) => `goroutine ${id} [chan receive${minutes === undefined ? '' : `, ${minutes} minutes`}]:
runtime.gopark(0xc000012345?, 0x0?, 0x0?, 0x0?, 0x0?)
\t/usr/local/go/src/runtime/proc.go:463 +0xce
main.(*Pool).worker(0xc0000140a0, {0x7f, 0x3})
\t/src/pool.go:${12} +0x1d
created by main.start in goroutine 1
\t/src/pool.go:30 +0x5a
`;
const running = `goroutine 1 gp=0xc000002380 m=0 mp=0x5c [running, locked to thread]:
main.main()
\t/src/main.go:9 +0x1
`;
const text = [running, worker(7), worker(8, 12), worker(9)].join('\n');

describe('stacks of goroutines', () => {
  it('are read, arguments and addresses aside', () => {
    expect(parseGoroutines(text)).toEqual([
      { id: 1, state: 'running', minutes: 0, stack: ['main.main'], creator: undefined },
      ...[7, 8, 9].map((id) => ({
        id,
        state: 'chan receive',
        minutes: id === 8 ? 12 : 0,
        stack: ['runtime.gopark', 'main.(*Pool).worker'],
        creator: 'main.start',
      })),
    ]);
  });

  it('are grouped, with the longest wait', () => {
    expect(group(parseGoroutines(text)).map(({ count, minutes }) => [count, minutes])).toEqual([
      [3, 12],
      [1, 0],
    ]);
  });

  it('are summed up, with what the process was made to wait', async () => {
    const path = file(`# 4 of 9 goroutines, of a process paused for 12.6 ms by Delve 1.27.2\n\n${text}`);
    const { text: said, facts, details } = await goroutines.check(path);
    expect(said).toBe('4 of 9 goroutines with 2 different stacks, the longest waits for 12m, the process stood still for 13ms');
    expect(facts).toMatchObject({
      goroutines: 4,
      total: 9,
      stacks: 2,
      pauseMs: 12.6,
      longestWaitMs: 720_000,
      states: { 'chan receive': 3, running: 1 },
    });
    const lines = details?.(100).split('\n') ?? [];
    expect(lines[1]).toMatch(/^ +3 {2}chan receive +12m {2}main\.\(\*Pool\)\.worker, in runtime\.gopark, started by main\.start$/);
    expect(lines.every((line) => line.length <= 100)).toBe(true);
  });

  it.each([
    ['', /no stacks/],
    ['hello\n', /no stacks/],
    [text.slice(0, -3), /middle of a line/],
  ])('are none where they are not whole', async (broken, why) => {
    await expect(goroutines.check(file(broken))).rejects.toThrow(why);
  });
});
