import { afterEach, expect, it, vi } from 'vitest';
import { openLog } from './container-log.ts';

afterEach(() => void vi.useRealTimers());

it('gives the lines since a time, and of those the last', () => {
  vi.useFakeTimers({ now: Date.UTC(2026, 0, 1) });
  const log = openLog();
  for (const line of ['one', 'two', 'three']) {
    log.write('stdout', Buffer.from(`${line}\n`));
    vi.advanceTimersByTime(10_000);
  }
  const text = (query: string) => log.text(new URLSearchParams(query)).toString();
  expect(text('sinceSeconds=20')).toBe('two\nthree\n');
  expect(text('sinceSeconds=19')).toBe('three\n');
  expect(text('sinceTime=2026-01-01T00:00:10Z')).toBe('two\nthree\n');
  expect(text('sinceTime=2026-01-01T01:00:11%2B01:00')).toBe('three\n');
  expect(text('sinceSeconds=20&tailLines=1')).toBe('three\n');
  expect(text('sinceSeconds=1&tailLines=1')).toBe('');
});
