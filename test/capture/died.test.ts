import { describe, expect, it } from 'vitest';
import { fateOf, undoFrom } from '../../src/capture/died.ts';
import type { DebugContainer, Listed } from '../../src/cluster.ts';
import { answers } from '../support/answers.ts';

const gone = new AbortController().signal;
const one = { name: 'kprof-jvm-abcde' } as DebugContainer;

describe('a debug container that does not answer any more', () => {
  const listed =
    (state: Listed['state'], killed = false) =>
    async () => [{ name: one.name, state, killed } as Listed];
  it.each([
    ['ended', listed('ended')],
    ['killed', listed('ended', true)],
    ['runs', listed('runs')],
    ['runs', () => Promise.reject(new Error('no answer'))],
  ] as const)('%s', { timeout: 20_000 }, async (fate, debugContainers) => {
    expect(await fateOf(one, { debugContainers, gone })).toBe(fate);
  });
});

describe('what a killed one began', () => {
  const made = () => {
    const asked: string[] = [];
    const container = {
      exec: (argv, io) => {
        asked.push(argv.slice(4).join(' '));
        return answers('', io);
      },
    } as DebugContainer;
    return { asked, another: async () => container };
  };

  it('is undone from another one, which ends then', async () => {
    const { asked, another } = made();
    const kept = [
      ['rm', '-rf', '/tmp/kprof-1'],
      ['jcmd', 'stop'],
    ] as const;
    expect(await undoFrom(another, { kept }, { gone })).toBe(true);
    expect(asked).toEqual(['run jcmd stop', 'run rm -rf /tmp/kprof-1', 'end']);
  });

  it('is nothing, where no other one is made', async () => {
    const another = () => Promise.reject(new Error('no other one is needed'));
    expect(await undoFrom(another, { kept: [] }, { gone })).toBe(true);
  });
});
