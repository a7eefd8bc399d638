import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { loadConnection } from '../../src/kube/config.ts';
import { askPlugin, parseCredential } from '../../src/kube/credential-plugin.ts';

const apiVersion = 'client.authentication.k8s.io/v1';
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kprof-plugin-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** A connection whose plugin is the shell script. */
async function connect(script: string, more: object = {}) {
  await writeFile(join(folder, 'plugin'), `#!/bin/sh\n${script}\n`, { mode: 0o700 });
  const exec = {
    apiVersion,
    command: './plugin',
    args: ['token', 'a b'],
    env: [{ name: 'EXTRA', value: 'x' }],
    interactiveMode: 'Never',
    ...more,
  };
  const extensions = [{ name: 'client.authentication.k8s.io/exec', extension: { audience: 'a' } }];
  const config = {
    'current-context': 'one',
    contexts: [{ name: 'one', context: { cluster: 'c', user: 'u' } }],
    clusters: [{ name: 'c', cluster: { server: 'https://a.example', 'certificate-authority-data': 'Q0E=', extensions } }],
    users: [{ name: 'u', user: { exec } }],
  };
  const kubeconfig = join(folder, 'config');
  await writeFile(kubeconfig, JSON.stringify(config));
  return loadConnection({ kubeconfig }, { environment: {} });
}

const answer = (status: object) => JSON.stringify({ apiVersion, kind: 'ExecCredential', status });

it('runs beside the kubeconfig, once for all who ask, and again after a 401', async () => {
  const connection = await connect(`echo run >> ${folder}/runs\necho '${answer({ token: 't' })}'`);
  const [one, two] = await Promise.all([connection.settings(), connection.settings()]);
  expect(one).toBe(two);
  expect(one.headers).toMatchObject({ Authorization: 'Bearer t' });
  expect(await connection.settings()).toBe(one);
  expect(connection.refresh(one)).toBe(true);
  await connection.settings();
  expect(await readFile(join(folder, 'runs'), 'utf8')).toBe('run\nrun\n');
});

it('is told about the cluster, and has its own environment and arguments', async () => {
  const script = `printf '%s\\n' "$KUBERNETES_EXEC_INFO" "$EXTRA" "$#" "$2" > ${folder}/seen\necho '${answer({ token: 't' })}'`;
  await (await connect(script, { provideClusterInfo: true })).settings();
  const [info = '', ...rest] = (await readFile(join(folder, 'seen'), 'utf8')).split('\n');
  const cluster = { server: 'https://a.example', 'certificate-authority-data': 'Q0E=', config: { audience: 'a' } };
  expect(JSON.parse(info)).toEqual({ apiVersion, kind: 'ExecCredential', spec: { cluster, interactive: false } });
  expect(rest).toEqual(['x', '2', 'a b', '']);
});

it('may give a certificate; another one means another agent', async () => {
  const connection = await connect(
    `echo run >> ${folder}/certs\nprintf '${answer({ clientCertificateData: 'CERT%s', clientKeyData: 'KEY' })}' $(wc -l < ${folder}/certs)`,
  );
  const one = await connection.settings();
  expect((one.agent as { options?: unknown }).options).toMatchObject({ cert: Buffer.from('CERT1'), key: Buffer.from('KEY') });
  connection.refresh(one);
  expect((await connection.settings()).agent).not.toBe(one.agent);
});

it.each([
  [
    'is not installed',
    'exit 0',
    { command: 'kprof-no-such-plugin', installHint: 'get it at …' },
    'The credential plugin kprof-no-such-plugin is not installed',
    'get it at …',
  ],
  ['fails', 'exit 3', {}, expect.stringMatching(/^The credential plugin .*plugin failed$/), expect.stringMatching(/kubectl auth whoami$/)],
  [
    'prints no JSON',
    'echo secret',
    {},
    expect.stringMatching(/printed is no ExecCredential$/),
    expect.stringMatching(/kubectl auth whoami$/),
  ],
  [
    'has another version',
    `echo '{"apiVersion":"other"}'`,
    {},
    expect.stringMatching(/answered in other, and the kubeconfig expects/),
    expect.stringMatching(/apiVersion/),
  ],
  [
    'gives nothing',
    `echo '${answer({})}'`,
    {},
    expect.stringMatching(/neither a token nor a certificate$/),
    expect.stringMatching(/kubectl auth whoami$/),
  ],
  [
    'wants a terminal',
    'exit 0',
    { interactiveMode: 'Always' },
    expect.stringMatching(/wants to ask, and there is no terminal$/),
    expect.stringMatching(/on a terminal/),
  ],
])('a plugin that %s', async (_, script, more, message, hint) => {
  const connection = await connect(script, more);
  const error = await connection.settings().catch((thrown) => thrown);
  expect(error).toMatchObject({ failure: 'failed', message, hint });
  expect(`${error.message} ${error.cause}`).not.toContain('secret');
});

it.each([
  [undefined, Number.POSITIVE_INFINITY],
  ['1970-01-01T00:10:00Z', 540_000],
  ['1970-01-01T00:00:40Z', 20_000],
  ['1970-01-01T00:00:00Z', Number.POSITIVE_INFINITY],
  ['1969-12-31T00:00:00Z', Number.POSITIVE_INFINITY],
  ['1970-01-02T00:00:00Z', 86_340_000],
])('expiring %s, it is asked again at %s', (expirationTimestamp, expected) => {
  expect(parseCredential('p', answer({ token: 't', expirationTimestamp }), apiVersion, 0).staleAt).toBe(expected);
});

const ask = (script: string, say: (text: string) => void = () => undefined, limit?: number) =>
  askPlugin(
    {
      exec: { apiVersion, command: '/bin/sh', args: ['-c', script, folder, 'canary'], interactiveMode: 'Never' },
      cluster: {},
      authority: undefined,
    },
    { signal: new AbortController().signal, say },
    limit,
  );

it('what it asks is shown at once, while it waits', async () => {
  const script = `printf 'Code: ä' >&2; while [ ! -e "$0"/answered ]; do sleep 0.05; done; echo '${answer({ token: 't' })}'`;
  let said = '';
  const credential = ask(script, (text) => {
    said += text;
    if (said === 'Code: ä') void writeFile(join(folder, 'answered'), '');
  });
  expect(await credential).toMatchObject({ token: 't' });
  expect(said).toBe('Code: ä');
});

it.each([
  ['takes too long', 'sleep 20', { failure: 'timeout', message: 'The credential plugin /bin/sh gave no answer within 0.2s' }],
  ['takes too long, and does not want to end', "trap '' TERM; sleep 20", { failure: 'timeout' }],
])('one that %s', async (_, script, expected) => {
  await expect(ask(script, undefined, 200)).rejects.toMatchObject(expected);
});

it.each([
  ['prints without end', 'yes', 'it printed more than a megabyte'],
  ['fails', 'exit 3', 'exit code 3'],
  ['is killed', 'kill -KILL $$', 'SIGKILL'],
])('one that %s is told without its arguments', async (_, script, cause) => {
  const error = await ask(script).catch((thrown) => thrown);
  expect(error).toMatchObject({ failure: 'failed', message: 'The credential plugin /bin/sh failed', cause });
  expect(JSON.stringify([error.message, error.cause, error.hint])).not.toContain('canary');
});
