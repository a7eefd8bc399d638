import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { Agent } from 'node:https';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConnection, parseTimeout } from '../../src/kube/config.ts';
import { kubeconfigFiles } from '../../src/kube/kubeconfig.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kprof-config-'));
});
afterAll(() => rm(folder, { recursive: true }));

const write = async (name: string, content: string): Promise<string> => {
  const path = join(folder, name);
  await writeFile(path, content, { mode: 0o700 });
  return path;
};

const simple = (user = '{}', cluster = 'server: https://a.example:6443') => `
current-context: one
contexts: [{ name: one, context: { cluster: c, user: u, namespace: shop } }]
clusters: [{ name: c, cluster: { ${cluster} } }]
users: [{ name: u, user: ${user} }]
`;

const load = async (content: string, options: Parameters<typeof loadConnection>[0] = {}, environment = {}) =>
  loadConnection({ kubeconfig: await write('config', content), ...options }, { environment, userAgent: 'kprof/1 jfr' });
const headers = async (content: string, options = {}) => (await (await load(content, options)).settings()).headers;
const tls = async (content: string, options = {}) => ((await (await load(content, options)).settings()).agent as Agent).options;

describe('which files', () => {
  it.each([
    [undefined, { KUBECONFIG: `/a${delimiter}${delimiter}/b${delimiter}/a`, HOME: '/home/x' }, ['/a', '/b']],
    [undefined, { KUBECONFIG: '', HOME: '/home/x' }, ['/home/x/.kube/config']],
    ['/c', { KUBECONFIG: '/a' }, ['/c']],
    [undefined, {}, []],
  ])('--kubeconfig %s with %j: %j', (flag, environment, expected) => {
    expect(kubeconfigFiles(flag, environment)).toEqual(expected);
  });

  it('those of a capture stand for the environment, and not for the flag', async () => {
    const [mine, other] = [await write('mine', simple()), await write('other', simple('{}', 'server: https://b.example'))];
    const none = join(folder, 'none');
    const first = await loadConnection({}, { environment: { KUBECONFIG: [none, mine].join(delimiter) } });
    expect(first.kubeconfigs).toEqual([mine]);
    const again = { kubeconfigs: first.kubeconfigs };
    expect(await loadConnection(again, { environment: { KUBECONFIG: other } })).toMatchObject({ server: first.server });
    expect(await loadConnection({ ...again, kubeconfig: other }, { environment: {} })).toMatchObject({
      server: new URL('https://b.example'),
    });
    await expect(loadConnection({ kubeconfigs: [none] }, { environment: { KUBECONFIG: mine } })).rejects.toThrow(
      `No kubeconfig found; looked at ${none}`,
    );
  });
});

describe('merging', () => {
  it('skips what is missing; the first of a name wins, with all that it has', async () => {
    const one = await write(
      'one',
      `contexts: [{ name: x, context: { cluster: c, user: u } }]\nclusters: [{ name: c, cluster: { server: https://first } }]`,
    );
    const two = await write(
      'two',
      `current-context: x\ncontexts: [{ name: x, context: { cluster: c, namespace: other } }]\nclusters: [{ name: c, cluster: { server: https://second, tls-server-name: n } }]\nusers: [{ name: u, user: { token: t } }]`,
    );
    const connection = await loadConnection({}, { environment: { KUBECONFIG: [join(folder, 'none'), one, two].join(delimiter) } });
    expect(connection).toMatchObject({ context: 'x', namespace: 'default', server: new URL('https://first') });
    const { agent, headers } = await connection.settings();
    expect(headers).toEqual({ 'User-Agent': 'kprof', Authorization: 'Bearer t' });
    expect((agent as Agent).options.servername).toBeUndefined();
  });

  it('resolves relative paths against the file that has them', async () => {
    await write('ca.crt', 'CA');
    await write('token', 'secret\n');
    const content = simple('{ tokenFile: ./token }', 'server: https://a.example, certificate-authority: ca.crt');
    expect(await headers(content)).toMatchObject({ Authorization: 'Bearer secret' });
    expect(String((await tls(content)).ca)).toBe('CA');
  });

  it('takes an empty file, and one of comments, for an empty one', async () => {
    const files = [await write('empty', ''), await write('comment', '# nothing\n'), await write('config', simple())];
    expect(await loadConnection({}, { environment: { KUBECONFIG: files.join(delimiter) } })).toMatchObject({ context: 'one' });
  });

  it('reads numbers where names are meant', async () => {
    expect(
      await load(
        'current-context: 1\ncontexts: [{ name: 1, context: { cluster: 2, namespace: 3 } }]\nclusters: [{ name: 2, cluster: { server: https://a } }]',
      ),
    ).toMatchObject({ context: '1', namespace: '3' });
  });
});

describe('flags', () => {
  it('lays them over the file', async () => {
    const content = simple(
      '{ token: file, client-certificate-data: Y2VydA==, client-key-data: a2V5 }',
      'server: https://a.example, certificate-authority-data: Q0E=, tls-server-name: n',
    );
    const options = { namespace: 'other', server: 'https://b.example/prefix', token: 'flag', requestTimeout: '1m30s' };
    expect(await load(content, options)).toMatchObject({
      namespace: 'other',
      server: new URL('https://b.example/prefix'),
      timeout: 90_000,
    });
    expect(await headers(content, options)).toEqual({ 'User-Agent': 'kprof/1 jfr', Authorization: 'Bearer flag' });
    const { ca, cert, key, servername, rejectUnauthorized } = await tls(content, options);
    expect([String(ca), String(cert), String(key), servername, rejectUnauthorized]).toEqual(['CA', 'cert', 'key', undefined, undefined]);
  });

  it('drops the authority for --insecure-skip-tls-verify', async () => {
    const { ca, rejectUnauthorized } = await tls(simple('{}', 'server: https://a, certificate-authority-data: Q0E='), {
      insecureSkipTlsVerify: true,
    });
    expect([ca, rejectUnauthorized]).toEqual([undefined, false]);
  });

  it('impersonates, with several groups', async () => {
    expect(await headers(simple(), { as: 'jane', asGroup: ['dev', 'ops'], asUid: '7' })).toMatchObject({
      'Impersonate-User': 'jane',
      'Impersonate-Group': ['dev', 'ops'],
      'Impersonate-Uid': '7',
    });
    const user = '{ as: jane, as-groups: [dev], as-user-extra: { Scopes/a: [view, "edit"] } }';
    expect(await headers(simple(user))).toMatchObject({ 'Impersonate-Group': ['dev'], 'Impersonate-Extra-scopes%2Fa': ['view', 'edit'] });
    await expect(load(simple(), { asGroup: ['dev'] })).rejects.toMatchObject({
      failure: 'usage',
      message: '--as-group needs --as',
      hint: expect.stringContaining('--as USER'),
    });
  });

  it('needs no kubeconfig with --server', async () => {
    const connection = await loadConnection({ server: 'localhost:8001' }, { environment: {} });
    expect(connection).toMatchObject({ server: new URL('http://localhost:8001'), namespace: 'default', context: undefined });
    expect((await connection.settings()).agent).toHaveProperty('protocol', 'http:');
  });

  it.each([
    ['0', 0],
    ['30', 30_000],
    ['1m30s', 90_000],
    ['500ms', 500],
    ['1.5h', 5_400_000],
    [undefined, undefined],
  ])('--request-timeout=%s is %s ms', (typed, expected) => {
    expect(parseTimeout(typed)).toBe(expected);
  });

  it.each(['', 'soon', '5 s', '-5s', '5s5', '1d'])('--request-timeout=%j is an error', (typed) => {
    expect(() => parseTimeout(typed)).toThrow(expect.objectContaining({ failure: 'usage' }));
  });
});

describe('credentials', () => {
  it('sends user and password', async () => {
    expect(await headers(simple('{ username: a, password: b }'))).toMatchObject({ Authorization: 'Basic YTpi' });
  });

  it('takes data before a file, which need not exist', async () => {
    expect(String((await tls(simple('{}', 'server: https://a, certificate-authority-data: Q0E=, certificate-authority: /none'))).ca)).toBe(
      'CA',
    );
  });

  it('refuses the auth-providers that kubectl dropped', async () => {
    await expect(load(simple('{ auth-provider: { name: gcp } }'))).rejects.toMatchObject({
      failure: 'failed',
      hint: expect.stringContaining('gke-gcloud-auth-plugin'),
    });
  });

  it('gets a token that is valid from OIDC, without a network', async () => {
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const token = `${part({ alg: 'none' })}.${part({ exp: Math.floor(Date.now() / 1000) + 3600 })}.x`;
    expect(await headers(simple(`{ auth-provider: { name: oidc, config: { id-token: ${token} } } }`))).toMatchObject({
      Authorization: `Bearer ${token}`,
    });
    const old = `${part({ alg: 'none' })}.${part({ exp: 1 })}.x`;
    await expect(headers(simple(`{ auth-provider: { name: oidc, config: { id-token: ${old} } } }`))).rejects.toThrow(
      'The OIDC login of the kubeconfig has expired',
    );
  });

  it('re-reads a token file after a 401', async () => {
    await write('token', 'first');
    const connection = await load(simple('{ tokenFile: token }'));
    const before = await connection.settings();
    await write('token', 'second');
    expect(await connection.settings()).toBe(before);
    expect(connection.refresh(before)).toBe(true);
    const after = await connection.settings();
    expect(after.headers).toMatchObject({ Authorization: 'Bearer second' });
    expect(after.agent).toBe(before.agent);
    // Another request that got its 401 with the old one must not drop the new one.
    expect(connection.refresh(before)).toBe(true);
    expect(await connection.settings()).toBe(after);
    expect((await load(simple('{ token: t }'))).refresh(before)).toBe(false);
  });

  it('takes the service account of its own pod', async () => {
    await Promise.all([write('token', 't'), write('ca.crt', 'CA'), write('namespace', 'shop\n')]);
    const environment = { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '443', HOME: join(folder, 'nobody') };
    const connection = await loadConnection({}, { environment, serviceAccount: folder });
    expect(connection).toMatchObject({ server: new URL('https://[fd00::1]:443'), namespace: 'shop', context: undefined });
    expect((await connection.settings()).headers).toMatchObject({ Authorization: 'Bearer t' });
  });
});

describe('proxies', () => {
  it.each([
    ['https://a.example', 'HttpsTunnel'],
    ['http://a.example', 'HttpTunnel'],
  ])('%s goes through the one of the environment', async (server, expected) => {
    const connection = await load(
      simple('{}', `server: ${server}, certificate-authority-data: Q0E=`),
      {},
      { HTTPS_PROXY: 'http://proxy:3128', HTTP_PROXY: 'http://proxy:3128' },
    );
    const { agent } = await connection.settings();
    expect(agent.constructor.name).toBe(expected);
    if (server.startsWith('https')) expect(String((agent as Agent).options.ca)).toBe('CA');
  });

  it('takes proxy-url before the environment, socks too', async () => {
    const connection = await load(
      simple('{}', 'server: https://a.example, proxy-url: "socks5://proxy:1080"'),
      {},
      { HTTPS_PROXY: 'http://proxy:3128' },
    );
    expect((await connection.settings()).agent.constructor.name).toBe('SocksProxyAgent');
  });
});

describe('errors', () => {
  it('says where it looked', async () => {
    const environment = { KUBECONFIG: ['/none/a', '/none/b'].join(delimiter) };
    await expect(loadConnection({}, { environment, serviceAccount: '/none' })).rejects.toMatchObject({
      failure: 'failed',
      message: 'No kubeconfig found; looked at /none/a, /none/b',
    });
    await expect(loadConnection({}, { environment: {}, serviceAccount: '/none' })).rejects.toThrow(
      'looked at $KUBECONFIG and ~/.kube/config',
    );
    await expect(loadConnection({ kubeconfig: '/none/a' })).rejects.toThrow('There is no kubeconfig /none/a');
    await expect(loadConnection({ kubeconfig: folder })).rejects.toThrow(`The kubeconfig ${folder} cannot be read`);
  });

  it('tells the line of broken YAML, without what it holds', async () => {
    const error = await load('users:\n- name: u\n  user: { token: "secret\n').catch((thrown) => thrown);
    expect(error.message).toMatch(/^The kubeconfig .* is no valid YAML$/);
    expect(error.cause).toMatch(/, line \d+$/);
    expect(JSON.stringify(error)).not.toContain('secret');
    await expect(load('- a\n')).rejects.toThrow('is no kubeconfig: it holds no mapping');
  });

  it.each([
    [simple(), { context: 'oen' }, 'There is no context "oen" in the kubeconfig', 'it has one'],
    [simple(), { user: 'x' }, 'There is no user "x" that the context "one" names in the kubeconfig', 'it has u'],
    [simple().replace('name: c,', 'name: d,'), {}, 'There is no cluster "c" that the context "one" names in the kubeconfig', 'it has d'],
    [
      simple('{}', 'tls-server-name: a'),
      {},
      'The context "one" of the kubeconfig has no cluster with a server',
      'kubectl config view --minify',
    ],
    [simple().replace('current-context: one', ''), {}, /^The kubeconfig has no current context/, '--context NAME, of one'],
    [simple('{}', 'server: "ftp://a"'), {}, 'The server "ftp://a" is no http:// or https:// address', expect.stringContaining('--server')],
    [simple(), { namespace: 'a/b' }, '"a/b" cannot be the name of a namespace', expect.any(String)],
    [
      simple('{}', 'server: https://a, certificate-authority: /none'),
      {},
      'The file /none, certificate-authority of the kubeconfig, cannot be read',
      'ls -l /none',
    ],
  ])('%#', async (content, options, message, hint) => {
    await expect(load(content, options)).rejects.toMatchObject({
      message: typeof message === 'string' ? message : expect.stringMatching(message),
      hint,
    });
  });
});
