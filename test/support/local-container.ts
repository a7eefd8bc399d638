/** A debug container made of local processes: the real script in a real shell, in a folder of its own. */
import { type ChildProcess, type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DebugContainer, Io } from '../../src/cluster.ts';
import { KprofError } from '../../src/errors.ts';
import { type Lifetimes, supervisor } from '../../src/remote/script.ts';
import type { Argv } from '../../src/toolkit.ts';

/** With what a test does to it. */
export interface LocalContainer extends DebugContainer {
  readonly dir: string;
  /** The main process. */
  readonly main: ChildProcess;
  /** Cuts the line of every command that runs; new ones work. */
  cut(): void;
  /** Cuts the line on which this word comes next, before it arrives. */
  drop(word: string): void;
  /** Loses the first byte of what the next command prints, and calls that a success. */
  lose(): void;
  /** Keeps the lines open and says nothing any more; new ones do not come about. */
  silence(): void;
  end(): Promise<void>;
}

const lineLost = () => new KprofError('failed', 'The line is cut', { lost: true });

/** Words that leave root the right to become another user and no other: nor to read what is theirs, nor to signal them. */
export const hardened: readonly string[] = ['setpriv', '--bounding-set=-all,+setuid,+setgid', '--inh-caps=-all'];

/** Starts the supervisor; `within` stands before each of its commands. */
export function localContainer(
  lifetimes: Lifetimes,
  path: string = process.env['PATH'] ?? '',
  within: readonly string[] = [],
): LocalContainer {
  const dir = mkdtempSync(join(tmpdir(), 'kprof-test-'));
  // As the /tmp of a container is, whose other users run the script, too.
  chmodSync(dir, 0o755);
  const env = { ...process.env, KPROF_DIR: join(dir, 'k'), KPROF_SILENCE: '7', KPROF_RETURN: '4', PATH: path };
  const [program = '', ...args] = [...within, ...supervisor(lifetimes)];
  const main = spawn(program, args, { env, stdio: 'ignore' });
  const over = new Promise<void>((resolve) => main.once('exit', () => resolve()));
  const lines = new Map<ChildProcessWithoutNullStreams, (reason: unknown) => void>();
  let silent = false;
  let dropped: string | undefined;
  let losing = false;
  return {
    name: 'local',
    reference: 'local',
    imageId: 'sha256:0',
    user: { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 },
    rung: 'local',
    why: 'here',
    reused: false,
    dir: join(dir, 'k'),
    main,
    exec: (argv: Argv, io: Io) => {
      if (silent) return { done: Promise.reject(lineLost()), send: () => {} };
      const [command = '', ...words] = [...within, ...argv];
      const child = spawn(command, words, { env, stdio: 'pipe' });
      child.stdin.on('error', () => {}); // It ended; `done` tells.
      child.stdout.on('data', (bytes: Uint8Array) => {
        const busy = io.stdout?.(losing ? bytes.subarray(1) : bytes);
        losing = false;
        if (busy === undefined) return;
        child.stdout.pause();
        busy.then(
          () => child.stdout.resume(),
          () => child.stdout.resume(),
        );
      });
      child.stderr.on('data', (bytes: Uint8Array) => io.stderr?.(bytes));
      const done = new Promise<{ readonly code: number }>((resolve, reject) => {
        child.once('close', (code) => resolve({ code: code ?? 137 }));
        lines.set(child, reject);
        io.signal?.addEventListener('abort', () => {
          child.stdin.end();
          reject(io.signal?.reason);
        });
      });
      done.catch(() => {}); // whoever awaits it hears of it
      const send = (text: string) => {
        if (dropped === undefined || text.trim() !== dropped) return silent || child.stdin.write(text);
        dropped = undefined;
        lines.get(child)?.(lineLost());
        return child.stdin.end();
      };
      return { done, send };
    },
    cut: () => {
      for (const [child, reject] of lines) {
        reject(lineLost());
        child.stdin.end();
      }
      lines.clear();
    },
    drop: (word) => {
      dropped = word;
    },
    lose: () => {
      losing = true;
    },
    silence: () => {
      silent = true;
    },
    end: async () => {
      if (main.exitCode === null && main.signalCode === null) main.kill('SIGTERM');
      await over;
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
