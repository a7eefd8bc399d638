import { mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { V1Pod } from '@kubernetes/client-node';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest';
import { commands } from '../src/commands/index.ts';
import { captureFlags, connectionFlags } from '../src/common.ts';
import type { Flag } from '../src/flags.ts';
import { toolkits } from '../toolkits/index.ts';
import { type Answer, apiServer, json, type Seen, status } from './support/api-server.ts';
import { kprof, kubeconfig, type Said } from './support/cli.ts';
import { injections, terminalTexts, unprintable } from './support/corpus.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kprof-cli-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** A pod that runs, with what is said laid over it. */
const pod = ({ metadata, spec, status }: { metadata?: object; spec?: object; status?: object } = {}): V1Pod =>
  ({
    metadata: { name: 'api', namespace: 'shop', uid: 'u-1', resourceVersion: '1', ...metadata },
    spec: { containers: [{ name: 'app', image: 'a' }], ...spec },
    status: {
      phase: 'Running',
      containerStatuses: [{ name: 'app', state: { running: {} }, restartCount: 0, containerID: 'containerd://a' }],
      ...status,
    },
  }) as unknown as V1Pod;

/** Runs a command line against the answers. */
async function ask(answer: Answer, argv: readonly string[], more: { user?: object; env?: NodeJS.ProcessEnv; isTTY?: boolean } = {}) {
  await using server = await apiServer(answer);
  const config = kubeconfig(folder, server.api.connection.server, more.user);
  const said = await kprof(folder, argv, { KUBECONFIG: config, ...more.env }, more.isTTY);
  return { ...said, seen: server.seen };
}

/** What a pod whose debug container gets into this state answers. */
const withDebugger =
  (state: object, log = ''): Answer =>
  (response, { method, url, body }) => {
    if (url.includes('/log?')) return void response.end(log);
    if (url.includes('watch=true')) return void response.writeHead(200).flushHeaders();
    if (method === 'PATCH') added = JSON.parse(body).spec.ephemeralContainers;
    const statuses = added.map(({ name }) => ({ name, state }));
    json(response, pod({ spec: { ephemeralContainers: added }, status: { ephemeralContainerStatuses: statuses } }));
  };
let added: readonly { readonly name: string }[] = [];
beforeEach(() => {
  added = [];
});

const expectClean = ({ stdout, stderr }: Said) => {
  // The one sequence of our own: a progress line that is taken away.
  const shown = `${stdout}${stderr}`.replaceAll(/\r[^\r\n]*\x1b\[K/g, '');
  expect(shown).not.toMatch(unprintable);
  expect(shown).not.toContain('bug of kprof');
  expect(shown.length).toBeLessThan(100_000);
};

const jfr = ['jfr', 'api', '--no-open', '--timeout', '1s'];

describe.each(Object.entries(terminalTexts))('a terminal is not driven by %s', { timeout: 60_000 }, (_, text) => {
  const plugin = (script: string) => ({
    exec: {
      apiVersion: 'client.authentication.k8s.io/v1',
      command: '/bin/sh',
      args: ['-c', script, text.slice(0, 200).replaceAll('\0', '')],
      interactiveMode: 'Never',
    },
  });
  const sources: readonly [string, Answer, readonly string[], object?][] = [
    ['a Status', (response) => status(response, 403, text, { reason: text, details: { name: text } }), jfr],
    ['a page of a proxy', (response) => void response.writeHead(418).end(`<html><title>${text}</title>`), jfr],
    ['a body that is no JSON', (response) => void response.end(text), jfr],
    [
      'a webhook',
      (response, { method }) =>
        method === 'PATCH' ? status(response, 403, `admission webhook "w${text}" denied the request: ${text}`) : json(response, pod()),
      jfr,
    ],
    [
      'a policy',
      (response, { method }) =>
        method === 'PATCH'
          ? status(response, 422, `x is forbidden: ValidatingAdmissionPolicy 'p${text}' with binding 'b' denied request: ${text}`)
          : json(response, pod()),
      jfr,
    ],
    [
      'RBAC',
      (response) =>
        status(response, 403, `pods is forbidden: User "${text}" cannot get resource "pods" in API group "" in the namespace "${text}"`),
      jfr,
    ],
    ['a waiting message', withDebugger({ waiting: { reason: 'ErrImagePull', message: text } }), jfr],
    ['a log', withDebugger({ terminated: { exitCode: 1, reason: text, message: text } }, text), jfr],
    [
      'what ended the target',
      (response) =>
        json(
          response,
          pod({
            // Else it would be waited for.
            spec: { restartPolicy: 'Never' },
            status: { containerStatuses: [{ name: 'app', state: { terminated: { exitCode: 1, reason: text, message: text } } }] },
          }),
        ),
      jfr,
    ],
    [
      'why a pod waits',
      (response) =>
        json(
          response,
          pod({
            status: {
              phase: 'Pending',
              containerStatuses: [],
              conditions: [{ type: 'PodScheduled', status: 'False', reason: text, message: text }],
            },
          }),
        ),
      jfr,
    ],
    ['names', (response) => json(response, pod({ spec: { containers: [{ name: text }] } })), jfr],
    [
      'names of neighbours',
      (response, { url }) =>
        /pods\?/.test(url)
          ? json(response, { items: [{ metadata: { name: text } }, { metadata: { name: 'apii' } }] })
          : /pods/.test(url)
            ? status(response, 404, text, { details: { name: text } })
            : json(response, {}),
      jfr,
    ],
    [
      'everything, at level 9',
      (response) =>
        status(
          response,
          403,
          text,
          { reason: text, details: { name: text } },
          { 'X-Test': encodeURIComponent(text.slice(0, 99).toWellFormed()) },
        ),
      [...jfr, '-v', '9'],
    ],
    ['a dry run', (response) => json(response, pod({ metadata: { annotations: { a: text } } })), ['jfr', 'api', '--dry-run']],
    ['a command line', (response) => json(response, pod()), ['jfr', text, '-n', 'shop']],
    ['an unknown command', (response) => json(response, pod()), [text]],
    ['an unknown flag', (response) => json(response, pod()), ['jfr', `--${text}`]],
    ['the name of a file', (response) => json(response, pod()), ['jfr', 'api', '-f', text]],
    ['the name of a file to open', (response) => json(response, pod()), ['open', text]],
    ['a context', (response) => json(response, pod()), ['jfr', 'api', '--context', text]],
    ['a plugin that fails', (response) => json(response, pod()), jfr, plugin('printf %s "$0" >&2; exit 3')],
    [
      'a plugin that says much',
      (response) => status(response, 403),
      jfr,
      plugin(`printf %s "$0" >&2; echo '{"apiVersion":"client.authentication.k8s.io/v1","status":{"token":"t"}}'`),
    ],
  ];
  it('in any of what others say', async () => {
    for (const [name, answer, argv, user] of sources)
      for (const isTTY of [false, true]) {
        const said = await ask(answer, argv, { ...(user === undefined ? {} : { user }), isTTY });
        expectClean(said);
        if (name !== 'a dry run') expect(said, name).toMatchObject({ stdout: '', code: expect.not.toSatisfy((code) => code === 0) });
      }
  });
});

it('is not driven by what is still waited for when time is up', async () => {
  const text = Object.values(terminalTexts)
    .filter((each) => each.length < 500)
    .join(' ');
  const said = await ask(withDebugger({ waiting: { reason: text, message: text } }), jfr);
  expect(said).toMatchObject({ code: 6, stdout: '' });
  expectClean(said);
});

describe('no word that was typed', { timeout: 60_000 }, () => {
  /** Every request goes to a pod of the namespace, or to what is asked about it. */
  const address =
    /^\/(api\/v1|apis\/(apps|batch)\/v1)\/namespaces\/[a-z0-9-]{1,63}(\/[a-z]+(\/[a-z0-9.-]{1,253}(\/[a-z]+)?)?)?(\?[\w=&%.-]*)?$/;
  const expectHarmless = (said: Said & { readonly seen: readonly Seen[] }) => {
    expectClean(said);
    for (const { url, headers } of said.seen) {
      expect(url).toMatch(address);
      expect(headers).not.toHaveProperty('x-evil');
    }
  };
  const flags = Object.entries({ ...connectionFlags, ...captureFlags, ...Object.assign({}, ...toolkits.map((each) => each.flags)) })
    .filter(([, flag]) => (flag as Flag<unknown>).value !== undefined)
    .map(([name]) => name);

  it.each(flags)('does more as --%s than it should', async (flag) => {
    for (const word of injections) {
      const tool = toolkits.find((each) => flag in each.flags)?.name ?? 'jfr';
      const said = await ask(
        (response) => status(response, 404, 'no', { details: { name: 'api' } }),
        [tool, 'api', '--request-timeout', '5s', `--${flag}=${word}`],
      );
      expect(said.code, `--${flag}=${word}: ${said.stderr}`).not.toBe(0);
      expect(said.stderr).toMatch(/^(error|warning): /m);
      expectHarmless(said);
    }
    expect(readdirSync(folder).filter((name) => !['kubeconfig', 'state'].includes(name))).toEqual([]);
  });

  it.each(commands.map((each) => [each.name, each] as const))('does more for %s than it should', async (name, command) => {
    const answer: Answer = (response) => status(response, 404, 'no', { details: { name: 'api' } });
    const valued = Object.entries(command.flags).filter(([, flag]) => flag.value !== undefined);
    for (const word of injections) {
      for (const [flag] of valued) expectHarmless(await ask(answer, [name, 'api', `--${flag}=${word}`]));
      expectHarmless(await ask(answer, [name, '--', word]));
    }
    expect(readdirSync(folder).filter((each) => !['kubeconfig', 'state'].includes(each))).toEqual([]);
  });

  it.each(toolkits.map(({ name }) => name))('does more as a name for %s than it should', async (tool) => {
    for (const word of injections) {
      const said = await ask((response) => status(response, 404, 'no', { details: { name: 'api' } }), [tool, '--', word, word]);
      expect(said.code, word).not.toBe(0);
      expectHarmless(said);
    }
  });

  it('does more as a name than it should', async () => {
    for (const word of injections)
      for (const name of [word, `deploy/${word}`, `${word}/api`]) {
        const said = await ask((response) => status(response, 404, 'no', { details: { name: 'api' } }), ['jfr', '--', name]);
        expect(said.code, name).not.toBe(0);
        expectHarmless(said);
        if (!/^(deploy\/)?(__proto__|constructor|x+)(\/api)?$/.test(name)) expect(said.seen).toHaveLength(0);
      }
  });

  it('of whatever kind does', async () => {
    await using server = await apiServer((response) => status(response, 404, 'no', { details: { name: 'api' } }));
    const config = kubeconfig(folder, server.api.connection.server);
    const word = fc.oneof(fc.string({ unit: 'binary', maxLength: 20 }), fc.constantFrom(...injections));
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(word, fc.constantFrom('-n', '-c', '--context', 'deploy/x', '-f', '--image')), { maxLength: 4 }),
        async (words) => {
          const said = await kprof(folder, ['jfr', '--request-timeout=5s', ...words], { KUBECONFIG: config });
          expect(said.code).not.toBe(0);
          expectHarmless({ ...said, seen: server.seen });
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('a server', () => {
  const lies: readonly (readonly [string, object])[] = [
    ['another name', { metadata: { name: 'other' } }],
    ['another namespace', { metadata: { namespace: 'kube-system' } }],
    ['no uid', { metadata: { uid: undefined } }],
    ['a uid that is none', { metadata: { uid: '../x' } }],
    ...['a/b', '-x', 'a b', 'A', '', '$(id)', "a'; id; '", 'x'.repeat(64), 'a\nb', 7, null].flatMap(
      (name) =>
        [
          [`a container ${name}`, { spec: { containers: [{ name }] } }],
          [`an init container ${name}`, { spec: { initContainers: [{ name, restartPolicy: 'Always' }] } }],
          [`an ephemeral container ${name}`, { spec: { ephemeralContainers: [{ name }] } }],
        ] as const,
    ),
    ['a node with a space', { spec: { nodeName: 'a b' } }],
    ['containers that are no list', { spec: { containers: 'app' } }],
    ['statuses that are no list', { status: { containerStatuses: { app: 1 } } }],
    ['conditions of null', { status: { conditions: [null] } }],
    ['a spec that is a text', { spec: 'x' }],
  ];

  it.each(lies)('that gives a pod with %s is not believed', async (_, more) => {
    const laid = more as { metadata?: object; spec?: object };
    const answer = typeof laid.spec === 'string' ? { ...pod(), spec: laid.spec } : pod(laid);
    const said = await ask((response) => json(response, answer), jfr);
    expect(said).toMatchObject({ code: 1, stdout: '' });
    expect(said.stderr).toMatch(/^error: 127\.0\.0\.1:\d+ gave /m);
    expect(said.seen.every(({ method }) => method === 'GET')).toBe(true);
    expectClean(said);
  });

  it.each(['null', '[]', '"x"', '7', '{}', '{"metadata":null}'])('that answers %s is not believed', async (body) => {
    const said = await ask((response) => void response.end(body), jfr);
    expect(said.stderr).toMatch(/^error: .* gave something else than a pod/m);
    expect(said.code).toBe(1);
  });

  it.each(['$(id)', 'a/b', '-x', ''])('that lists a pod %j is not believed', async (name) => {
    const deployment = { spec: { selector: { matchLabels: { app: 'x' } } } };
    const said = await ask(
      (response, { url }) => json(response, /deployments/.test(url) ? deployment : { items: [pod({ metadata: { name } })] }),
      ['jfr', 'deploy/api'],
    );
    expect(said.code).toBe(1);
    expect(said.stderr).toMatch(/^error: .* gave a pod with the name /m);
  });

  it('whose selector is none of a shell gets it quoted', async () => {
    const said = await ask(
      (response, { url }) =>
        json(response, /deployments/.test(url) ? { spec: { selector: { matchLabels: { app: "x'; id; '" } } } } : { items: [] }),
      ['jfr', 'deploy/api'],
    );
    expect(said.stderr).toContain(`try: kubectl get pods -n shop -l 'app=x'\\''; id; '\\'''`);
  });
});

test.each([
  [['pprof', 'api', 'heap', '--debug', '2', '-f', '-']],
  [['pprof', 'api', '--kind', 'heap', 'heap']],
  [['pprof', 'api', '--kind', 'heap', '--kind', 'cpu']],
])('%j is no mistake', async (argv) => {
  expect(await ask((response) => json(response, pod()), [...argv, '--dry-run'])).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('fetch'),
  });
});

describe('what was typed wrongly is said first, and alone', () => {
  test.each([
    [['jfr', 'a/b/c'], 2],
    [['jfr', 'Api'], 2],
    [['jfr', 'api', '-c', 'a_b'], 2],
    [['jfr', 'api', '-n', 'a.b'], 2],
    [['jfr', 'api', '-f', 'there.jfr'], 2],
    [['jfr', 'api', '-f', 'link.jfr', '--force'], 2],
    [['jfr', 'api', '-f', 'no/where.jfr'], 8],
    [['jfr', 'api', '--registry', 'a b'], 2],
    [['pprof', 'api', '--kind', 'heap', 'cpu'], 2],
    [['pprof', 'api', 'heap', '-f', '-'], 2],
    [['threads', 'api', '--count', '999999999999'], 2],
    [['threads', 'api', '--count', '0'], 2],
    [['jfr', 'api', '--dry-run=server'], 2],
    [['jfr', 'api', '--certificate-authority', 'none.crt'], 2],
    [['jfr', 'api', '--certificate-authority', 'there.jfr'], 2],
    [['jfr', 'api', '--as-group', 'x'], 2],
    [['open'], 2],
    [['open', ''], 2],
    [['open', 'a', 'b'], 2],
    [['open', '.'], 2],
    [['open', 'none.jfr'], 2],
    [['open', 'there.jfr'], 3],
  ])('%j', async (argv, code) => {
    writeFileSync(join(folder, 'there.jfr'), '');
    symlinkSync(join(folder, 'there.jfr'), join(folder, 'link.jfr'));
    const said = await ask((response) => json(response, pod()), argv);
    expect(said).toMatchObject({ code, stdout: '' });
    expect(said.stderr).toMatch(/^error: .*(\n {7}.*)*(\ncause: .*)*\ntry: .*\n$/);
    expect(said.stderr).not.toMatch(/kubeconfig/);
    expect(said.seen).toEqual([]);
  });

  test('with what is possible', async () => {
    const said = (argv: readonly string[]) => ask((response) => json(response, pod()), argv).then(({ stderr }) => stderr);
    expect(await said(['threads', 'api', '--count', '999999999999'])).toContain('"999999999999" is not a whole number from 1 to 999999999');
    expect(await said(['jfr', 'api', '--dry-run=server'])).toMatch(/not supported[\s\S]*--dry-run=client/);
    expect(await said(['jfr', 'api', '--certificate-authority', 'none.crt'])).toContain(
      'error: The file of --certificate-authority none.crt cannot be read',
    );
    writeFileSync(join(folder, 'x.jfr'), '');
    expect(await said(['open', 'x.jfr'])).not.toContain('kprof open');
  });

  test('a registry of the environment that is none', async () => {
    const said = await ask((response) => json(response, pod()), ['jfr', 'api'], { env: { KPROF_REGISTRY: 'a b' } });
    expect(said).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^error: \$KPROF_REGISTRY "a b" is no address of a registry\ntry: /),
    });
  });
});
