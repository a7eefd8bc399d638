/**
 * Go's own viewer, behind our gate: it answers to any Host and asks nobody who they are.
 * Its own port stays open to every user of this machine while it runs.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { request as ask, type IncomingMessage, type ServerResponse } from 'node:http';
import { dirname } from 'node:path';
import { text } from 'node:stream/consumers';
import { KprofError } from '../../errors.ts';
import { findViewer } from '../find.ts';
import { inPath, type Surroundings } from '../viewer.ts';
import { answerFrom, type Site } from './site.ts';

/** Go's page is made of inline scripts and styles. */
const policy = [
  "default-src 'none'",
  "script-src 'self' 'unsafe-inline'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

// Since Go 1.25 the first use builds it.
const startTakes = 120_000;

/** Ends it and what it has started: `go tool` runs pprof as a child of its own. */
async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const gone = once(child, 'exit');
  if (process.platform === 'win32') child.kill();
  else process.kill(-child.pid, 'SIGTERM'); // it leads a group of its own
  await gone;
}

/** The port that it says it listens on. */
async function portOf(child: ChildProcess, path: string, signal: AbortSignal): Promise<number> {
  let said = '';
  const found = Promise.withResolvers<number>();
  const fail = () =>
    found.reject(new KprofError('failed', `go tool pprof does not show ${path}`, { cause: new Error(said.trim() || 'it said nothing') }));
  const interrupt = () => found.reject(new KprofError('interrupted', 'Interrupted'));
  const timer = setTimeout(fail, startTakes);
  signal.addEventListener('abort', interrupt);
  child.once('error', fail).once('exit', fail);
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    said = (said + chunk).slice(-4096);
    const [, port] = /Serving web UI on http:\/\/127\.0\.0\.1:(\d+)/.exec(said) ?? [];
    if (port !== undefined) found.resolve(Number(port));
  });
  try {
    return await found.promise;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', interrupt);
  }
}

const script = '<script src="../alive.js"></script>';

async function pass(inner: IncomingMessage, response: ServerResponse): Promise<void> {
  const { 'content-type': type = 'application/octet-stream', location } = inner.headers;
  // Only what stays below the folder: its redirects are names beside the one asked for.
  const onward = location !== undefined && /^[\w./?&=-]+$/.test(location) && !location.startsWith('/') ? { Location: location } : {};
  response.writeHead(inner.statusCode ?? 502, { 'Content-Type': type, ...onward });
  if (type.startsWith('text/html')) response.end((await text(inner)) + script);
  else inner.pipe(response);
}

function proxy(port: number): Site['answer'] {
  return (name, { method, url = '' }, response) => {
    if (!/^ui\/\w*$/.test(name)) return false;
    const query = /\?.*$/s.exec(url)?.[0] ?? '';
    const inner = ask({ host: '127.0.0.1', port, method, path: `/${name}${query}`, agent: false });
    const fail = () => void (response.headersSent ? response.destroy() : response.writeHead(502).end());
    inner.on('error', fail).on('response', (answer) => void pass(answer, response).catch(fail));
    response.once('close', () => inner.destroy());
    inner.end();
    return true;
  };
}

/** Starts `go tool pprof` on files, absolute paths: the last is shown, one before it is what it is compared with. Throws a KprofError without Go, or when it refuses a file. */
export async function goPprof(
  paths: readonly [string] | readonly [earlier: string, later: string],
  surroundings: Surroundings,
  signal: AbortSignal,
  from = new URL('./page/', import.meta.url),
): Promise<Site> {
  const places = () => [...inPath('go', surroundings), '/usr/local/go/bin/go'];
  const go = await findViewer({ places }, surroundings);
  if (go === undefined)
    throw new KprofError('unsupported', 'Go was not found here', { hint: 'get it from https://go.dev/dl, or leave out --viewer pprof' });
  // Nothing is fetched: no newer Go, no symbols. Not in the current folder, whose go.mod would be read.
  const env = { ...surroundings.env, GOTOOLCHAIN: 'local', GOFLAGS: '', GOWORK: 'off' };
  const argv = [
    'tool',
    'pprof',
    '-symbolize=none',
    '-no_browser',
    '-http=127.0.0.1:',
    ...(paths.length === 2 ? ['-diff_base'] : []),
    ...paths,
  ];
  const own = answerFrom(new Map([['alive.js', { type: 'text/javascript', bytes: await readFile(new URL('alive.js', from)) }]]));
  const child = spawn(go, argv, { env, cwd: dirname(go), detached: true, stdio: ['ignore', 'ignore', 'pipe'] });
  try {
    const through = proxy(await portOf(child, paths.join(' and '), signal));
    return {
      title: 'go tool pprof',
      remark: 'While it runs, its own port is open to every user of this machine.',
      entry: 'ui/flamegraph',
      policy,
      answer: (...request) => own(...request) || through(...request),
      close: () => end(child),
    };
  } catch (error) {
    await end(child);
    throw error;
  }
}
