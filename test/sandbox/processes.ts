/** Local processes that carry the mark of their sandbox and their container in the environment, which their children inherit. */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { accessSync, constants, readdirSync, readFileSync, statSync } from 'node:fs';
import { constants as os } from 'node:os';
import { join } from 'node:path';

/** The variables that hold the marks. */
export const marks = { sandbox: 'KPROF_SANDBOX', container: 'KPROF_SANDBOX_CONTAINER' } as const;

/** Pids of all processes with a mark; what is another user's is not ours. */
export function marked(name: string, value: string): readonly number[] {
  const line = `${name}=${value}`;
  return readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return [];
    try {
      return readFileSync(join('/proc', pid, 'environ'), 'latin1')
        .split('\0')
        .includes(line)
        ? [Number(pid)]
        : [];
    } catch {
      return [];
    }
  });
}

/** Kills whatever runs in a container, until nothing new appears. */
export function killAll(container: string): void {
  for (let tries = 0; tries < 10; tries++) {
    const pids = marked(marks.container, container);
    if (pids.length === 0) return;
    for (const pid of pids) kill(pid, 'SIGKILL');
  }
}

/** Sends a signal; a process that is gone has no need of it. */
export function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended by itself.
  }
}

// The marks are read where the kernel keeps them: what a process does to itself later doesn't matter.
const guardScript = `
trap '' INT TERM HUP
read -r _
for round in 1 2 3 4 5 6 7 8 9 10; do
  found=$(grep -l -s -z -x -F "${marks.sandbox}=$1" /proc/[0-9]*/environ)
  [ -n "$found" ] || break
  for each in $found; do each=\${each#/proc/}; kill -KILL "\${each%/environ}" 2>/dev/null; done
  sleep 0.05
done
rm -rf "$2"`;

/** Whoever cleans up: it kills what has the sandbox's mark and removes the folder, when told, and when this process is gone. */
export interface Guard {
  close(): Promise<void>;
}

/** Starts the guard, in a session of its own that no Ctrl-C reaches. */
export function startGuard(sandbox: string, folder: string): Guard {
  const child = spawn('sh', ['-c', guardScript, 'guard', sandbox, folder], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
  const over = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.stdin.on('error', () => undefined); // It was killed: nobody is left to tell.
  child.unref();
  return {
    close: () => {
      child.ref();
      child.stdin.end();
      return over;
    },
  };
}

/** The exit code as a runtime gives it: of who died of a signal, 128 and its number. */
export const exitCode = (code: number | null, signal: NodeJS.Signals | null): number =>
  code ?? 128 + (signal === null ? 0 : os.signals[signal]);

/** Where a command of a container runs. */
export interface Room {
  readonly env: Readonly<Record<string, string>>;
  readonly folder: string;
  readonly user: { readonly uid: number; readonly gid: number };
}

/** A command that can't be run, in runc's words. */
export class CannotRun extends Error {}

/** Starts a command; throws CannotRun when there is no such program. */
export function run(argv: readonly string[], { env, folder, user }: Room, stdio: SpawnOptions['stdio']): ChildProcess {
  const [program = '', ...args] = argv;
  if (program === '') throw new CannotRun('args must not be empty');
  const path = find(program, env['PATH'] ?? '');
  if (path === undefined)
    throw new CannotRun(
      `unable to start container process: exec: ${JSON.stringify(program)}: ${
        program.includes('/') ? `stat ${program}: no such file or directory` : 'executable file not found in $PATH'
      }`,
    );
  // Only root may become somebody else.
  const other = user.uid === process.getuid?.() && user.gid === process.getgid?.() ? {} : user;
  return spawn(path, args, { argv0: program, cwd: folder, env, detached: true, stdio, ...other });
}

function find(program: string, path: string): string | undefined {
  const candidates = program.includes('/') ? [program] : path.split(':').map((folder) => join(folder, program));
  return candidates.find((candidate) => {
    try {
      accessSync(candidate, constants.X_OK);
      return statSync(candidate).isFile();
    } catch {
      return false;
    }
  });
}
