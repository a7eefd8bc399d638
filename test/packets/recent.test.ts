import { describe, expect, it, vi } from 'vitest';
import { createRecent } from '../../src/packets/recent.ts';

describe('what is kept for a while', () => {
  it('is never more than so many, and never less than half of them: those that were asked for last', () => {
    const gone: number[] = [];
    const recent = createRecent<number>(10, (value) => gone.push(value));
    for (let at = 0; at < 100; at++) {
      recent.set(String(at), at);
      expect(recent.get('0')).toBe(0); // asked for again and again
      const kept = [...recent.values()];
      expect(kept.length).toBeLessThanOrEqual(10);
      expect(kept.length).toBeGreaterThanOrEqual(Math.min(at + 1, 5));
      expect([...kept, ...gone].sort((a, b) => a - b)).toEqual(Array.from({ length: at + 1 }, (_, index) => index)); // each once
    }
    expect([recent.get('1'), recent.get('99')]).toEqual([undefined, 99]);
  });

  it('is the latest of its key', () => {
    const gone: string[] = [];
    const recent = createRecent<string>(4, (value) => gone.push(value));
    recent.set('a', 'first');
    for (const key of ['b', 'c']) recent.set(key, key);
    recent.set('a', 'second');
    expect([...recent.values()].sort()).toEqual(['b', 'c', 'second']);
    expect([recent.get('a'), gone]).toEqual(['second', []]);
  });

  it('forgets without walking through what is gone', () => {
    const recent = createRecent<number>(1000);
    const walked = vi.spyOn(Map.prototype, 'values');
    try {
      for (let at = 0; at < 100_000; at++) recent.set(String(at), at);
      expect(walked.mock.calls.length).toBeLessThan(500);
    } finally {
      walked.mockRestore();
    }
  });
});
