import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openApi } from '../../src/kube/api.ts';
import { loadConnection } from '../../src/kube/config.ts';
import { execStream } from '../../src/kube/exec-stream.ts';
import { apiServer, json } from '../support/api-server.ts';
import { kubeconfig } from '../support/cli.ts';
import { connectProxy, socksProxy } from '../support/proxies.ts';
import { secureServer } from '../support/secure-server.ts';
import { until } from '../support/shells.ts';
import { authority } from '../support/tls.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'kprof-proxy-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const asking = { signal: new AbortController().signal, doing: 'read pod shop/api', timeout: 20_000 };
const path = ['api', 'v1', 'namespaces', 'shop', 'pods', 'api'];
const data = Buffer.from(authority).toString('base64');

/** All three ways to the server: a request, a watch, an exec. */
async function useAll(server: string, environment: Record<string, string>, cluster: object = {}): Promise<void> {
  const config = kubeconfig(folder, server, {}, { 'certificate-authority-data': data, ...cluster });
  const connection = await loadConnection({ kubeconfig: config }, { environment });
  const api = openApi(connection);
  expect(await api.get(path, asking)).toMatchObject({ metadata: { name: 'api' } });
  for await (const event of api.watch(path, asking)) expect(event).toMatchObject({ type: 'ADDED' });
  let out = '';
  const stdout = (bytes: Uint8Array) => {
    out += Buffer.from(bytes).toString();
  };
  const exec = execStream(connection, { namespace: 'shop', pod: 'api', container: 'app', argv: ['x'] }, { stdout, signal: asking.signal });
  expect(await exec.done).toEqual({ code: 0 });
  expect(out).toBe('hello');
}

const error = async (server: string, environment: Record<string, string>, cluster: object = {}) =>
  useAll(server, environment, cluster).then(
    () => undefined,
    (thrown) => thrown,
  );

describe('requests, watches and execs go through', () => {
  it.each([
    ['HTTPS_PROXY', {}, ''],
    ['https_proxy', {}, ''],
    ['HTTPS_PROXY', { login: 'jane:p@ss:word' }, 'jane:p%40ss%3Aword@'],
    ['HTTPS_PROXY', { tls: true }, ''],
    ['HTTPS_PROXY', { tls: true, login: 'jane:x' }, 'jane:x@'],
  ])('%s of %j', async (name, play, login) => {
    await using server = await secureServer();
    await using proxy = await connectProxy(play);
    await useAll(`https://k8s.test:${server.port}`, { [name]: `${'tls' in play ? 'https' : 'http'}://${login}127.0.0.1:${proxy.port}` });
    expect(new Set(proxy.asked)).toEqual(new Set([`k8s.test:${server.port}`]));
    expect(server.seen.map((each) => each.split(' ')[0])).toEqual(['GET', 'GET', 'EXEC']);
  });

  it('a proxy without a scheme, which is http://', async () => {
    await using server = await secureServer();
    await using proxy = await connectProxy();
    await useAll(`https://k8s.test:${server.port}`, { HTTPS_PROXY: `127.0.0.1:${proxy.port}` });
    expect(proxy.asked.length).toBeGreaterThan(0);
  });

  it('proxy-url of the kubeconfig, whatever the environment says', async () => {
    await using server = await secureServer();
    await using proxy = await connectProxy();
    const cluster = { 'proxy-url': `http://127.0.0.1:${proxy.port}` };
    await useAll(`https://k8s.test:${server.port}`, { HTTPS_PROXY: 'http://127.0.0.1:1', NO_PROXY: '*' }, cluster);
    expect(proxy.asked.length).toBeGreaterThan(0);
  });

  it.each([
    ['without a login', {}, ''],
    ['with a login', { login: 'jane:secret' }, 'jane:secret@'],
  ])('socks5 %s, which looks up the name itself', async (_, play, login) => {
    await using server = await secureServer();
    await using proxy = await socksProxy(play);
    await useAll(`https://k8s.test:${server.port}`, {}, { 'proxy-url': `socks5://${login}127.0.0.1:${proxy.port}` });
    expect(new Set(proxy.asked)).toEqual(new Set([`k8s.test:${server.port}`]));
  });

  it('HTTP_PROXY for a server without TLS', async () => {
    await using server = await apiServer((response) => json(response, { metadata: { name: 'api' } }));
    await using proxy = await connectProxy();
    const config = kubeconfig(folder, `http://k8s.test:${server.api.connection.server.port}`);
    const connection = await loadConnection({ kubeconfig: config }, { environment: { HTTP_PROXY: `http://127.0.0.1:${proxy.port}` } });
    expect(await openApi(connection).get(path, asking)).toMatchObject({ metadata: { name: 'api' } });
    expect(proxy.asked).toEqual([`k8s.test:${server.api.connection.server.port}`]);
  });
});

it.each(['127.0.0.0/8', '*', '127.0.0.1'])('NO_PROXY=%s leaves the proxy out', async (rule) => {
  await using server = await secureServer();
  await using proxy = await connectProxy();
  await useAll(`https://127.0.0.1:${server.port}`, { HTTPS_PROXY: `http://127.0.0.1:${proxy.port}`, NO_PROXY: rule });
  expect(proxy.asked).toEqual([]);
});

describe('what a proxy does wrong is said, without its password', () => {
  it.each([
    ['wants a login', { login: 'jane:right' }, /wants a user and a password$/, /USER:PASSWORD@HOST/],
    ['does not reach it', { answer: '502 Bad Gateway' }, /does not connect to k8s\.test:6443$/, /NO_PROXY/],
    ['forbids it', { answer: '403 Forbidden' }, /does not connect to k8s\.test:6443$/, /NO_PROXY/],
  ])('%s', async (_, play, message, hint) => {
    await using proxy = await connectProxy(play);
    const thrown = await error('https://k8s.test:6443', { HTTPS_PROXY: `http://jane:canary@127.0.0.1:${proxy.port}` });
    expect(thrown).toMatchObject({ failure: 'failed', message: expect.stringMatching(message), hint: expect.stringMatching(hint) });
    expect(thrown.message).toMatch(/^The proxy http:\/\/127\.0\.0\.1:\d+ /);
    expect(JSON.stringify([thrown.message, thrown.hint, String(thrown.cause)])).not.toContain('canary');
  });

  it('nothing listens there', async () => {
    expect(await error('https://k8s.test:6443', { HTTPS_PROXY: 'http://127.0.0.1:1' })).toMatchObject({
      message: 'The proxy http://127.0.0.1:1 cannot be reached',
      cause: expect.objectContaining({ code: 'ECONNREFUSED' }),
    });
  });

  it('it does not understand CONNECT', async () => {
    await using server = await apiServer((response) => json(response, {}));
    const thrown = await error('https://k8s.test:6443', { HTTPS_PROXY: server.api.connection.server.href });
    expect(thrown.message).toMatch(/^The proxy .* (cannot be reached|does not understand CONNECT)$/);
  });

  it.each([
    ['ftp://jane:canary@proxy', 'The proxy ftp://redacted@proxy is of no kind that kprof knows'],
    ['http://jane:canary@', 'The proxy http:// is no address'],
    ['http://jane:canary@a b', 'The proxy http://a b is no address'],
    ['http://jane:50%off@proxy:3128', 'The proxy http://proxy:3128 has a user or a password with a % that is not written as %25'],
  ])('%s is none', async (url, message) => {
    const thrown = await error('https://k8s.test:6443', {}, { 'proxy-url': url });
    expect(thrown).toMatchObject({ failure: 'failed', message, hint: expect.stringContaining('proxy-url') });
  });

  it('it never answers', async () => {
    await using proxy = await connectProxy({ silent: true });
    const config = kubeconfig(folder, 'https://k8s.test:6443', {}, { 'certificate-authority-data': data });
    const connection = await loadConnection({ kubeconfig: config }, { environment: { HTTPS_PROXY: `http://127.0.0.1:${proxy.port}` } });
    await expect(openApi(connection).get(path, { ...asking, timeout: 300 })).rejects.toMatchObject({ failure: 'timeout' });
  });

  it('it is not waited for by who gave up', async () => {
    await using proxy = await connectProxy({ silent: true });
    const config = kubeconfig(folder, 'https://k8s.test:6443', {}, { 'certificate-authority-data': data });
    const connection = await loadConnection({ kubeconfig: config }, { environment: { HTTPS_PROXY: `http://127.0.0.1:${proxy.port}` } });
    const given = new AbortController();
    const reason = new Error('given up');
    const answer = openApi(connection).get(path, { ...asking, signal: given.signal });
    const refused = expect(answer).rejects.toBe(reason);
    expect(await until(() => proxy.asked.length === 1, 10)).toBe(true);
    given.abort(reason);
    await refused;
    expect(await until(() => proxy.lines.size === 0, 5)).toBe(true);
  });
});
