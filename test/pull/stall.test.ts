import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createStall } from '../../src/pull/stall.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const wound = () => {
  const stalled = vi.fn();
  return { stalled, stall: createStall(60_000, stalled) };
};

test('a minute of silence', () => {
  const { stalled } = wound();
  vi.advanceTimersByTime(60_000);
  expect(stalled).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1001);
  expect(stalled).toHaveBeenCalled();
});

test('every byte starts the minute anew', () => {
  const { stalled, stall } = wound();
  for (let i = 0; i < 5; i += 1) {
    vi.advanceTimersByTime(59_000);
    stall.beat(20_000);
  }
  expect(stalled).not.toHaveBeenCalled();
});

test('while we hold the sender back, the silence is our own', async () => {
  const { stalled, stall } = wound();
  const { promise, resolve } = Promise.withResolvers<void>();
  stall.hold(promise);
  vi.advanceTimersByTime(600_000);
  resolve();
  await promise;
  vi.advanceTimersByTime(59_000);
  expect(stalled).not.toHaveBeenCalled();
  vi.advanceTimersByTime(3000);
  expect(stalled).toHaveBeenCalled();
});

test('a digest may take longer', () => {
  const { stalled, stall } = wound();
  stall.allow(100_000);
  vi.advanceTimersByTime(159_000);
  expect(stalled).not.toHaveBeenCalled();
  vi.advanceTimersByTime(3000);
  expect(stalled).toHaveBeenCalled();
});

test('stopped, it says nothing', () => {
  const { stalled, stall } = wound();
  stall.stop();
  vi.advanceTimersByTime(600_000);
  expect(stalled).not.toHaveBeenCalled();
});
