/** The whole command line in this process, with what it prints caught. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { vi } from 'vitest';
import { main } from '../../src/cli.ts';

/** How it ended. */
export interface Said {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command line in `folder`, which is its home too. */
export async function kprof(folder: string, argv: readonly string[], env: NodeJS.ProcessEnv = {}, isTTY = false): Promise<Said> {
  const written = { stdout: '', stderr: '' };
  const before = { umask: process.umask(), cwd: process.cwd(), env: process.env, ttys: [process.stdout.isTTY, process.stderr.isTTY] };
  const spies = (['stdout', 'stderr'] as const).map((name) =>
    vi.spyOn(process[name], 'write').mockImplementation((chunk) => {
      written[name] += Buffer.from(chunk as string).toString('utf8');
      return true;
    }),
  );
  process.env = {
    PATH: before.env['PATH'] ?? '',
    HOME: folder,
    XDG_STATE_HOME: join(folder, 'state'),
    CI: '1',
    TERM: 'xterm',
    NO_COLOR: '1',
    ...env,
  };
  for (const stream of [process.stdout, process.stderr]) Object.defineProperty(stream, 'isTTY', { value: isTTY, configurable: true });
  mkdirSync(folder, { recursive: true });
  process.chdir(folder);
  try {
    await main(argv);
    return { ...written, code: Number(process.exitCode ?? 0) };
  } finally {
    process.exitCode = 0;
    process.env = before.env;
    process.chdir(before.cwd);
    process.umask(before.umask);
    process.stdout.removeAllListeners('error');
    process.stderr.removeAllListeners('error');
    for (const spy of spies) spy.mockRestore();
    for (const [index, stream] of [process.stdout, process.stderr].entries())
      Object.defineProperty(stream, 'isTTY', { value: before.ttys[index], configurable: true });
  }
}

/** Writes a kubeconfig for a server; gives its path. */
export function kubeconfig(folder: string, server: URL | string, user: object = {}, cluster: object = {}): string {
  const path = join(folder, 'kubeconfig');
  const config = {
    'current-context': 'one',
    contexts: [{ name: 'one', context: { cluster: 'c', user: 'u', namespace: 'shop' } }],
    clusters: [{ name: 'c', cluster: { server: String(server), ...cluster } }],
    users: [{ name: 'u', user }],
  };
  writeFileSync(path, JSON.stringify(config), { mode: 0o600 });
  return path;
}
