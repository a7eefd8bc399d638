import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import type { Execution } from '../../src/cluster.ts';
import type { OpenPull } from '../../src/pull/attempt.ts';
import { pull } from '../../src/pull/pull.ts';
import { sandbox } from '../support/sandbox.ts';

vi.setConfig({ testTimeout: 60_000 });
const has = (program: string, ...args: string[]): boolean => spawnSync(program, args).status === 0;
const ack = 'IFS= read -r line; [ "$line" = ack ]';
const sum = `echo "kprof-sha256 $(sha256sum x.jfr | cut -d ' ' -f 1)" >&2`;

/** Runs a shell script as the sender, in a folder that has the file. */
const script =
  (cwd: string, text: string): OpenPull =>
  ({ stdout, stderr, signal }): Execution => {
    const child = spawn('bash', ['-c', text], { cwd, signal });
    child.on('error', () => {}); // the signal; `done` tells
    const pass = async (stream: NodeJS.ReadableStream, sink: typeof stdout): Promise<void> => {
      for await (const bytes of stream) await sink(bytes as Buffer);
    };
    const code = new Promise<number>((resolve) => child.once('exit', (status) => resolve(status ?? 137)));
    const done = Promise.all([code, pass(child.stdout, stdout), pass(child.stderr, stderr)]).then(([status]) => ({ code: status }));
    return { done, send: (words) => void child.stdin.write(words) };
  };

// What the tools really write, and the order in which it really comes.
test.each([
  ['GNU tar', 'none', `tar -cf - x.jfr; ${sum}; ${ack}`, has('tar', '--version')],
  ['GNU tar, POSIX ustar', 'none', `tar --format=ustar -cf - ./x.jfr; ${sum}; ${ack}`, has('tar', '--version')],
  ['busybox tar', 'none', `busybox tar -cf - x.jfr; ${sum}; ${ack}`, has('busybox', 'tar', '--help')],
  ['GNU tar and zstd', 'zstd', `set -o pipefail; tar -cf - x.jfr | zstd -1 -q -c && ${ack}`, has('zstd', '--version')],
  ['GNU tar and zstd --long', 'zstd', `set -o pipefail; tar -cf - x.jfr | zstd -5 --long=27 -q -c && ${ack}`, has('zstd', '--version')],
] as const)('%s', async (_, codec, text, isThere) => {
  if (!isThere) return;
  using box = sandbox();
  mkdirSync(join(box.path, 'pod'));
  for (const length of [0, 1, 512, 5_000_000]) {
    const content = Buffer.concat([randomBytes(length), Buffer.alloc(length, 'ab')]);
    writeFileSync(join(box.path, 'pod/x.jfr'), content);
    const to = join(box.path, `${length}.partial`);
    const pulled = await pull(script(join(box.path, 'pod'), text), { codec, name: 'x.jfr', to, maxBytes: 1e9 });
    expect(pulled.bytes).toBe(content.length);
    expect(readFileSync(to).equals(content)).toBe(true);
  }
});

test.each([
  ['none', `tar -cf - x.jfr && ${sum} && ${ack}`],
  ['zstd', `set -o pipefail; tar -cf - x.jfr | zstd -q -c && ${ack}`],
] as const)('%s: a tar that fails says why', async (codec, text) => {
  using box = sandbox();
  const pulling = pull(script(box.path, text), { codec, name: 'x.jfr', to: join(box.path, 'x.partial'), maxBytes: 1e9 });
  await expect(pulling).rejects.toMatchObject({ failure: 'incomplete', message: expect.stringContaining('tar: x.jfr: Cannot stat') });
});
