import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectProxy } from '../support/proxies.ts';
import { type Desk, desk, kubeconfig, kubectl, type Place, place, record } from './support.ts';

let shop: Place;
let laptop: Desk;
const pod = 'jdk17-root';

beforeAll(async () => {
  laptop = desk();
  shop = place('baseline');
  await shop.apply(pod);
});
afterAll(() => {
  shop?.remove();
  laptop?.remove();
});

/** A `kubectl proxy` on a free port; gives its address. */
async function proxied(...argv: readonly string[]): Promise<{ address: string; child: ChildProcess } & Disposable> {
  const child = spawn('kubectl', ['--kubeconfig', kubeconfig, 'proxy', '--port=0', ...argv], { stdio: ['ignore', 'pipe', 'inherit'] });
  const address = await new Promise<string>((resolve, reject) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      const port = /127\.0\.0\.1:(\d+)/.exec(text)?.[1];
      if (port !== undefined) resolve(`http://127.0.0.1:${port}`);
    });
    child.once('exit', () => reject(new Error('kubectl proxy ended')));
  });
  return { address, child, [Symbol.dispose]: () => void child.kill() };
}

describe('kubectl proxy', () => {
  it('refuses execs as it comes, and the way to let them through is named', async () => {
    using proxy = await proxied();
    const ended = await laptop.kprof('threads', pod, '-n', shop.namespace, '--server', proxy.address, '--kubeconfig', '/dev/null');
    expect(ended, ended.stderr).toMatchObject({ code: 4, stdout: '' });
    expect(ended.stderr).toMatch(
      /error: What stands before the API server, such as kubectl proxy, does not let through: run a command in /,
    );
    expect(ended.stderr).toMatch(/try: kubectl proxy --reject-paths=/);
  });

  it('with execs let through is a way like any other', async () => {
    using proxy = await proxied('--reject-paths=^/api/.*/pods/.*/attach');
    const ended = await laptop.kprof('threads', pod, '-n', shop.namespace, '--server', proxy.address, '--kubeconfig', '/dev/null');
    expect(ended, ended.stderr).toMatchObject({ code: 0, stdout: expect.stringContaining('kprof-worker-1') });
  });
});

it('a proxy with a login carries all of a capture', async () => {
  await using proxy = await connectProxy({ login: 'jane:secret', real: true });
  const config = JSON.parse(kubectl('config', 'view', '--raw', '-o', 'json')) as { clusters: { cluster: Record<string, string> }[] };
  for (const { cluster } of config.clusters) cluster['proxy-url'] = `http://jane:secret@127.0.0.1:${proxy.port}`;
  const path = join(laptop.folder, 'proxied.kubeconfig');
  writeFileSync(path, JSON.stringify(config), { mode: 0o600 });
  const ended = await laptop.kprof(
    'jfr',
    pod,
    '-n',
    shop.namespace,
    '--kubeconfig',
    path,
    '--duration',
    '2s',
    '-o',
    'json',
    '-v',
    '9',
    '--timeout',
    '3m',
  );
  expect(ended, ended.stderr).toMatchObject({ code: 0 });
  expect(record(ended)).toMatchObject({ format: 'jfr' });
  expect(proxy.asked.length).toBeGreaterThan(0);
  expect(ended.stderr).not.toContain('secret@');
});

it.each(['000', '777'])('with the umask %s all files are for their owner alone', async (umask) => {
  const newcomer = desk();
  const argv = ['jfr', pod, '-n', shop.namespace, '--duration', '1s', '--no-open', '--timeout', '3m'];
  const kprof = new URL('../../bin/kprof.js', import.meta.url).pathname;
  const script = `umask ${umask}; exec "$@"`;
  const path = execFileSync('sh', ['-c', script, 'sh', process.execPath, kprof, ...argv], {
    cwd: newcomer.folder,
    env: newcomer.env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const made = readdirSync(newcomer.folder, { recursive: true, encoding: 'utf8' }).map((name) => join(newcomer.folder, name));
  expect(made).toContain(path.trim());
  for (const each of made) expect([each, statSync(each).mode & 0o777]).toEqual([each, statSync(each).isDirectory() ? 0o700 : 0o600]);
  expect(readFileSync(path.trim()).length).toBeGreaterThan(0);
  newcomer.remove();
});

it('two captures of one second are two files', async () => {
  const both = await Promise.all([1, 2].map(() => laptop.kprof('threads', pod, '-n', shop.namespace, '-f', './', '-o', 'name')));
  for (const ended of both) expect(ended, ended.stderr).toMatchObject({ code: 0 });
  expect(new Set(both.map(({ stdout }) => stdout)).size).toBe(2);
});
