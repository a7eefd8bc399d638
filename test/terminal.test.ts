import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { terminalReport } from '../src/terminal.ts';
import { kubeconfig, kprof as run } from './support/cli.ts';

const root = new URL('../', import.meta.url).pathname;
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kprof-terminal-'));
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

/** What a report says on a terminal of this kind. */
function said(isTTY: boolean, columns: number | undefined, env: NodeJS.ProcessEnv): string {
  let text = '';
  const before = { isTTY: process.stderr.isTTY, columns: process.stderr.columns, env: process.env };
  vi.spyOn(process.stderr, 'write').mockImplementation((chunk) => {
    text += chunk;
    return true;
  });
  process.env = env;
  Object.defineProperty(process.stderr, 'isTTY', { value: isTTY, configurable: true });
  Object.defineProperty(process.stderr, 'columns', { value: columns, configurable: true });
  try {
    const report = terminalReport();
    report.warn('a word '.repeat(20).trim());
    report.progress('pulling', { done: 1, total: 2 });
    report.clear();
  } finally {
    process.env = before.env;
    Object.defineProperty(process.stderr, 'isTTY', { value: before.isTTY, configurable: true });
    Object.defineProperty(process.stderr, 'columns', { value: before.columns, configurable: true });
    vi.restoreAllMocks();
    process.stderr.removeAllListeners('error');
  }
  return text;
}

test.each<[string, boolean, number | undefined, NodeJS.ProcessEnv, boolean, boolean]>([
  ['a terminal', true, 40, { TERM: 'xterm' }, true, true],
  ['NO_COLOR', true, 40, { TERM: 'xterm', NO_COLOR: '1' }, false, true],
  ['TERM=dumb', true, 40, { TERM: 'dumb' }, false, false],
  ['a pipe', false, undefined, { TERM: 'xterm' }, false, false],
])('%s', (_, isTTY, columns, env, colour, rewrites) => {
  const text = said(isTTY, columns, env);
  expect(/\x1b\[33m/.test(text)).toBe(colour);
  expect(text.includes('\r')).toBe(rewrites);
  if (!rewrites) expect(text).not.toContain('\x1b');
  const widths = text
    .replaceAll(/\x1b\[\d*[mK]|\r/g, '')
    .split('\n')
    .map((line) => line.length);
  expect(Math.max(...widths)).toBe(rewrites ? Math.min(40, Math.max(...widths)) : 'warning: '.length + 'a word '.repeat(20).length - 1);
});

test('whatever the umask, what is made is for its owner alone', async () => {
  writeFileSync(join(folder, 'x.jfr'), 'x');
  const umask = process.umask;
  const masks: (string | number | undefined)[] = [];
  vi.spyOn(process, 'umask').mockImplementation((mask?: string | number) => {
    masks.push(mask);
    return umask(mask as number);
  });
  await run(folder, ['open', 'x.jfr']);
  expect(masks).toContain(0o077);
});

/** kprof whose stdout nobody reads. */
const unread = (argv: readonly string[]) =>
  new Promise<{ code: number | null; signal: string | null; stderr: string }>((resolve) => {
    const child = spawn(process.execPath, [join(root, 'bin/kprof.js'), ...argv], { stdio: ['ignore', 'pipe', 'pipe'] });
    let stderr = '';
    child.stderr.on('data', (bytes) => {
      stderr += bytes;
    });
    child.stdout.destroy();
    child.once('close', (code, signal) => resolve({ code, signal, stderr }));
  });

test.runIf(existsSync(join(root, 'dist/cli.js'))).each([[['--help']], [['jfr', '--help']], [['--version']]])('%j | head', async (argv) => {
  expect(await unread(argv)).toEqual({ code: 0, signal: null, stderr: '' });
});

test.runIf(existsSync(join(root, 'dist/cli.js')))(
  'Ctrl-C does not wait for a credential plugin that hangs',
  { timeout: 60_000 },
  async () => {
    const script = 'echo $$ >"$0"/pid.new; mv "$0"/pid.new "$0"/pid; sleep 30 & wait';
    const exec = {
      apiVersion: 'client.authentication.k8s.io/v1',
      command: '/bin/sh',
      args: ['-c', script, folder],
      interactiveMode: 'Never',
    };
    const env = { ...process.env, KUBECONFIG: kubeconfig(folder, 'https://127.0.0.1:1', { exec }) };
    const child = spawn(process.execPath, [join(root, 'bin/kprof.js'), 'jfr', 'api', '--no-open'], { cwd: folder, env, stdio: 'ignore' });
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
    while (!existsSync(join(folder, 'pid'))) await delay(50);
    const began = performance.now();
    child.kill('SIGINT');
    expect(await ended).toBe(130);
    expect(performance.now() - began).toBeLessThan(20_000);
  },
);
