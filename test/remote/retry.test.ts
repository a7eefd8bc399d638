import { expect, it, vi } from 'vitest';
import { retry } from '../../src/remote/retry.ts';

const { signal } = new AbortController();
const always = () => true;

it('gives the first success', async () => {
  const attempt = vi.fn().mockRejectedValueOnce(new Error('once')).mockResolvedValue('there');
  expect(await retry(attempt, { for: 10_000, signal, when: always })).toBe('there');
  expect(attempt).toHaveBeenCalledTimes(2);
});

it('gives up at once what does not pass', async () => {
  const attempt = vi.fn().mockRejectedValue(new Error('for good'));
  await expect(retry(attempt, { for: 10_000, signal, when: () => false })).rejects.toThrow('for good');
  expect(attempt).toHaveBeenCalledTimes(1);
});

it('gives the last failure when the time is up', async () => {
  let count = 0;
  const attempt = () => Promise.reject(new Error(`failure ${++count}`));
  await expect(retry(attempt, { for: 500, signal, when: always })).rejects.toThrow(/failure [2-9]/);
});

it('ends a pause with the reason of the signal', async () => {
  const stop = new AbortController();
  const attempt = vi.fn().mockImplementation(() => {
    setTimeout(() => stop.abort(new Error('given up')), 20);
    return Promise.reject(new Error('again'));
  });
  await expect(retry(attempt, { for: 60_000, signal: stop.signal, when: always })).rejects.toThrow('given up');
  expect(attempt).toHaveBeenCalledTimes(1);
});
