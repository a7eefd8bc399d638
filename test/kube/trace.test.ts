import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { addressText, bodyText, headersText } from '../../src/kube/trace.ts';
import { type Answer, apiServer, json, status } from '../support/api-server.ts';
import { kprof, kubeconfig } from '../support/cli.ts';

const canary = 'c4n4ry-7f3a';
const base64 = (text: string) => Buffer.from(text).toString('base64');
// As it is, encoded, and in a Basic header.
const traces = [canary, base64(canary), base64(`jane:${canary}`), encodeURIComponent(canary)];

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kprof-trace-'));
  writeFileSync(join(folder, 'token'), `${canary}\n`);
});
afterEach(() => rmSync(folder, { recursive: true }));

const apiVersion = 'client.authentication.k8s.io/v1';
const plugin = (script: string) => ({
  exec: {
    apiVersion,
    command: '/bin/sh',
    args: ['-c', script, canary],
    env: [{ name: 'SECRET', value: canary }],
    interactiveMode: 'Never',
  },
});

/** Where a secret may be: the user of the kubeconfig, its cluster, flags, the environment. */
const places: Readonly<
  Record<string, { user?: object; cluster?: object; argv?: readonly string[]; env?: NodeJS.ProcessEnv; login?: string }>
> = {
  'a token': { user: { token: canary } },
  'a token file': { user: { tokenFile: 'token' } },
  'a password': { user: { username: 'jane', password: canary } },
  'a client key': { user: { 'client-certificate-data': base64(canary), 'client-key-data': base64(canary) } },
  'what a plugin gives': { user: plugin(`echo '{"apiVersion":"${apiVersion}","status":{"token":"'"$SECRET"'"}}'`) },
  'a plugin that fails': { user: plugin('exit 3') },
  'a plugin that prints half an answer': { user: plugin('echo "{\\"token\\":\\"$SECRET"') },
  'a plugin that prints much': { user: plugin('yes "$SECRET" | head -c 3000000') },
  'a plugin that is missing': { user: { exec: { apiVersion, command: 'kprof-no-such', args: [canary] } } },
  'an auth-provider': { user: { 'auth-provider': { name: 'oidc', config: { 'id-token': canary, 'refresh-token': canary } } } },
  '--token': { argv: ['--token', canary] },
  'the address of the server': { login: `jane:${canary}@` },
  'proxy-url': { cluster: { 'proxy-url': `http://jane:${canary}@127.0.0.1:1` } },
  'a proxy-url that is none': { cluster: { 'proxy-url': `jane:${canary}@127.0.0.1:port` } },
  HTTP_PROXY: { env: { HTTP_PROXY: `http://jane:${canary}@127.0.0.1:1`, NO_PROXY: 'x' }, cluster: { server: 'http://k8s.test:1' } },
  'another key of the kubeconfig': { user: { note: canary }, cluster: { note: canary } },
};

const secretPod = {
  metadata: { name: 'api', namespace: 'shop', uid: 'u', annotations: { a: canary }, managedFields: [{ a: canary }] },
  spec: {
    containers: [
      {
        name: 'app',
        command: ['x', canary],
        args: [canary],
        env: [{ name: 'PASSWORD', value: canary }],
        livenessProbe: { httpGet: { httpHeaders: [{ name: 'Authorization', value: canary }] }, exec: { command: [canary] } },
      },
    ],
  },
  status: {
    phase: 'Running',
    containerStatuses: [{ name: 'app', state: { running: {} }, restartCount: 0, containerID: 'containerd://a' }],
  },
};

const answers: Readonly<Record<string, Answer>> = {
  'a pod with secrets, and no way in': (response, { method }) =>
    method === 'PATCH' ? status(response, 403, 'no') : json(response, secretPod, 200, { 'Set-Cookie': canary }),
  '401': (response) => status(response, 401, 'Unauthorized', {}, { 'WWW-Authenticate': `Bearer ${canary}` }),
  'a page': (response) => void response.writeHead(418, { 'Content-Type': 'text/html' }).end('<html><title>x</title>'),
  'a cut': (response) => void response.socket?.destroy(),
};

describe.each(Object.entries(places))('%s is in no output', { timeout: 60_000 }, (_, { user, cluster, argv = [], env, login = '' }) => {
  it.each(Object.keys(answers))('when the answer is %s', async (name) => {
    await using server = await apiServer(answers[name] as Answer);
    const { host } = server.api.connection.server;
    const config = kubeconfig(folder, `http://${login}${host}`, user, cluster);
    // What is shown at a level is shown at each higher one.
    for (const level of name === 'a cut' ? ['9'] : ['0', '9']) {
      const said = await kprof(folder, ['jfr', 'api', '--no-open', '--request-timeout=2s', '-v', level, ...argv], {
        KUBECONFIG: config,
        ...env,
      });
      expect(said.code).not.toBe(0);
      for (const trace of traces) expect(`${said.stdout}${said.stderr}`).not.toContain(trace);
    }
  });
});

it('broken kubeconfigs are not quoted', async () => {
  for (const text of [
    `users: [{ name: u, user: { token: ${canary}`,
    `token: "${canary}`,
    `- ${canary}`,
    canary,
    `{"token": "${canary}", }}`,
  ]) {
    writeFileSync(join(folder, 'broken'), text);
    const said = await kprof(folder, ['jfr', 'api', '--kubeconfig', 'broken', '-v', '9']);
    expect(said.code).toBe(1);
    expect(said.stderr).not.toContain(canary);
  }
});

describe('-v, as kubectl', () => {
  const levels = async (level: string) => {
    await using server = await apiServer((response) => json(response, secretPod));
    const config = kubeconfig(folder, server.api.connection.server, { token: canary });
    return (await kprof(folder, ['jfr', 'api', '--dry-run', '-v', level], { KUBECONFIG: config })).stderr;
  };

  it('shows nothing of requests below 6', async () => expect(await levels('5')).not.toContain('GET'));

  it('6: addresses, codes and times', async () => {
    expect(await levels('6')).toMatch(/debug: GET http:\/\/127\.0\.0\.1:\d+\/api\/v1\/namespaces\/shop\/pods\/api 200 OK in \d+ms\n/);
    expect(await levels('6')).not.toContain('User-Agent');
  });

  it('7: headers too', async () => {
    expect(await levels('7')).toMatch(/User-Agent: kprof\/\S+ jfr\n/);
    expect(await levels('7')).toMatch(/Authorization: <redacted>\n/);
    expect(await levels('7')).not.toContain('containerd://a');
  });

  it('8 and 9: bodies too, without what may be secret', async () => {
    expect(await levels('8')).toMatch(/debug: answered: \{"metadata":\{"name":"api"/);
    expect(await levels('9')).toContain('"containerID":"containerd://a"');
    expect(await levels('9')).toContain('"env":"<redacted>"');
  });
});

it('texts', () => {
  expect(addressText(new URL('https://jane:x@a/b?c=d'))).toBe('https://redacted@a/b?c=d');
  expect(headersText({ Accept: 'a', Cookie: 'b' })).toBe('    Accept: a\n    Cookie: <redacted>');
  expect(bodyText('{"a":{"clientSecret":"x","b":1}}', 100)).toBe('{"a":{"clientSecret":"<redacted>","b":1}}');
  expect(bodyText('{"a":"0123456789"}', 5)).toBe('{"a": … (13 more)');
  expect(bodyText('<html>secret', 100)).toBe('12 bytes that are no JSON');
});
