import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { watchPresence } from '../../../src/viewers/page/presence.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function watched() {
  const ends: string[] = [];
  return { ends, presence: watchPresence({ grace: 5, idle: 600 }, (why) => ends.push(why)) };
}

test('ends when nobody ever came', () => {
  const { ends } = watched();
  vi.advanceTimersByTime(599);
  expect(ends).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(ends).toEqual(['idle']);
});

test('a request begins the wait anew', () => {
  const { ends, presence } = watched();
  vi.advanceTimersByTime(599);
  presence.enter(false);
  vi.advanceTimersByTime(10_000);
  presence.leave();
  vi.advanceTimersByTime(599);
  expect(ends).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(ends).toEqual(['idle']);
});

test('ends soon after the tab, and never while it is open', () => {
  const { ends, presence } = watched();
  presence.enter(true);
  vi.advanceTimersByTime(86_400_000);
  expect(ends).toEqual([]);
  presence.leave();
  vi.advanceTimersByTime(5);
  expect(ends).toEqual(['closed']);
});

test('a tab that is loaded again, or has a twin, goes on', () => {
  const { ends, presence } = watched();
  presence.enter(true);
  presence.leave();
  vi.advanceTimersByTime(4);
  presence.enter(false); // the page
  presence.enter(true);
  presence.leave();
  vi.advanceTimersByTime(1000);
  expect(ends).toEqual([]);
  presence.leave();
  vi.advanceTimersByTime(5);
  expect(ends).toEqual(['closed']);
});

test('closed, it says nothing', () => {
  const { ends, presence } = watched();
  presence.close();
  vi.advanceTimersByTime(10_000);
  expect(ends).toEqual([]);
});
