import { describe, expect, it, vi } from 'vitest';
import { agree, climb, orRetire } from '../../src/capture/ladder.ts';
import type { Request } from '../../src/capture/request.ts';
import type { DebugContainer, Target } from '../../src/cluster.ts';
import type { View } from '../../src/runtimes/processes.ts';
import type { Process } from '../../src/toolkit.ts';
import { threads } from '../../toolkits/threads.ts';
import { recorder } from '../support/recorder.ts';

const view = (uid: number, gid: number, ...processes: readonly Process[]): View =>
  ({ uid, gid, capabilities: 0xa80425fbn, processes }) as unknown as View;
const java = (more: object = {}): Process =>
  ({
    pid: 1,
    uid: 1000,
    gid: 3000,
    exe: '/jre/bin/java',
    maps: ['libjvm.so'],
    argv: ['java', 'App'],
    comm: 'java',
    capabilities: 0n,
    tells: {},
    ...more,
  }) as never;
const hidden = (more: object = {}) => java({ exe: '', maps: [], ...more });
const request = { toolkit: threads, pid: undefined } as unknown as Request;

describe('the next rung', () => {
  it('is none where a fitting process is seen, nothing is hidden, or what is hidden is of no interest', () => {
    expect(climb(view(1000, 3000, java()), {}, request)).toBeUndefined();
    expect(climb(view(1000, 3000, java(), hidden({ pid: 2 })), {}, request)).toBeUndefined();
    expect(climb(view(1000, 3000, java({ maps: [], argv: ['nginx'] })), {}, request)).toBeUndefined();
    expect(climb(view(0, 0, hidden({ argv: ['nginx'], comm: 'nginx' })), {}, request)).toBeUndefined();
  });

  it("is the process's own user, once that is seen", () => {
    expect(climb(view(65532, 65532, hidden()), {}, request)).toEqual({ user: { uid: 1000, gid: 3000 } });
  });

  it.each([
    [
      'has more capabilities than root by default',
      view(0, 0, hidden({ uid: 0, gid: 0, capabilities: 0x1ffffffffffn })),
      {},
      'capabilities',
    ],
    ['hides from its own user', view(1000, 3000, hidden()), {}, 'hides it from its own user'],
    ['hides from the user that was seen', view(1000, 3000, hidden()), { user: { uid: 1000, gid: 3000 } }, 'hides it'],
  ] as const)('is SYS_PTRACE for a JVM that %s', (_, seen, now, why) => {
    expect(climb(seen, now, request)).toMatchObject({ adds: 'SYS_PTRACE', why: expect.stringContaining(why) });
    expect(climb(seen, { adds: 'SYS_PTRACE' }, request)).toBeUndefined();
  });

  it('is about the process that was named', () => {
    const some = view(1000, 3000, java(), hidden({ pid: 2, argv: ['x'], comm: 'x' }));
    expect(climb(some, {}, { ...request, pid: 2 })).toMatchObject({ adds: 'SYS_PTRACE', for: { pid: 2 } });
    expect(climb(some, {}, { ...request, pid: 1 })).toBeUndefined();
  });
});

describe('consent', () => {
  const climbed = { adds: 'SYS_PTRACE', for: hidden(), why: 'because' } as const;
  const target = { container: 'app', hostPid: false } as Target;
  const asking = { report: recorder(), signal: new AbortController().signal };

  it('is the flag, and not --yes', async () => {
    await expect(agree(climbed, { ...request, allowPtrace: true }, target, asking)).resolves.toBeUndefined();
    await expect(agree(climbed, { ...request, allowPtrace: false, yes: true }, target, asking)).rejects.toMatchObject({
      failure: 'unsupported',
      message: expect.stringContaining('SYS_PTRACE'),
      cause: expect.stringContaining('because'),
      hint: expect.stringContaining('--allow-ptrace'),
    });
  });

  it('counts for nothing where the whole node would be open', async () => {
    await expect(agree(climbed, { ...request, allowPtrace: true }, { ...target, hostPid: true }, asking)).rejects.toThrow('hostPID');
  });
});

describe('a container with an added right', () => {
  it('ends when what it was made for fails, and no other does', async () => {
    const exec = vi.fn(() => ({ done: Promise.resolve({ code: 0 }), send: () => {} }));
    const failing = () => Promise.reject(new Error('no'));
    await expect(orRetire({ rung: 'same-user', exec } as unknown as DebugContainer, failing)).rejects.toThrow('no');
    expect(exec).not.toHaveBeenCalled();
    await expect(orRetire({ rung: 'ptrace', exec } as unknown as DebugContainer, failing)).rejects.toThrow('no');
    expect(exec).toHaveBeenCalledOnce();
  });
});
