/** kprof in a terminal of its own: a pty, in which keys are pressed. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Desk, Running } from '../e2e/support.ts';
import { until } from '../support/shells.ts';

const entry = new URL('../../bin/kprof.js', import.meta.url).pathname;

/** A kprof with a terminal; `ended` is of kprof itself, with what the terminal showed as its stderr. */
export interface InTerminal extends Running {
  /** What Ctrl-C sends. */
  interrupt(): void;
  /** Sends kprof a signal. */
  signal(name: NodeJS.Signals): Promise<void>;
  /** Whether the terminal is as it was: its modes, its cursor, its screen. */
  restored(): boolean;
}

// The shell outlives Ctrl-C to tell what became of the terminal; what is trapped with a command is not ignored by children. One that comes
// when kprof has ended is not to end that telling.
// A narrow one would fold what is looked for.
const session = `trap : INT; stty cols 500; stty -g >"$1/before"; folder=$1; shift
sh -c 'echo $$ >"$1/pid.new"; mv "$1/pid.new" "$1/pid"; shift; exec "$@"' sh "$folder" "$@" >"$folder/out"
code=$?; trap '' INT; stty -g >"$folder/after"; exit $code`;

const quote = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;

/** Starts kprof at a desk. */
export function startInTerminal({ folder: cwd, env }: Desk, argv: readonly string[]): InTerminal {
  const folder = mkdtempSync(join(tmpdir(), 'kprof-tty-'));
  const words = ['sh', '-c', session, 'sh', folder, process.execPath, entry, ...argv];
  const began = Date.now();
  const child = spawn('script', ['-qefc', `exec ${words.map(quote).join(' ')}`, '/dev/null'], {
    cwd,
    env: { ...env, TERM: 'xterm' },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let shown = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    shown += text;
  });
  child.stdin.on('error', () => {}); // It ended meanwhile.
  const read = (name: string) => (existsSync(join(folder, name)) ? readFileSync(join(folder, name), 'utf8') : '');
  let restored = false;
  const ended = new Promise<Awaited<Running['ended']>>((resolve) =>
    child.once('close', (code) => {
      restored =
        read('before') !== '' && read('before') === read('after') && !/\x1b\[\?(25l|1049h)(?![\s\S]*\x1b\[\?(25h|1049l))/.test(shown);
      const stdout = read('out');
      rmSync(folder, { recursive: true });
      resolve({ code: code === 137 ? null : code, stdout, stderr: shown.replaceAll('\r\n', '\n'), took: Date.now() - began });
    }),
  );
  return {
    child,
    stderr: () => shown,
    ended,
    async until(pattern, seconds = 60) {
      if (!(await until(() => pattern.test(shown) || child.exitCode !== null, seconds)))
        throw new Error(`kprof never said ${pattern}:\n${shown}`);
    },
    interrupt: () => void child.stdin.write('\x03'),
    async signal(name) {
      await until(() => read('pid') !== '', 30);
      process.kill(Number(read('pid')), name);
    },
    restored: () => restored,
  };
}
