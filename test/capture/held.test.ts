import { expect, test, vi } from 'vitest';
import { isWorthResuming, recorded } from '../../src/capture/held.ts';
import { KprofError } from '../../src/errors.ts';

test('a capture is on record until it has its name, and after what is to be tried again', async () => {
  const forget = vi.fn(async () => {});
  let release = (_: string): void => {};
  const checking = recorded(() => new Promise<string>((resolve) => (release = resolve)), { forget });
  await Promise.resolve();
  expect(forget).not.toHaveBeenCalled();
  release('whole');
  expect(await checking).toBe('whole');
  expect(forget).toHaveBeenCalledTimes(1);
  const full = new KprofError('disk', 'There is no room');
  await expect(recorded(() => Promise.reject(full), { forget })).rejects.toBe(full);
  expect(forget).toHaveBeenCalledTimes(1);
  const wrong = new KprofError('incomplete', 'It is no recording');
  await expect(recorded(() => Promise.reject(wrong), { forget })).rejects.toBe(wrong);
  expect(forget).toHaveBeenCalledTimes(2);
});

test.each([
  ['forbidden', true],
  ['disk', true],
  ['interrupted', true],
  ['incomplete', false],
  ['gone', false],
] as const)('what fails as %s is left in the pod: %s', (failure, isLeft) => {
  expect(isWorthResuming(new KprofError(failure, 'it failed'))).toBe(isLeft);
});
