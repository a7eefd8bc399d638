import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { KprofError } from '../../src/errors.ts';
import type { Lease } from '../../src/remote/lease.ts';
import { persist } from '../../src/remote/remote.ts';

const lost = new KprofError('failed', 'The line was lost', { lost: true });
const { signal } = new AbortController();

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(() => void vi.useRealTimers());

/** A step that takes so many lines, each of which breaks after so many milliseconds but the last. */
const stepOf = (lines: number, each: number) => {
  let asked = 0;
  return async (): Promise<string> => {
    asked += 1;
    vi.advanceTimersByTime(each);
    if (asked < lines) throw lost;
    return 'done';
  };
};

test('a line that breaks again and again is no reason to give up, as long as it comes back in between', async () => {
  let lines = 0;
  const lease = { back: async () => {}, lines: () => ++lines } as Partial<Lease> as Lease;
  expect(await persist(lease, stepOf(9, 30_000), signal)).toBe('done');
});

test('nor is one that breaks alone, when it was there for long', async () => {
  const lease = { back: async () => {}, lines: () => 1 } as Partial<Lease> as Lease;
  expect(await persist(lease, stepOf(9, 60_000), signal)).toBe('done');
});

test('one that never was there is', async () => {
  const lease = { back: async () => {}, lines: () => 1 } as Partial<Lease> as Lease;
  await expect(persist(lease, stepOf(9, 35_000), signal)).rejects.toBe(lost);
});
