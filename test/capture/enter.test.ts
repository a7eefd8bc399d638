import { describe, expect, it } from 'vitest';
import { onceReady, reach } from '../../src/capture/enter.ts';
import type { Request } from '../../src/capture/request.ts';
import type { DebugContainer, Target } from '../../src/cluster.ts';
import { KprofError, NotYet } from '../../src/errors.ts';
import { parseView, type View } from '../../src/runtimes/processes.ts';
import { answers } from '../support/answers.ts';
import { recorder } from '../support/recorder.ts';

/** What a look says of one process that handles so many signals. */
const looked = (handles: string) =>
  `tools jattach\njdk \nself 0 0 0\n7/exe:/usr/bin/java\n7/map:libjvm.so\n7/status:Name:\tjava\n7/status:Uid:\t0\t0\t0\t0\n7/status:SigCgt:\t${handles}\n7/stat:7 (java) S ${'0 '.repeat(18)}4711 0\n7/cmdline:java\x1f\nmore 0\n`;

/** A container that shows one look after another, and the last one for ever. */
function shown(...looks: readonly string[]) {
  let count = 0;
  const exec: DebugContainer['exec'] = (_, io) => answers(looks[Math.min(count++, looks.length - 1)] ?? '', io);
  return { container: { name: 'local', exec } as unknown as DebugContainer, count: () => count };
}

const request = { toolkit: { looksFor: 'JVM', matches: () => true }, pid: undefined } as unknown as Request;
const target = { container: 'app', containerId: 'x' } as Target;

describe('a process that has just begun', () => {
  const entered = (container: DebugContainer) => {
    const view: View = parseView(looked('0'));
    return { container, view, process: view.processes[0] as View['processes'][number] };
  };
  const ready = (container: DebugContainer, tooEarly: (message: string) => Error) =>
    onceReady(entered(container), { request, target, signal: new AbortController().signal }, ({ process }) => {
      if (process.handles === 0n) throw tooEarly('it would die');
      return process.handles;
    });

  it('is looked at again until it is ready', async () => {
    const { container, count } = shown(looked('0'), looked('4'));
    expect(await ready(container, (message) => new NotYet('unsupported', message))).toBe(4n);
    expect(count()).toBe(2);
  });

  it('is not looked at again for what no time cures', async () => {
    const { container, count } = shown(looked('4'));
    await expect(ready(container, (message) => new KprofError('unsupported', message))).rejects.toThrow('it would die');
    expect(count()).toBe(0);
  });

  it('is given some seconds, and no more', async () => {
    const { container, count } = shown(looked('0'));
    await expect(ready(container, (message) => new NotYet('unsupported', message))).rejects.toThrow('it would die');
    expect(count()).toBeGreaterThan(1);
  });
});

describe('the debug container', () => {
  it('is not said to be started where one has been there a moment before', async () => {
    const says = async (reused: boolean, again: boolean) => {
      const container = { ...shown(looked('4')).container, reused, why: 'as root' };
      const report = recorder();
      const pod = { ...target, inject: async () => container } as unknown as Target;
      const asked = { ...request, reference: () => 'image', timeout: 1000 } as Request;
      await reach(asked, { image: 'go', access: 'attach' }, pod, report, new AbortController().signal, again);
      return report.said;
    };
    expect(await says(true, false)).toEqual(['stage: starting the debug container', 'stage: using local, as root']);
    expect(await says(true, true)).toEqual(['stage: looking at the processes']);
    expect(await says(false, true)).toEqual(['stage: looking at the processes', 'stage: started local, as root']);
  });
});
