/** What goes wrong before a debug container runs, and on this machine when all has arrived. */
import { execFile, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Failing } from '../sandbox/images.ts';
import type { Container, Pod } from '../sandbox/objects.ts';
import { until } from '../support/shells.ts';
import { surely } from '../support/verdict.ts';
import { type Bench, failing, leftInTarget, run, type Stand, sound, startBench } from './bench.ts';

const entry = new URL('../../bin/kprof.js', import.meta.url).pathname;

let bench: Bench;
beforeAll(async () => {
  bench = await startBench({ KPROF_SILENCE: '20', KPROF_RETURN: '15' });
});
afterAll(() => bench?.[Symbol.asyncDispose]());

/** Exit codes that are right, where it is another one than 1. */
const codes: Partial<Record<Failing, readonly number[]>> = {
  ContainerCreating: [6],
  CreateContainerConfigError: [1, 4],
  ContainerStatusUnknown: [1, 5, 6],
  ExecFormatError: [7],
  ContainerCannotRun: [7],
  ExitsAtOnce: [1, 5],
  OOMKilled: [1, 5],
  DeadlineExceeded: [1, 5],
};

describe.concurrent('the debug container does not come to run', () => {
  it.each(failing)('%s: said in time, and nothing is left', async (reason) => {
    const stand = await bench.stand(`waits-${reason.toLowerCase()}`);
    const argv = stand.argv('--image', `registry.local/${reason.toLowerCase()}:1`, '--timeout', '12s');
    const outcome = await run(stand, stand.desk.start(...argv));
    await sound(stand, outcome, { codes: codes[reason] ?? [1, 6] });
    expect(outcome.ended.stderr).toMatch(/^error: /m);
    stand.remove();
  });

  it.each([
    ['denied', 4, /webhook.*policy\.example\.com/],
    ['broken', 1, /policy\.example\.com/],
    ['changed', 0, /Admission changed the debug container/],
  ] as const)('or is %s by a webhook: said, with %i', async (what, code, says) => {
    const stand = await bench.stand(what);
    const outcome = await run(stand, stand.desk.start(...stand.argv()));
    await sound(stand, outcome, { codes: [code] });
    expect(outcome.ended.stderr).toMatch(says);
    stand.remove();
  });
});

it.concurrent('a quota that refuses is told from all others', async () => {
  const stand = await bench.stand('quota');
  // As the API server says it of a pod; of debug containers it says it only where somebody's admission does.
  const message = `pods "${stand.pod}" is forbidden: exceeded quota: team, requested: pods=1, used: pods=1, limited: pods=1`;
  const when = { verb: 'patch', path: new RegExp(`/pods/${stand.pod}/ephemeralcontainers`) };
  bench.sandbox.faults.add({ when, fault: 'refuse', code: 403, message });
  const outcome = await run(stand, stand.desk.start(...stand.argv()));
  await sound(stand, outcome, { codes: [4] });
  expect(outcome.ended.stderr).toMatch(
    /error: A quota of this namespace refuses to add a debug container .*\ncause: exceeded quota: team, /,
  );
  expect(outcome.ended.stderr).toMatch(/try: kubectl describe resourcequota/);
  expect(outcome.ended.stderr).not.toMatch(/kind: Role|webhook|policy/);
  stand.remove();
});

it.concurrent('a pod that has many debug containers is told of, and one whose object is too large for more', async () => {
  const stand = await bench.stand('crowd');
  bench.sandbox.store.update<Pod>('pods', 'default', stand.pod, ({ spec, status }) => {
    const entries = Array.from({ length: 6 }, (_, at) => ({ name: `kprof-jvm-old-${at}`, image: 'registry.local/kprof-jvm:0' }));
    spec.ephemeralContainers = entries as unknown as Container[];
    status.ephemeralContainerStatuses = [];
  });
  const when = { verb: 'patch', path: new RegExp(`/pods/${stand.pod}/ephemeralcontainers`) };
  bench.sandbox.faults.add({ when, fault: 'refuse', code: 500, message: 'etcdserver: request is too large' });
  const outcome = await run(stand, stand.desk.start(...stand.argv()));
  await sound(stand, outcome, { codes: [1] });
  const { stderr } = outcome.ended;
  expect(stderr.match(/^warning: Pod \S+ has 6 debug containers of kprof already/gm)).toHaveLength(1);
  expect(stderr).toMatch(/^error: Pod \S+ cannot take another debug container: .*\ncause: etcdserver: request is too large\n/m);
  expect(stderr).toMatch(/^try: debug containers of before stay in it until it is made anew/m);
  stand.remove();
});

describe.concurrent('here', () => {
  it('the file becomes larger than it may: exit code 8, and once there is room it is fetched', async () => {
    const stand = await bench.stand('too-large');
    const kprof = stand.desk.start(...stand.argv('--duration', '2s'));
    const outcome = await run(stand, kprof, async () => {
      await kprof.until(/starting the recording/);
      execFileSync('prlimit', ['--pid', String(kprof.child.pid), '--fsize=1000000']);
    });
    await sound(stand, outcome, { codes: [8] });
    expect(outcome.ended.stderr).toMatch(/kprof resume [0-9a-f]{16}/);
    // What was cleaned up at the end of the debug container is gone for good.
    const again = await stand.desk.kprof('resume', '--no-open');
    expect(again, again.stderr).toMatchObject({ code: 5, stdout: '' });
    stand.remove();
  });

  it('the folder goes while it records: exit code 8, nothing in the pod but what can be fetched', async () => {
    const stand = await bench.stand('no-folder');
    const folder = join(stand.desk.folder, 'sub');
    execFileSync('mkdir', ['-m', '700', folder]);
    const kprof = stand.desk.start(...stand.argv('--duration', '2s').map((word) => (word === 'it.jfr' ? 'sub/it.jfr' : word)));
    const outcome = await run(stand, kprof, async () => {
      await kprof.until(/starting the recording/);
      rmSync(folder, { recursive: true });
    });
    await sound(stand, outcome, { codes: [8] });
    stand.remove();
  });

  const redirected = (stand: Stand, to: string, argv: readonly string[]) =>
    new Promise<{ readonly code: unknown; readonly stderr: string }>((resolve) => {
      const words = ['-c', `exec "$@" ${to}`, 'sh', process.execPath, entry, ...argv];
      execFile('sh', words, { cwd: stand.desk.folder, env: stand.desk.env }, (error, _, stderr) =>
        resolve({ code: error?.code ?? 0, stderr }),
      );
    });

  it('stdout is full: exit code 8, with the path of what is there anyway', async () => {
    const stand = await bench.stand('full-stdout');
    const { code, stderr } = await redirected(stand, '>/dev/full', stand.argv());
    const path = join(stand.desk.folder, 'it.jfr');
    expect(code, stderr).toBe(8);
    expect(stderr).toContain(`error: Stdout did not take what was printed. What was captured is whole, in ${path}\ncause: ENOSPC`);
    await surely(() => expect(createHash('sha256').update(readFileSync(path)).digest('hex')).toBe(bench.jvm.sha256));
    stand.remove();
  });

  it('nobody reads what is printed: kprof ends, and leaves nothing', async () => {
    const stand = await bench.stand('no-reader');
    const kprof = stand.desk.start(...stand.argv());
    kprof.child.stdout?.destroy();
    kprof.child.stderr?.destroy();
    expect(await kprof.ended).toMatchObject({ code: 0 });
    const content = readFileSync(join(stand.desk.folder, 'it.jfr'));
    await surely(() => expect(createHash('sha256').update(content).digest('hex')).toBe(bench.jvm.sha256));
    expect(await until(() => leftInTarget(stand, []).length === 0, 30)).toBe(true);
    stand.remove();
  });
});
