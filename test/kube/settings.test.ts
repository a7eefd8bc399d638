import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openApi } from '../../src/kube/api.ts';
import { loadConnection } from '../../src/kube/config.ts';
import { execStream } from '../../src/kube/exec-stream.ts';
import { kprof, kubeconfig } from '../support/cli.ts';
import { type SecureServer, secureServer } from '../support/secure-server.ts';
import { authority, client, otherServer } from '../support/tls.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kprof-settings-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const { signal } = new AbortController();
const path = ['api', 'v1', 'namespaces', 'shop', 'pods', 'api'];
const asking = { signal, doing: 'read pod shop/api', timeout: 20_000 };
const cluster = { 'certificate-authority-data': Buffer.from(authority).toString('base64') };
const apiVersion = 'client.authentication.k8s.io/v1';

/** A plugin that gives the token `t1`, then `t2` …; `more` is what else its answer says. */
function plugin(more: object = {}) {
  const status = { token: 'TOKEN', ...more };
  const script = `set -e; echo run >>"$0"/runs; echo '${JSON.stringify({ apiVersion, status })}' | sed "s/TOKEN/t$(wc -l <"$0"/runs)/"`;
  return { exec: { apiVersion, command: '/bin/sh', args: ['-c', script, folder], interactiveMode: 'Never' } };
}
const runs = () => (existsSync(join(folder, 'runs')) ? readFileSync(join(folder, 'runs'), 'utf8').split('\n').length - 1 : 0);

async function open(server: SecureServer, user: object) {
  const connection = await loadConnection(
    { kubeconfig: kubeconfig(folder, `https://127.0.0.1:${server.port}`, user, cluster) },
    { environment: {} },
  );
  const exec = () => execStream(connection, { namespace: 'shop', pod: 'api', container: 'app', argv: ['x'] }, { signal }).done;
  const api = openApi(connection);
  return {
    ways: { get: () => api.get(path, asking), watch: () => Array.fromAsync(api.watch(path, asking)), exec },
    connection,
  };
}

/** Lets in who has one of the tokens; they can be changed while it runs. */
const tokens = (...valid: string[]) => {
  const good = new Set(valid);
  return {
    good,
    refuse: ({ headers }: { headers: { authorization?: string | undefined } }) => (good.has(headers.authorization ?? '') ? undefined : 401),
  };
};

it('a plugin that fails is no reason to give up what it has logged in for before', async () => {
  const { good, refuse } = tokens('Bearer t1');
  await using server = await secureServer({ refuse });
  const [{ ways }, stranger] = [await open(server, plugin()), await open(server, plugin())];
  await ways.exec();
  good.clear();
  // The script begins with writing there.
  rmSync(folder, { recursive: true });
  const failed = { failure: 'failed', message: 'The credential plugin /bin/sh failed' };
  await expect(ways.exec()).rejects.toMatchObject({ ...failed, lost: true });
  await expect(stranger.ways.exec()).rejects.toMatchObject({ ...failed, lost: false });
  mkdirSync(folder);
});

describe.each(['get', 'watch', 'exec'] as const)('a 401 in the middle of a capture, for %s', (way) => {
  it('has the plugin asked again, once', async () => {
    const { good, refuse } = tokens('Bearer t1');
    await using server = await secureServer({ refuse });
    const { ways } = await open(server, plugin());
    await ways[way]();
    good.delete('Bearer t1');
    good.add('Bearer t2');
    await ways[way]();
    await ways[way]();
    expect(runs()).toBe(2);
    expect(server.seen).toHaveLength(4);
  });

  it('which a new credential does not help is the end, and says so', async () => {
    const { good, refuse } = tokens('Bearer t1');
    await using server = await secureServer({ refuse });
    const { ways } = await open(server, plugin());
    await ways[way]();
    good.clear();
    await expect(ways[way]()).rejects.toMatchObject({
      failure: 'forbidden',
      code: 401,
      message: expect.stringMatching(/^127\.0\.0\.1:\d+ does not accept your credentials$/),
      hint: expect.stringContaining('kubectl auth whoami'),
    });
    expect([runs(), server.seen.length]).toEqual([2, 3]);
  });

  it('has a rotated token file read again', async () => {
    const { good, refuse } = tokens('Bearer one');
    await using server = await secureServer({ refuse });
    writeFileSync(join(folder, 'token'), 'one\n');
    const { ways } = await open(server, { tokenFile: 'token' });
    await ways[way]();
    good.clear();
    good.add('Bearer two');
    writeFileSync(join(folder, 'token'), 'two\n');
    await ways[way]();
    expect(server.seen).toHaveLength(3);
  });
});

it('many that get a 401 at once ask the plugin once', async () => {
  const { good, refuse } = tokens('Bearer t1');
  await using server = await secureServer({ refuse });
  const { ways } = await open(server, plugin());
  await ways.get();
  good.clear();
  good.add('Bearer t2');
  await Promise.all([ways.get(), ways.watch(), ways.exec(), ways.get(), ways.exec()]);
  expect(runs()).toBe(2);
});

it('a 401 ends kprof with code 4', async () => {
  await using server = await secureServer({ refuse: () => 401 });
  const config = kubeconfig(folder, `https://127.0.0.1:${server.port}`, plugin(), cluster);
  const said = await kprof(folder, ['jfr', 'api', '--no-open'], { KUBECONFIG: config });
  expect(said).toMatchObject({ code: 4, stdout: '', stderr: expect.stringContaining('does not accept your credentials') });
  expect(runs()).toBe(2);
});

describe('clocks that differ', () => {
  const hour = 3_600_000;
  it.each([
    ['ahead of the login’s: its credential looks expired', -hour],
    ['behind the login’s: its credential looks good for too long', 2 * hour],
  ])('ours is an hour %s', async (_, offset) => {
    const { good, refuse } = tokens('Bearer t1');
    await using server = await secureServer({ refuse });
    const { ways } = await open(server, plugin({ expirationTimestamp: new Date(Date.now() + offset).toISOString() }));
    for (let i = 0; i < 3; i++) await ways.get();
    expect(runs()).toBe(1);
    good.clear();
    good.add('Bearer t2');
    await ways.get();
    await ways.exec();
    expect(runs()).toBe(2);
  });
});

describe('a plugin that hangs', () => {
  const hanging = (trap: string) => ({
    exec: {
      apiVersion,
      command: '/bin/sh',
      args: ['-c', `${trap} echo $$ >"$0"/pid.new; mv "$0"/pid.new "$0"/pid; sleep 20 & wait; wait`, folder],
      interactiveMode: 'Never',
    },
  });
  const started = async () => {
    while (!existsSync(join(folder, 'pid'))) await delay(20);
    return Number(readFileSync(join(folder, 'pid'), 'utf8'));
  };
  const runsStill = (pid: number) => {
    try {
      return process.kill(pid, 0);
    } catch {
      return false;
    }
  };

  it.each(['', "trap '' TERM;"])('ends when the last who waits for it goes away (%j)', async (trap) => {
    await using server = await secureServer();
    const { connection } = await open(server, hanging(trap));
    const [one, two] = [new AbortController(), new AbortController()];
    const outcomes = [one, two].map((each) => connection.settings(each.signal).catch((error) => error));
    const pid = await started();
    one.abort(new Error('first'));
    expect(await outcomes[0]).toMatchObject({ message: 'first' });
    expect(runsStill(pid)).toBe(true);
    two.abort(new Error('second'));
    expect(await outcomes[1]).toMatchObject({ message: 'second' });
    while (runsStill(pid)) await delay(50);
  });
});

describe('TLS', () => {
  const say = async (argv: readonly string[], port: number, more: object = cluster, user: object = {}) =>
    kprof(folder, ['jfr', 'api', '--no-open', ...argv], { KUBECONFIG: kubeconfig(folder, `https://127.0.0.1:${port}`, user, more) });

  it('of an authority that nobody knows is refused', async () => {
    await using server = await secureServer();
    const said = await say([], server.port, {});
    expect(said.code).toBe(1);
    expect(said.stderr).toMatch(/error: The certificate of https:\/\/127\.0\.0\.1:\d+ is not signed by an authority that is trusted here/);
    expect(said.stderr).toMatch(/try: --certificate-authority FILE/);
    expect(server.seen).toEqual([]);
  });

  it('of the authority of a file, of a flag, or unchecked, is taken', async () => {
    await using server = await secureServer({ refuse: () => 403 });
    writeFileSync(join(folder, 'ca.crt'), authority);
    for (const [argv, more] of [
      [[], { 'certificate-authority': 'ca.crt' }],
      [['--certificate-authority', 'ca.crt'], {}],
      [['--insecure-skip-tls-verify'], {}],
      [[], { 'insecure-skip-tls-verify': true }],
    ] as const)
      expect((await say(argv, server.port, more)).stderr).toContain('You may not read pod shop/api');
  });

  it('for another name is refused, unless that name is expected', async () => {
    await using server = await secureServer({ identity: otherServer, refuse: () => 403 });
    const said = await say([], server.port);
    expect(said.stderr).toMatch(/is for another name[\s\S]*try: --tls-server-name/);
    expect((await say(['--tls-server-name', 'other.test'], server.port)).stderr).toContain('You may not');
    expect((await say([], server.port, { ...cluster, 'tls-server-name': 'other.test' })).stderr).toContain('You may not');
  });

  it('shows a client certificate, in requests and execs', async () => {
    await using server = await secureServer({ refuse: (_, subject) => (subject === 'client' ? undefined : 401) });
    const base64 = (text: string) => Buffer.from(text).toString('base64');
    const user = { 'client-certificate-data': base64(client.cert), 'client-key-data': base64(client.key) };
    const { ways } = await open(server, user);
    await ways.get();
    await ways.watch();
    await ways.exec();
    expect(server.seen).toHaveLength(3);
    const { ways: without } = await open(server, {});
    await expect(without.get()).rejects.toMatchObject({ code: 401 });
  });

  it('says what is wrong with a client certificate', async () => {
    await using server = await secureServer();
    const said = await say([], server.port, cluster, { 'client-certificate-data': 'eA==', 'client-key-data': 'eA==' });
    expect(said).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('error: The client certificate or key of the kubeconfig cannot be used'),
    });
  });
});

describe('what goes into headers', () => {
  it.each([
    [['--as', 'jane\r\nX-Evil: 1'], '--as'],
    [['--as', 'jane', '--as-uid', 'a\nb'], '--as-uid'],
    [['--as', 'jane', '--as-group', 'a\0b'], '--as-group'],
    [['--token', 'canary\r\nX-Evil: 1'], 'the credential'],
  ])('%j is refused', async (argv, name) => {
    await using server = await secureServer();
    const config = kubeconfig(folder, `https://127.0.0.1:${server.port}`, {}, cluster);
    const said = await kprof(folder, ['jfr', 'api', ...argv], { KUBECONFIG: config });
    expect(said.code).toBe(2);
    expect(said.stderr).toContain(`error: What ${name} holds cannot be sent`);
    expect(said.stderr).not.toContain('canary');
    expect(server.seen).toEqual([]);
  });

  it('is UTF-8, as kubectl sends it', async () => {
    const names: string[] = [];
    await using server = await secureServer({
      refuse({ headers }) {
        names.push(Buffer.from(String(headers['impersonate-user']), 'latin1').toString('utf8'));
        return undefined;
      },
    });
    const { ways } = await open(server, { as: 'Jürgen 世', 'as-user-extra': { 'a(b)/c': ['x'] } });
    await ways.get();
    await ways.exec();
    expect(names).toEqual(['Jürgen 世', 'Jürgen 世']);
  });
});
