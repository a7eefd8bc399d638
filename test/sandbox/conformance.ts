/** What an API server and its kubelet answer: one table of cases, which the sandbox and a real cluster both have to pass. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import WebSocket from 'ws';
import { openApi } from '../../src/kube/api.ts';
import { type Connection, loadConnection } from '../../src/kube/config.ts';
import { addressOf, bodyOf, type Path, type Query, send } from '../../src/kube/http.ts';
import type { Pod } from './objects.ts';

/** Where the cases are tried: a namespace that enforces nothing, and one that enforces `restricted`; each has the pod. */
export interface Ground {
  readonly kubeconfig: string;
  readonly namespace: string;
  readonly restricted: string;
  readonly baseline: string;
}

/** The pod that the cases are about; its image has a shell. */
export const podName = 'app';
export const podManifest = (image: string, namespace: string) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: podName, namespace, labels: { app: podName } },
  spec: {
    terminationGracePeriodSeconds: 1,
    securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
    containers: [
      {
        name: 'main',
        image,
        command: ['sh', '-c', 'echo one; echo two; trap "exit 0" TERM; while :; do sleep 1; done'],
        securityContext: { runAsUser: process.getuid?.() || 65534, allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
      },
    ],
  },
});

const strategic = 'application/strategic-merge-patch+json';
const signal = new AbortController().signal;

interface Answer {
  readonly code: number;
  readonly body: string;
}

async function ask(
  connection: Connection,
  method: 'GET' | 'PATCH' | 'POST',
  path: Path,
  more: { query?: Query; body?: unknown; contentType?: string; accept?: string } = {},
): Promise<Answer> {
  const response = await send(connection, { method, path, doing: 'ask', ...more }, signal);
  return { code: response.statusCode ?? 0, body: await bodyOf(connection.server, response, signal) };
}

/** Opens the ground as its own user, or as another. */
const connect = ({ kubeconfig }: Ground, as?: string): Promise<Connection> =>
  loadConnection({ kubeconfig, as }, { userAgent: 'kprof/test' });

const pods = (namespace: string, ...rest: readonly string[]): Path => ['api', 'v1', 'namespaces', namespace, 'pods', ...rest];

interface Refused {
  readonly name: string;
  readonly path: (ground: Ground) => Path;
  readonly method?: 'GET' | 'PATCH' | 'POST';
  readonly body?: unknown;
  readonly contentType?: string;
  readonly as?: string;
  readonly query?: Query;
  readonly code: number;
  readonly reason?: string;
  /** The whole message; NS stands for the namespace. */
  readonly says: string | RegExp;
}

const own =
  (...rest: readonly string[]) =>
  ({ namespace }: Ground) =>
    pods(namespace, ...rest);
const entry = (container: object, more: object = {}) => ({ ...more, spec: { ephemeralContainers: [container] } });
const label =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const at = 'spec.ephemeralContainers[0]';

const patching = (name: string, body: object, says: string | RegExp, more: Partial<Refused> = {}): Refused => ({
  name,
  path: own(podName, 'ephemeralcontainers'),
  method: 'PATCH',
  contentType: strategic,
  query: { dryRun: 'All', fieldManager: 'kprof' },
  body,
  code: 422,
  reason: 'Invalid',
  says,
  ...more,
});
const invalid = (text: string) => `Pod "app" is invalid: ${text}`;
const denied = (says: string) => ({
  as: 'nobody-at-all',
  code: 403,
  reason: 'Forbidden',
  says: `${says} in API group "" in the namespace "NS"`,
});

const creating = (
  name: string,
  path: (ground: Ground) => Path,
  body: unknown,
  says: string | RegExp,
  more: Partial<Refused> = {},
): Refused => ({
  name,
  path,
  method: 'POST',
  query: { dryRun: 'All' },
  body,
  code: 422,
  reason: 'Invalid',
  says,
  ...more,
});
const nameless = 'metadata.name: Required value: name or generateName is required';
const template = { metadata: { labels: { app: podName } }, spec: { containers: [{ name: 'a', image: 'x:1' }] } };

const refusals: readonly Refused[] = [
  { name: 'a pod that is not there', path: own('nope'), code: 404, reason: 'NotFound', says: 'pods "nope" not found' },
  {
    name: 'a namespace that is not there',
    path: () => ['api', 'v1', 'namespaces', 'nope'],
    code: 404,
    reason: 'NotFound',
    says: 'namespaces "nope" not found',
  },
  {
    name: 'a resource that nobody knows',
    path: ({ namespace }) => ['api', 'v1', 'namespaces', namespace, 'nopes'],
    code: 404,
    reason: 'NotFound',
    says: 'the server could not find the requested resource',
  },
  {
    name: 'exec without an upgrade',
    path: own(podName, 'exec'),
    query: { container: 'main', stdout: true, command: ['true'] },
    code: 400,
    reason: 'BadRequest',
    says: 'Upgrade request required',
  },
  {
    name: 'the log of a container that is not there',
    path: own(podName, 'log'),
    query: { container: 'nope' },
    code: 400,
    reason: 'BadRequest',
    says: 'container nope is not valid for pod app',
  },
  {
    name: 'a log since two times',
    path: own(podName, 'log'),
    query: { container: 'main', sinceSeconds: 1, sinceTime: '2026-01-01T00:00:00Z' },
    code: 422,
    reason: 'Invalid',
    says: 'PodLogOptions "app" is invalid: []: Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified',
  },
  {
    name: 'a log of no time',
    path: own(podName, 'log'),
    query: { container: 'main', sinceSeconds: 0 },
    code: 422,
    reason: 'Invalid',
    says: 'PodLogOptions "app" is invalid: sinceSeconds: Invalid value: 0: must be greater than 0',
  },
  {
    name: 'a log since what is no time',
    path: own(podName, 'log'),
    query: { container: 'main', sinceTime: 'yesterday' },
    code: 400,
    reason: 'BadRequest',
    says: 'parsing time "yesterday" as "2006-01-02T15:04:05Z07:00": cannot parse "yesterday" as "2006"',
  },
  {
    name: 'get without the right',
    path: own(podName),
    ...denied('pods "app" is forbidden: User "nobody-at-all" cannot get resource "pods"'),
  },
  { name: 'list without the right', path: own(), ...denied('pods is forbidden: User "nobody-at-all" cannot list resource "pods"') },
  patching(
    'patch without the right',
    entry({ name: 'a', image: 'x:1' }),
    '',
    denied('pods "app" is forbidden: User "nobody-at-all" cannot patch resource "pods/ephemeralcontainers"'),
  ),
  patching(
    'a target that is not there',
    entry({ name: 'a', image: 'x:1', targetContainerName: 'nope' }),
    invalid(`${at}.targetContainerName: Not found: "nope"`),
  ),
  patching('the name of another container', entry({ name: 'main', image: 'x:1' }), invalid(`${at}.name: Duplicate value: "main"`)),
  patching('no name', entry({ image: 'x:1' }), invalid(`${at}.name: Required value`)),
  patching(
    'a bad name and no image',
    entry({ name: 'A_b' }),
    invalid(`[${at}.name: Invalid value: "A_b": ${label}, ${at}.image: Required value]`),
  ),
  patching(
    'a volume that is not there',
    entry({ name: 'a', image: 'x:1', volumeMounts: [{ name: 'v', mountPath: '/v' }] }),
    invalid(`${at}.volumeMounts[0].name: Not found: "v"`),
  ),
  patching(
    'fields that are not for ephemeral containers',
    entry({
      name: 'a',
      image: 'x:1',
      ports: [{ containerPort: 80 }],
      resources: { limits: { cpu: '1' } },
      livenessProbe: { exec: { command: ['a'] } },
      lifecycle: { preStop: { exec: { command: ['a'] } } },
    }),
    invalid(
      `[${['ports', 'resources', 'livenessProbe', 'lifecycle'].map((field) => `${at}.${field}: Forbidden: cannot be set for an Ephemeral Container`).join(', ')}]`,
    ),
  ),
  patching(
    'the uid of another pod',
    entry({ name: 'a', image: 'x:1' }, { metadata: { uid: '11111111-1111-1111-1111-111111111111' } }),
    invalid('metadata.uid: Invalid value: "11111111-1111-1111-1111-111111111111": field is immutable'),
  ),
  patching(
    'an old version',
    entry({ name: 'a', image: 'x:1' }, { metadata: { resourceVersion: '1' } }),
    'Operation cannot be fulfilled on pods "app": the object has been modified; please apply your changes to the latest version and try again',
    { code: 409, reason: 'Conflict' },
  ),
  patching('a pod that is not there', entry({ name: 'a', image: 'x:1' }), 'pods "nope" not found', {
    path: own('nope', 'ephemeralcontainers'),
    code: 404,
    reason: 'NotFound',
  }),
  patching('a type of patch that is none', {}, '415: Unsupported Media Type', {
    contentType: 'application/json',
    code: 415,
    reason: 'UnsupportedMediaType',
  }),
  creating('a pod without a name', own(), { spec: template.spec }, `Pod "" is invalid: ${nameless}`),
  creating('a pod without anything', own(), {}, `Pod "" is invalid: [${nameless}, spec.containers: Required value]`),
  creating('a namespace without a name', () => ['api', 'v1', 'namespaces'], {}, `Namespace "" is invalid: ${nameless}`),
  creating(
    'a deployment without a name',
    ({ namespace }) => ['apis', 'apps', 'v1', 'namespaces', namespace, 'deployments'],
    { spec: { selector: { matchLabels: { app: podName } }, template } },
    `Deployment.apps "" is invalid: ${nameless}`,
  ),
  creating('to make a pod of nothing', own(), undefined, /^the object provided is unrecognized \(must be of type Pod\)/, {
    code: 400,
    reason: 'BadRequest',
  }),
  creating('a form that nobody knows', own(), {}, /^the body of the request was in an unknown format - accepted media types include: /, {
    contentType: 'application/x-nobody',
    code: 415,
    reason: 'UnsupportedMediaType',
  }),
];

const context = (securityContext: object) => entry({ name: 'a', image: 'x:1', securityContext });
const violating = (name: string, level: 'baseline' | 'restricted', body: object, says: string): Refused =>
  patching(name, body, `pods "app" is forbidden: violates PodSecurity "${level}:latest": ${says}`, {
    path: (ground) => pods(ground[level], podName, 'ephemeralcontainers'),
    code: 403,
    reason: 'Forbidden',
  });

const strict = { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } };
const violations: readonly Refused[] = [
  violating(
    'SYS_PTRACE',
    'baseline',
    context({ capabilities: { add: ['SYS_PTRACE', 'NET_ADMIN'] } }),
    'non-default capabilities (container "a" must not include "NET_ADMIN", "SYS_PTRACE" in securityContext.capabilities.add)',
  ),
  violating(
    'privileged',
    'baseline',
    context({ privileged: true }),
    'privileged (container "a" must not set securityContext.privileged=true)',
  ),
  violating(
    'unconfined',
    'baseline',
    context({ seccompProfile: { type: 'Unconfined' } }),
    'seccompProfile (container "a" must not set securityContext.seccompProfile.type to "Unconfined")',
  ),
  violating(
    'root without more',
    'restricted',
    context({ runAsUser: 0, runAsNonRoot: false }),
    'allowPrivilegeEscalation != false (container "a" must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (container "a" must set securityContext.capabilities.drop=["ALL"]), runAsNonRoot != true (container "a" must not set securityContext.runAsNonRoot=false), runAsUser=0 (container "a" must not set runAsUser=0)',
  ),
  violating(
    'a strict one that adds',
    'restricted',
    context({ ...strict, capabilities: { drop: ['ALL'], add: ['SYS_PTRACE'] } }),
    'unrestricted capabilities (container "a" must not include "SYS_PTRACE" in securityContext.capabilities.add)',
  ),
  violating(
    'unconfined, strict else',
    'restricted',
    context({ ...strict, seccompProfile: { type: 'Unconfined' } }),
    'seccompProfile (container "a" must not set securityContext.seccompProfile.type to "Unconfined")',
  ),
];

/** What came over a stream, and how it ended. */
interface Heard {
  readonly stdout: string;
  readonly stderr: string;
  readonly verdict: string;
  readonly closed: number;
  readonly refused: string;
}

async function talk(
  connection: Connection,
  path: Path,
  protocol: string,
  query: Query,
  begin: (socket: WebSocket) => void = () => undefined,
): Promise<Heard> {
  const address = addressOf(connection.server, path, query);
  address.protocol = address.protocol.replace('http', 'ws');
  const { agent, headers } = await connection.settings();
  const socket = new WebSocket(address, [protocol], { agent, headers });
  const heard = ['', '', '', ''];
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`it did not end: ${heard}`)), 20_000);
    const end = (closed: number, refused = '') => {
      clearTimeout(timer);
      resolve({ stdout: heard[1] ?? '', stderr: heard[2] ?? '', verdict: heard[3] ?? '', closed, refused });
    };
    socket.on('error', () => undefined);
    socket.on(
      'unexpected-response',
      (_, response) => void bodyOf(connection.server, response, signal).then((body) => end(response.statusCode ?? 0, body)),
    );
    socket.on('open', () => begin(socket));
    socket.on('message', (data) => {
      const frame = data as Buffer;
      heard[frame[0] ?? 0] += frame.subarray(1).toString('utf8');
    });
    socket.on('close', (code) => end(code));
  });
}

const run = async (ground: Ground, protocol: string, command: readonly string[], more: Query = {}, begin?: (socket: WebSocket) => void) =>
  talk(
    await connect(ground),
    pods(ground.namespace, podName, 'exec'),
    protocol,
    { container: 'main', stdin: true, stdout: true, stderr: true, command, ...more },
    begin,
  );

const worded = (protocol: string, command: readonly string[], code: number) =>
  `command terminated with non-zero exit code: ${protocol.startsWith('v5') ? `command terminated with exit code ${code}` : `error executing command [${command.join(' ')}], exit code ${code}`}`;

const exitCodes: readonly (readonly [command: readonly string[], code: number])[] = [
  [['sh', '-c', 'exit 7'], 7],
  [['sh', '-c', 'kill -9 $$'], 137],
  [['sh', '-c', 'kill -15 $$'], 143],
];

/** Declares the cases. */
export function conforms(ground: () => Ground): void {
  it.each([...refusals, ...violations])('refuses $name', async ({ path, method = 'GET', as, code, reason, says, ...more }) => {
    const answer = await ask(await connect(ground(), as), method, path(ground()), more);
    const message = typeof says === 'string' ? says.replace('NS', ground().namespace) : expect.stringMatching(says);
    expect(JSON.parse(answer.body)).toMatchObject({ kind: 'Status', status: 'Failure', code, reason, message });
    expect(answer.code).toBe(code);
  });

  describeStreams(ground);

  it('keeps what is there of the ephemeral containers, and tries nothing with dryRun', async () => {
    const connection = await connect(ground());
    const path = pods(ground().namespace, podName, 'ephemeralcontainers');
    const patch = (body: object, query: Query = {}) => ask(connection, 'PATCH', path, { body, contentType: strategic, query });
    expect((await patch(entry({ name: 'dry', image: 'registry.invalid/x:1' }), { dryRun: 'All' })).code).toBe(200);
    expect((await patch(entry({ name: 'kept', image: 'registry.invalid/x:1' }))).code).toBe(200);
    const { body } = await patch(entry({ name: 'newer', image: 'registry.invalid/x:1' }));
    const names = (JSON.parse(body) as Pod).spec.ephemeralContainers?.map(({ name }) => name);
    expect(names?.toSorted()).toEqual(['kept', 'newer']);
    expect(names?.[0]).toBe('newer');
    const changed = await patch(entry({ name: 'kept', image: 'registry.invalid/x:2' }));
    expect((JSON.parse(changed.body) as { message: string }).message).toMatch(
      /^Pod "app" is invalid: spec\.ephemeralContainers: Forbidden: existing ephemeral containers "kept" may not be changed/,
    );
    const removed = await patch(entry({ name: 'kept', $patch: 'delete' }));
    expect(JSON.parse(removed.body)).toMatchObject({
      code: 422,
      message: invalid('spec.ephemeralContainers: Forbidden: existing ephemeral containers "kept" may not be removed\n'),
    });
  });

  it('finds a name for what has the beginning of one', async () => {
    const query = { dryRun: 'All' };
    const body = { metadata: { generateName: 'one-of-many-' }, spec: template.spec };
    const answer = await ask(await connect(ground()), 'POST', pods(ground().namespace), { query, body });
    expect(answer.code).toBe(201);
    expect((JSON.parse(answer.body) as Pod).metadata.name).toMatch(/^one-of-many-[a-z0-9]{5}$/);
  });

  it('shows of a log what came since a time', async () => {
    const connection = await connect(ground());
    const log = async (query: Query) =>
      (await ask(connection, 'GET', pods(ground().namespace, podName, 'log'), { query: { container: 'main', ...query } })).body;
    expect(await log({ sinceSeconds: 3600 })).toBe('one\ntwo\n');
    expect(await log({ sinceTime: new Date(Date.now() - 3600_000).toISOString() })).toBe('one\ntwo\n');
    expect(await log({ sinceTime: new Date(Date.now() + 3600_000).toISOString() })).toBe('');
    await sleep(1500);
    expect(await log({ sinceSeconds: 1 })).toBe('');
  });

  it('tells a watch what happens, from the version that it names on', async () => {
    const api = openApi(await connect(ground()));
    const { namespace } = ground();
    const asking = { signal, doing: 'watch' };
    const { metadata } = await api.get<Pod>(pods(namespace, podName), asking);
    const patch = (value: string) => api.patch(pods(namespace, podName), { metadata: { labels: { seen: value } } }, asking);
    await patch('before');
    const leave = new AbortController();
    const seen: string[] = [];
    const query = { fieldSelector: `metadata.name=${podName}`, resourceVersion: metadata.resourceVersion };
    const following = (async () => {
      for await (const { type, object } of api.watch<Pod>(pods(namespace), { ...asking, signal: leave.signal, query })) {
        const label = object.metadata.labels?.['seen'] ?? '';
        // Neither a bookmark has it, nor the pod while its kubelet still tells of the containers of an earlier case.
        if (label !== '' && !seen.includes(`${type} ${label}`)) seen.push(`${type} ${label}`);
        if (label === 'after') leave.abort();
      }
    })().catch(() => undefined);
    await sleep(200);
    await patch('after');
    await following;
    expect(seen).toEqual(['MODIFIED before', 'MODIFIED after']);
  });

  it.each([
    ['v2', 'APIGroupDiscoveryList', 'APIGroupDiscoveryList'],
    ['v2beta1', 'APIVersions', 'APIGroupList'],
  ])('tells who reads %s of its resources in a form that they read', async (version, core, groups) => {
    const connection = await connect(ground());
    const accept = `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList,application/json`;
    const kindOf = async (path: string) => (JSON.parse((await ask(connection, 'GET', [path], { accept })).body) as { kind: string }).kind;
    expect([await kindOf('api'), await kindOf('apis')]).toEqual([core, groups]);
  });

  it('says that it looks at the fields itself', async () => {
    const connection = await connect(ground());
    const read = async <T>(...path: Path) => JSON.parse((await ask(connection, 'GET', ['openapi', 'v3', ...path])).body) as { paths: T };
    const { paths } = await read<Record<string, { serverRelativeURL: string }>>();
    expect(paths['api/v1']?.serverRelativeURL).toMatch(/^\/openapi\/v3\/api\/v1\?hash=./);
    const described = await read<Record<string, { patch: { parameters: readonly object[] } }>>('api', 'v1');
    const { patch } = described.paths['/api/v1/namespaces/{namespace}/pods/{name}'] ?? {};
    expect(patch).toMatchObject({ 'x-kubernetes-group-version-kind': { group: '', version: 'v1', kind: 'Pod' } });
    expect(patch?.parameters).toContainEqual(expect.objectContaining({ name: 'fieldValidation', in: 'query' }));
  });

  it('answers whether something is allowed', async () => {
    const review = (as?: string) =>
      connect(ground(), as).then((connection) =>
        ask(connection, 'POST', ['apis', 'authorization.k8s.io', 'v1', 'selfsubjectaccessreviews'], {
          body: {
            kind: 'SelfSubjectAccessReview',
            apiVersion: 'authorization.k8s.io/v1',
            spec: { resourceAttributes: { namespace: ground().namespace, verb: 'get', resource: 'pods' } },
          },
        }),
      );
    expect(JSON.parse((await review()).body)).toMatchObject({ status: { allowed: true } });
    expect(JSON.parse((await review('nobody-at-all')).body)).toMatchObject({ status: { allowed: false } });
  });
}

function describeStreams(ground: () => Ground): void {
  for (const protocol of ['v5.channel.k8s.io', 'v4.channel.k8s.io']) {
    it(`runs a command over ${protocol}`, async () => {
      const heard = await run(ground(), protocol, ['sh', '-c', 'echo out; echo err >&2; printf %s "$1"', 'sh', 'a "b" $c']);
      expect(heard).toMatchObject({ stdout: 'out\na "b" $c', stderr: 'err\n', closed: 1000 });
      expect(JSON.parse(heard.verdict)).toMatchObject({ status: 'Success' });
    });

    it.each(exitCodes)(`tells over ${protocol} how %j ended`, async (command, code) => {
      const { verdict, closed } = await run(ground(), protocol, command);
      const details = { causes: [{ reason: 'ExitCode', message: String(code) }] };
      expect(JSON.parse(verdict)).toMatchObject({
        status: 'Failure',
        reason: 'NonZeroExitCode',
        message: worded(protocol, command, code),
        details,
      });
      expect(closed).toBe(1000);
    });

    it(`tells over ${protocol} of a program that is not there`, async () => {
      const { message } = JSON.parse((await run(ground(), protocol, ['/nonexist'])).verdict) as { message: string };
      expect(message.replace(/[0-9a-f]{64}/, 'ID')).toBe(
        `${'Internal error occurred: '.repeat(protocol.startsWith('v5') ? 2 : 1)}error executing command in container: failed to exec in container: failed to start exec "ID": OCI runtime exec failed: exec failed: unable to start container process: exec: "/nonexist": stat /nonexist: no such file or directory`,
      );
    });

    it(`refuses over ${protocol} what it can't run`, async () => {
      const container = await run(ground(), protocol, ['sh'], { container: 'nope' });
      expect(container.closed).toBe(400);
      expect(JSON.parse(container.refused)).toMatchObject({ message: 'container nope is not valid for pod app' });
      const quiet = await run(ground(), protocol, ['sh'], { stdin: undefined, stdout: undefined, stderr: undefined });
      expect(quiet).toMatchObject({ closed: 400, refused: 'you must specify at least 1 of stdin, stdout, stderr' });
    });
  }

  it('ends stdin alone over v5', async () => {
    const heard = await run(ground(), 'v5.channel.k8s.io', ['sh', '-c', 'cat; echo end'], {}, (socket) => {
      socket.send(Buffer.from('\0some\n'));
      socket.send(Buffer.of(255, 0));
    });
    expect(heard).toMatchObject({ stdout: 'some\nend\n', closed: 1000 });
  });

  it('refuses exec without the right', async () => {
    const query = { container: 'main', stdout: true, command: ['sh'] };
    const { closed, refused } = await talk(
      await connect(ground(), 'nobody-at-all'),
      pods(ground().namespace, podName, 'exec'),
      'v4.channel.k8s.io',
      query,
    );
    expect(closed).toBe(403);
    expect(JSON.parse(refused)).toMatchObject({
      message: `pods "app" is forbidden: User "nobody-at-all" cannot get resource "pods/exec" in API group "" in the namespace "${ground().namespace}"`,
    });
  });

  it('forwards to a port where nobody listens', async () => {
    const { stderr, stdout, closed } = await talk(
      await connect(ground()),
      pods(ground().namespace, podName, 'portforward'),
      'v4.channel.k8s.io',
      { ports: 9 },
    );
    // Channel 1 is the port's error channel; it begins with the port.
    expect(stdout).toMatch(/^\t\0error forwarding port 9 to pod .*connect: connection refused/s);
    expect({ stderr, closed }).toEqual({ stderr: '', closed: 1000 });
  });
}
