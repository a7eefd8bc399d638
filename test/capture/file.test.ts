import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { pace, pullFile } from '../../src/capture/file.ts';
import type { DebugContainer } from '../../src/cluster.ts';
import { KprofError } from '../../src/errors.ts';
import type { Process, Tools } from '../../src/toolkit.ts';
import { hardened, localContainer } from '../support/local-container.ts';
import { recorder } from '../support/recorder.ts';
import { sandbox } from '../support/sandbox.ts';
import { shells, until } from '../support/shells.ts';

const tools: Tools = { has: () => false, jdk: undefined };
const lost = new KprofError('failed', 'The connection was lost', { lost: true });

/** Loses the first line when so many bytes of stdout came. */
function cutting(container: DebugContainer, after: number, then: () => void): DebugContainer {
  let left = after;
  return {
    ...container,
    exec(argv, io) {
      const cut = Promise.withResolvers<never>();
      const stdout = (bytes: Uint8Array) => {
        if (left <= 0) return io.stdout?.(bytes);
        left -= bytes.length;
        if (left > 0) return io.stdout?.(bytes);
        then();
        return cut.reject(lost);
      };
      const execution = container.exec(argv, { ...io, stdout });
      return { ...execution, done: Promise.race([execution.done, cut.promise]) };
    },
  };
}

const cases = shells.flatMap(([shell, programs]) =>
  [undefined, 1].flatMap((cpuLimit) =>
    [false, true].map((changes) => ({ shell, programs, cpuLimit, changes, now: changes ? 'another by now' : 'the same' })),
  ),
);

it.each(cases)(
  'a file of a stock image is gone on with by its offset, in $shell with the cores $cpuLimit; it is $now',
  async ({ programs, cpuLimit, changes }) => {
    using box = sandbox();
    const container = localContainer({ ttl: 600, first: 60, cap: 600 }, programs);
    const path = join(box.path, 'x.jfr');
    const content = randomBytes(9_000_001);
    writeFileSync(path, content);
    const report = recorder();
    const session = {
      container: cutting(container, 1_000_000, () => changes && appendFileSync(path, 'x')),
      process: {} as Process,
      tools,
      report,
      signal: new AbortController().signal,
      target: { cpuLimit },
    };
    const to = join(box.path, 'x.partial');
    const outcome = await pullFile(session, { at: 'shared-memory', seenByTarget: path }, to).catch((error: unknown) => error);
    await container.end();
    expect(report.said.join('\n')).toMatch(/the line to the pod was lost at .* of 9 MB; resuming/);
    if (changes)
      expect(outcome).toMatchObject({ failure: 'incomplete', message: expect.stringContaining('is another one now, or was changed') });
    else {
      expect(outcome).toMatchObject({ bytes: content.length });
      expect(readFileSync(to).equals(content)).toBe(true);
    }
  },
);

/** Hundredths of a second that a process has used, with the children that it waited for. */
const used = (pid: string): number => {
  const words = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)?.split(' ') ?? [];
  return words.slice(11, 15).reduce((sum, word) => sum + Number(word), 0);
};

/** The same of all that run in the container. */
const usedIn = (dir: string): number =>
  readdirSync('/proc').reduce((sum, pid) => {
    try {
      return readFileSync(`/proc/${pid}/environ`, 'latin1').includes(`KPROF_DIR=${dir}\0`) ? sum + used(pid) : sum;
    } catch {
      return sum; // no process, or it has ended
    }
  }, 0);

it.each(shells)('a stock image keeps to a tenth of half a core, in %s', { timeout: 30_000 }, async (_, programs) => {
  using box = sandbox();
  const container = localContainer({ ttl: 600, first: 60, cap: 600 }, programs);
  const path = join(box.path, 'heap.hprof');
  writeFileSync(path, '');
  truncateSync(path, 2 ** 30);
  const stop = new AbortController();
  const session = { container, process: {} as Process, tools, report: recorder(), signal: stop.signal, target: { cpuLimit: 0.5 } };
  const to = join(box.path, 'heap.partial');
  const pulling = pullFile(session, { at: 'shared-memory', seenByTarget: path }, to).catch(() => {}); // stopped
  const came = () => (existsSync(to) ? statSync(to).size : 0);
  expect(await until(() => came() > 0, 10)).toBe(true);
  const before = { used: usedIn(container.dir), bytes: came(), at: performance.now() };
  await sleep(6000);
  const share = (usedIn(container.dir) - before.used) / ((performance.now() - before.at) / 10);
  const bytes = came() - before.bytes;
  stop.abort();
  await pulling;
  await container.end();
  expect(bytes).toBeGreaterThan(2 ** 20);
  expect(share).toBeGreaterThan(0);
  expect(share).toBeLessThan(0.05);
});

/** A folder of programs with inroot in it; undefined where there is no compiler. */
function withInroot(folder: string): string | undefined {
  const source = new URL('../../images/jvm/inroot.c', import.meta.url).pathname;
  try {
    execFileSync('cc', ['-O1', '-o', join(folder, 'inroot'), source], { stdio: 'ignore' });
    return folder;
  } catch {
    return undefined;
  }
}

describe.each(shells)('in %s', (_, path = process.env['PATH']) => {
  it.for([undefined, 1])('root that may not read it pulls what the app wrote, with the cores %s', async (cpuLimit, { skip }) => {
    using box = sandbox();
    chmodSync(box.path, 0o755);
    const programs = withInroot(box.path);
    if (process.getuid?.() !== 0 || programs === undefined) return skip('needs root and a compiler');
    const folder = join(box.path, 'kprof-x');
    const file = join(folder, 'heap.hprof');
    const content = randomBytes(3_000_000);
    mkdirSync(folder, { mode: 0o700 });
    writeFileSync(file, content, { mode: 0o600 });
    for (const each of [folder, file]) chownSync(each, 1000, 1000);
    const container = localContainer({ ttl: 600, first: 60, cap: 600 }, `${path}:${programs}`, hardened);
    const session = {
      container,
      process: { pid: 1, started: '1', uid: 1000, gid: 1000, groups: [] },
      tools: { has: () => true, jdk: undefined },
      report: recorder(),
      signal: new AbortController().signal,
      target: { cpuLimit },
    };
    const to = join(box.path, 'x.partial');
    const pulled = await pullFile(session, { at: 'tool', seenByTarget: '/elsewhere', seenByTool: file }, to).finally(container.end);
    expect(pulled).toMatchObject({ bytes: content.length });
    expect(readFileSync(to).equals(content)).toBe(true);
  });
});

it('a pod without two cores compresses nothing, and gives a twentieth of its limit', () => {
  expect([undefined, 4, 2, 1, 0.5, 0.001].map(pace)).toEqual([
    { level: '1', permille: 0 },
    { level: '1', permille: 0 },
    { level: '1', permille: 0 },
    { level: 'bare', permille: 50 },
    { level: 'bare', permille: 25 },
    { level: 'bare', permille: 1 },
  ]);
});
