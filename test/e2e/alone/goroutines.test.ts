/** A pause is told as the app measures it: with the machine for itself. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { applyGoPods } from '../go-pods.ts';
import { type Desk, desk, kubectl, longestStall, type Place, place, record } from '../support.ts';

let ground: Place;
let laptop: Desk;

beforeAll(() => {
  laptop = desk();
  ground = place('restricted');
  applyGoPods(ground.namespace, { large: { args: [], image: 'large', env: { GOROUTINES: '10000', STALL: '1' } } });
});
afterAll(() => {
  ground?.remove();
  laptop?.remove();
});

const goroutines = (pod: string, ...more: readonly string[]) =>
  laptop.kprof('goroutines', pod, '-n', ground.namespace, '-o', 'json', ...more);

describe('kprof goroutines, without an endpoint,', () => {
  it('reads 10,000 of a program of 60 MB without one, and tells for how long that stood still', async () => {
    const ended = await goroutines('large', '--max-pause', '60s');
    expect(ended.code, ended.stderr).toBe(0);
    const { summary, path } = record(ended) as unknown as { readonly summary: Readonly<Record<string, number>>; readonly path: string };
    expect(summary['goroutines']).toBeGreaterThanOrEqual(10_000);
    expect(summary['total']).toBe(summary['goroutines']);
    const text = readFileSync(path, 'utf8');
    expect(text.split('\nmain.descend(...)\n\t').length - 1).toBe((10_000 / 8) * (1 + 2 + 3 + 4 + 5 + 6 + 7 + 8));
    // The app prints what it saw once it runs on.
    await expect
      .poll(() => longestStall(ground.namespace, 'large', 30), { timeout: 10_000 })
      .toBeGreaterThan(0.8 * (summary['pauseMs'] as number));
    expect(longestStall(ground.namespace, 'large', 30)).toBeLessThan(1.2 * (summary['pauseMs'] as number));
    expect(kubectl('get', 'pod', '-n', ground.namespace, 'large', '-o', 'jsonpath={.status.containerStatuses[0].restartCount}')).toBe('0');
  });

  it('leaves a program alone that would stand still for too long', async () => {
    const ended = await goroutines('large', '--max-pause', '100ms');
    expect(ended).toMatchObject({
      code: 7,
      stderr: expect.stringMatching(/would stand still for more than \d+ms, which is more than --max-pause/),
    });
  });
});
