import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { asTarget, folder, perform, type Session } from '../../src/capture/session.ts';
import { captureStream } from '../../src/capture/stream.ts';
import type { Target } from '../../src/cluster.ts';
import { KprofError } from '../../src/errors.ts';
import { hold } from '../../src/remote/lease.ts';
import { thisClient } from '../../src/state/captures.ts';
import type { Argv, Process, Step, Tools, Wait } from '../../src/toolkit.ts';
import { type LocalContainer, localContainer } from '../support/local-container.ts';
import { recorder } from '../support/recorder.ts';

const tools = (...programs: readonly string[]): Tools => ({ has: (program) => programs.includes(program), jdk: undefined });
const root = { uid: 0, gid: 0 };
const someone = { pid: 7, uid: 1000, gid: 3000, groups: [2000, 3000] } as unknown as Process;

interface Open {
  readonly session: Session;
  readonly container: LocalContainer;
  readonly early: AbortController;
  readonly abort: AbortController;
  readonly said: readonly string[];
}

/** A session in a container of local processes, as the process itself. */
async function open(onTestFinished: (over: () => Promise<void>) => void): Promise<Open> {
  const container = localContainer({ ttl: 600, first: 60, cap: 600 });
  onTestFinished(() => container.end());
  const [early, abort] = [new AbortController(), new AbortController()];
  const lease = await hold(container, 'c1', { ttl: 600, signal: abort.signal });
  const report = recorder();
  const { pid, started } = await thisClient();
  const process = { pid, started, ...container.user, groups: [] } as unknown as Process;
  const session: Session = {
    id: 'c1',
    target: {} as Target,
    container,
    process,
    tools: tools(),
    lease,
    journal: () => {},
    report,
    stops: { early: early.signal, abort: abort.signal },
    signal: AbortSignal.any([abort.signal, lease.lost]),
  };
  return { session, container, early, abort, said: report.said };
}

const step = (script: string, more: Partial<Step> = {}): Step => ({
  run: ['sh', '-c', script],
  says: 'doing it',
  what: 'do it',
  undo: 'ends by itself',
  ...more,
});
const pause = (wait: number): Wait => ({ wait, says: 'waiting' });
const limits = { breaks: false, maxBytes: 2 ** 20 };

async function outputs(session: Session, steps: readonly (Step | Wait)[], breaks = false): Promise<readonly string[]> {
  const printed: string[] = [];
  await perform(session, steps, { ...limits, breaks, onOutput: async (output) => void printed.push(output) });
  return printed;
}

describe('asTarget', () => {
  const argv: Argv = ['inroot', '7'];
  const as = (user: { uid: number; gid: number }, process: Process, ...programs: readonly string[]) =>
    asTarget({ container: { user, reference: 'an/image' } as never, process, tools: tools(...programs) }, argv);

  it('changes nothing where we are that user', () => {
    expect(as({ uid: 1000, gid: 3000 }, someone)).toEqual(argv);
    expect(as(root, { ...someone, ...root })).toEqual(argv);
  });

  it('becomes the user, with its groups and nothing else, from root', () => {
    expect(as(root, someone, 'setpriv', 'inroot')).toEqual([
      'setpriv',
      '--reuid=1000',
      '--regid=3000',
      '--groups=2000,3000',
      '--inh-caps=-all',
      ...argv,
    ]);
    expect(as(root, { ...someone, groups: [] }, 'setpriv', 'inroot')).toContain('--clear-groups');
  });

  it('refuses with an image that has not the tools', () => {
    expect(() => as(root, someone, 'setpriv')).toThrow('an/image');
  });
});

describe('folder', () => {
  it.each([
    [tools('inroot', 'zstd'), '/tmp/kprof-x', 'target'],
    [tools('inroot'), '/dev/shm/kprof-x', 'shared-memory'],
    [tools(), '/dev/shm/kprof-x', 'shared-memory'],
  ])('is the target’s only where we can write there safely', (kit, seenByTarget, at) => {
    expect(folder(kit, 'x')).toEqual({ at, seenByTarget });
  });
});

describe.concurrent('perform', () => {
  it('runs the steps in order and gives what they printed', async ({ onTestFinished }) => {
    const { session, said } = await open(onTestFinished);
    expect(await outputs(session, [step('echo one'), pause(50), step('echo two')])).toEqual(['one\n', 'two\n']);
    expect(said.filter((each) => !each.startsWith('progress'))).toEqual(['stage: doing it', 'stage: doing it']);
  });

  it('keeps the undo in the pod before the step runs', async ({ onTestFinished }) => {
    const { session, container } = await open(onTestFinished);
    await perform(
      session,
      [step(`cp ${container.dir}/captures/c1/00001.undo ${container.dir}/seen`, { undo: ['echo', 'undone it'] })],
      limits,
    );
    expect(readFileSync(join(container.dir, 'seen'), 'utf8')).toBe(
      `only\n${session.process.pid}\n${session.process.started}\necho\nundone it\n`,
    );
  });

  it('ends a wait with the first Ctrl-C and goes on', async ({ onTestFinished }) => {
    const { session, early } = await open(onTestFinished);
    setTimeout(() => early.abort(), 300);
    const began = Date.now();
    expect(await outputs(session, [pause(60_000), step('echo stopped')])).toEqual(['stopped\n']);
    expect(Date.now() - began).toBeLessThan(10_000);
  });

  it('leaves out what is still to come where that is what early means', async ({ onTestFinished }) => {
    const { session, early } = await open(onTestFinished);
    early.abort();
    expect(await outputs(session, [step('echo one'), pause(60_000), step('echo two')], true)).toEqual(['one\n']);
  });

  it('gives up a wait and a step with the second, with its reason', async ({ onTestFinished }) => {
    const { session, abort } = await open(onTestFinished);
    setTimeout(() => abort.abort(new KprofError('interrupted', 'Interrupted')), 300);
    await expect(perform(session, [pause(60_000)], limits)).rejects.toMatchObject({ failure: 'interrupted' });
    await expect(perform(session, [step('sleep 60')], limits)).rejects.toMatchObject({ failure: 'interrupted' });
  });

  it('rejects with what a check says, though the command exited 0', async ({ onTestFinished }) => {
    const { session } = await open(onTestFinished);
    const check = () => {
      throw new KprofError('failed', 'The tool lied');
    };
    await expect(perform(session, [step('true', { check })], limits)).rejects.toThrow('The tool lied');
    const failing = await open(onTestFinished);
    await expect(perform(failing.session, [step('exit 3')], limits)).rejects.toThrow('local could not do it: exit code 3');
  });
});

describe.concurrent('captureStream', () => {
  it('keeps what each step wants kept, in a file of the user alone', async ({ onTestFinished }) => {
    const { session, container } = await open(onTestFinished);
    const partial = join(container.dir, 'x.partial');
    const keep = (stdout: string) => stdout.replace('noise\n', '');
    const captured = await captureStream(
      session,
      { kind: 'stream', steps: [step('echo noise; echo one', { keep }), pause(10), step('echo two')], result: { early: 'keeps' } },
      partial,
    );
    expect(readFileSync(partial, 'utf8')).toBe('one\n\ntwo\n');
    expect(captured.bytes).toBe(9);
  });

  it('leaves no file when a step fails', async ({ onTestFinished }) => {
    const { session, container } = await open(onTestFinished);
    await expect(
      captureStream(session, { kind: 'stream', steps: [step('exit 1')], result: { early: 'keeps' } }, join(container.dir, 'x.partial')),
    ).rejects.toThrow();
    expect(existsSync(join(container.dir, 'x.partial'))).toBe(false);
    expect(readdirSync(container.dir)).not.toContain('x.partial');
  });
});
