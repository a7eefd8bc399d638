import { randomBytes } from 'node:crypto';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { pace, pullFile } from '../../src/capture/file.ts';
import type { DebugContainer } from '../../src/cluster.ts';
import { KprofError } from '../../src/errors.ts';
import type { Process, Tools } from '../../src/toolkit.ts';
import { localContainer } from '../support/local-container.ts';
import { recorder } from '../support/recorder.ts';
import { sandbox } from '../support/sandbox.ts';

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

it.each([
  ['the same', false],
  ['another by now', true],
])('a file of a stock image is gone on with by its offset; it is %s', async (_, changes) => {
  using box = sandbox();
  const container = localContainer({ ttl: 600, first: 60, cap: 600 });
  const path = join(box.path, 'x.jfr');
  const content = randomBytes(3_000_000);
  writeFileSync(path, content);
  const report = recorder();
  const session = {
    container: cutting(container, 1_000_000, () => changes && appendFileSync(path, 'x')),
    process: {} as Process,
    tools,
    report,
    signal: new AbortController().signal,
    target: { cpuLimit: undefined },
  };
  const to = join(box.path, 'x.partial');
  const outcome = await pullFile(session, { at: 'shared-memory', seenByTarget: path }, to).catch((error: unknown) => error);
  await container.end();
  expect(report.said.join('\n')).toMatch(/the line to the pod was lost at .* of 3 MB; resuming/);
  if (changes)
    expect(outcome).toMatchObject({ failure: 'incomplete', message: expect.stringContaining('is another one now, or was changed') });
  else {
    expect(outcome).toMatchObject({ bytes: content.length });
    expect(readFileSync(to).equals(content)).toBe(true);
  }
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
