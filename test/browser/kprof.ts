/** kprof as it was built, and what it serves. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

const entry = new URL('../../bin/kprof.js', import.meta.url).pathname;

/** A `kprof open` or `kprof diff` that runs. */
export interface Opened {
  readonly address: string;
  readonly child: ChildProcess;
  /** Its exit code. */
  readonly exit: Promise<number | null>;
}

const started: ChildProcess[] = [];

async function serve(command: string, argv: readonly string[]): Promise<Opened> {
  const child = spawn(process.execPath, [entry, command, '--no-browser', ...argv], { stdio: ['ignore', 'pipe', 'inherit'] });
  started.push(child);
  const exit = once(child, 'exit').then(([code]) => code as number | null);
  const said = Promise.withResolvers<string>();
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
    const [address] = /^http:\S+(?=\n)/m.exec(text) ?? [];
    if (address !== undefined) said.resolve(address);
  });
  void exit.then((code) => said.reject(new Error(`it ended with ${code}`)));
  return { address: await said.promise, child, exit };
}

/** Starts `kprof open --no-browser` and waits for its address. */
export const open = (...argv: readonly string[]): Promise<Opened> => serve('open', argv);

/** The same of `kprof diff`. */
export const diff = (...argv: readonly string[]): Promise<Opened> => serve('diff', argv);

/** Starts it on a terminal, as a person at a desktop does whose browser is in `path`. */
export function openOnDesktop(file: string, path: string): Opened['child'] {
  const { CI: _, SSH_CONNECTION: _1, SSH_CLIENT: _2, SSH_TTY: _3, ...env } = process.env;
  const line = `exec ${process.execPath} ${entry} open ${file}`;
  const child = spawn('script', ['-qec', line, '/dev/null'], {
    env: { ...env, DISPLAY: ':0', PATH: `${path}:/usr/bin:/bin` },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  started.push(child);
  return child;
}

/** Ends what a failed test has left. */
export function endAll(): void {
  for (const child of started.splice(0)) if (child.exitCode === null) child.kill();
}
