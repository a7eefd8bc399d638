import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { applyGoPods } from './go-pods.ts';
import { type Desk, debugContainers, desk, type Place, place, record } from './support.ts';

let ground: Place;
let laptop: Desk;

beforeAll(() => {
  laptop = desk();
  ground = place('restricted');
  applyGoPods(ground.namespace, { endpoint: { args: ['addr=:6060'] } });
});
afterAll(() => {
  ground?.remove();
  laptop?.remove();
});

const goroutines = (pod: string, ...more: readonly string[]) =>
  laptop.kprof('goroutines', pod, '-n', ground.namespace, '-o', 'json', ...more);

describe('kprof goroutines', () => {
  it('asks the pprof endpoint where there is one, and puts nothing into the pod', async () => {
    const ended = await goroutines('endpoint');
    expect(ended.code, ended.stderr).toBe(0);
    const { summary, path } = record(ended) as unknown as { readonly summary: Readonly<Record<string, number>>; readonly path: string };
    expect(summary['goroutines']).toBeGreaterThan(4);
    expect(summary['pauseMs']).toBe(undefined);
    expect(readFileSync(path, 'utf8')).toMatch(/^goroutine 1 \[.*\n(.+\n)*main\.work/m);
    expect(ended.stderr).toMatch(/1 +chan receive +main\.waitForWork/);
    expect(debugContainers(ground.namespace, 'endpoint')).toEqual([]);
  });
});
