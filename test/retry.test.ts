import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { createTries, retry } from '../src/retry.ts';

const lost = new Error('lost');
const { signal } = new AbortController();
const always = () => true;

describe('retry', () => {
  it('gives the first success', async () => {
    const attempt = vi.fn().mockRejectedValueOnce(lost).mockRejectedValueOnce(lost).mockResolvedValue('here');
    expect(await retry(attempt, { for: 60_000, signal, when: always })).toBe('here');
    expect(attempt).toHaveBeenCalledTimes(3);
  });

  it('gives up at once on what another try does not mend', async () => {
    const attempt = vi.fn().mockRejectedValue(lost);
    await expect(retry(attempt, { for: 60_000, signal, when: () => false })).rejects.toBe(lost);
    expect(attempt).toHaveBeenCalledTimes(1);
  });

  it('gives up when its time is over, with the last failure', async () => {
    const attempt = vi.fn().mockRejectedValue(lost);
    const began = performance.now();
    await expect(retry(attempt, { for: 500, signal, when: always })).rejects.toBe(lost);
    expect(performance.now() - began).toBeGreaterThanOrEqual(500);
    expect(attempt.mock.calls.length).toBeGreaterThan(1);
  });

  it('has all its time again whenever it got further', async () => {
    let far = 0;
    const attempt = vi.fn(async () => {
      if (++far < 5) throw lost;
      return 'here';
    });
    const late = async () => {
      await sleep(250);
      return attempt();
    };
    expect(await retry(late, { for: 200, far: () => far, signal, when: always })).toBe('here');
  });

  it('ends as soon as it is told, with the reason', async () => {
    const stop = new AbortController();
    const outcome = expect(retry(vi.fn().mockRejectedValue(lost), { for: 60_000, signal: stop.signal, when: always })).rejects.toThrow(
      'enough',
    );
    await sleep(50);
    stop.abort(new Error('enough'));
    await outcome;
  });
});

describe('tries', () => {
  it('are worth it as long as something new comes now and then', async () => {
    const tries = createTries({ pause: 1, longestPause: 1, fruitless: 0 });
    expect(tries.worth(0)).toBe(false);
    const patient = createTries({ pause: 1, longestPause: 1, fruitless: 1e6 });
    for (const far of [0, 0, 1, 1, 7]) expect(patient.worth(far)).toBe(true);
  });

  it('are over when nothing new came for long enough, and begin anew with what is new', async () => {
    const tries = createTries({ pause: 1, longestPause: 1, fruitless: 2000 });
    expect(tries.worth(1)).toBe(true);
    await sleep(2000);
    expect([tries.worth(1), tries.worth(2)]).toEqual([false, true]);
  });

  it('wait longer and longer, up to a bound', async () => {
    const tries = createTries({ pause: 10, longestPause: 40, fruitless: 1e9 });
    const lengths: number[] = [];
    for (let times = 0; times < 12; times++) {
      tries.worth(0);
      const began = performance.now();
      await tries.pause(signal);
      lengths.push(performance.now() - began);
    }
    // Half of it at least, by chance; timers may be a millisecond early. Without the bound the last alone were ten seconds.
    for (const length of lengths.slice(2)) expect(length).toBeGreaterThanOrEqual(19);
    expect(lengths.at(-1)).toBeLessThan(10_000);
  });
});
