import type { V1ContainerStatus, V1Pod } from '@kubernetes/client-node';
import { describe, expect, it } from 'vitest';
import { checkRunning, checkSupported, chooseContainer, ended, isRestarting } from '../../src/kube/pod-state.ts';
import { nearNames, resolveTarget } from '../../src/kube/target.ts';
import { bestPod, parseName, podsOf, selectorText } from '../../src/kube/workloads.ts';
import { type Answer, apiServer, json, status } from '../support/api-server.ts';

const { signal } = new AbortController();
const running = (name: string) =>
  ({ name, state: { running: {} }, restartCount: 0, containerID: `containerd://${name}` }) as V1ContainerStatus;

/** A pod that runs, with what is said laid over it. */
function pod({ metadata, spec, status }: { metadata?: object; spec?: object; status?: object } = {}, ...containers: string[]): V1Pod {
  const names = containers.length > 0 ? containers : ['app'];
  return {
    metadata: { name: 'api', namespace: 'shop', uid: 'u', ...metadata },
    spec: { containers: names.map((name) => ({ name })), ...spec },
    status: { phase: 'Running', containerStatuses: names.map(running), ...status },
  } as V1Pod;
}

describe('what is typed', () => {
  it.each([
    ['api', 'pods', 'api'],
    ['pod/api', 'pods', 'api'],
    ['po/api', 'pods', 'api'],
    ['pods/api', 'pods', 'api'],
    ['deploy/api', 'deployments', 'api'],
    ['deployment/api', 'deployments', 'api'],
    ['sts/api', 'statefulsets', 'api'],
    ['ds/api', 'daemonsets', 'api'],
    ['rs/api', 'replicasets', 'api'],
    ['job/api', 'jobs', 'api'],
    ['svc/api', 'services', 'api'],
    ['Service/api', 'services', 'api'],
    ['deployment.apps/api', 'deployments', 'api'],
    ['deployments.v1.apps/api', 'deployments', 'api'],
    ['deploy.apps/a.b', 'deployments', 'a.b'],
    ['Job.batch/api', 'jobs', 'api'],
  ])('%s', (typed, plural, name) => {
    expect(parseName(typed)).toMatchObject({ kind: { plural }, name });
  });

  it.each([
    ['deplyo/api', '"deplyo", of "deplyo/api", is no kind that has pods', 'did you mean deploy/api?'],
    ['node/a', '"node", of "node/a", is no kind that has pods', expect.any(String)],
    [
      'deployment.extensions/a',
      '"deployment.extensions/a" names a kind of the group extensions, which kprof does not know',
      'it knows deployments.apps: deployment/a',
    ],
    ['pod.apps/a', expect.stringContaining('of the group apps'), 'it knows pod: pod/a'],
    ['job.v2.batch/a', expect.stringContaining('of the group v2.batch'), 'it knows jobs.batch: job/a'],
    ['rollout.argoproj.io/a', '"rollout.argoproj.io", of "rollout.argoproj.io/a", is no kind that has pods', expect.any(String)],
    ['pod/', 'The name of the pod is empty', expect.any(String)],
    ['', 'The name of the pod is empty', expect.any(String)],
    ['deploy/A', '"A" cannot be the name of a deployment', expect.any(String)],
    ['a/b/c', '"a", of "a/b/c", is no kind that has pods', expect.any(String)],
  ])('%j is a usage error', (typed, message, hint) => {
    expect(() => parseName(typed)).toThrow(expect.objectContaining({ failure: 'usage', message, hint }));
  });
});

describe('the container', () => {
  const annotations = { 'kubectl.kubernetes.io/default-container': 'proxy' };
  const sidecar = { initContainers: [{ name: 'mesh', restartPolicy: 'Always' }, { name: 'setup' }] };

  it.each([
    ['the only one', pod(), undefined, 'app', undefined],
    ['the first', pod({}, 'app', 'proxy'), undefined, 'app', 'Defaulted container "app" out of: app, proxy'],
    [
      'the annotated one',
      pod({ metadata: { annotations } }, 'app', 'proxy'),
      undefined,
      'proxy',
      'Defaulted container "proxy" out of: app, proxy',
    ],
    [
      'not one that is annotated and missing',
      pod({ metadata: { annotations } }, 'app', 'web'),
      undefined,
      'app',
      'Defaulted container "app" out of: app, web',
    ],
    ['the one that is named', pod({}, 'app', 'proxy'), 'proxy', 'proxy', undefined],
    ['a sidecar', pod({ spec: sidecar }), 'mesh', 'mesh', undefined],
  ])('%s', (_, of, named, container, note) => {
    expect(chooseContainer(of, named)).toMatchObject({ container, note });
  });

  it('may be another one when none was named: those that run, and the likely one first', () => {
    const stopped = pod({ status: { containerStatuses: [running('app'), running('db')] } }, 'app', 'web', 'db');
    expect(chooseContainer(stopped, undefined).alternatives).toEqual(['db']);
    expect(chooseContainer(stopped, 'app').alternatives).toEqual([]);
    const java = pod(
      {
        spec: {
          containers: [
            { name: 'proxy', image: 'envoy' },
            { name: 'app', image: 'eclipse-temurin' },
          ],
        },
      },
      'proxy',
      'app',
    );
    expect(chooseContainer(java, undefined, /temurin/)).toMatchObject({ container: 'app', alternatives: ['proxy'] });
  });

  it.each([
    ['prxoy', 'usage', 'The pod shop/api has no container prxoy', 'did you mean -c proxy? It has app, proxy, mesh'],
    ['xyz', 'usage', 'The pod shop/api has no container xyz', 'it has app, mesh, proxy'],
    ['setup', 'unsupported', 'The container setup of pod shop/api is an init container, which only runs before the others', undefined],
    ['a/b', 'usage', '"a/b" cannot be the name of a container', expect.any(String)],
  ])('-c %s', (named, failure, message, hint) => {
    expect(() => chooseContainer(pod({ spec: sidecar }, 'app', 'proxy'), named)).toThrow(
      expect.objectContaining({ failure, message, hint: hint ?? undefined }),
    );
  });
});

it.each([
  [
    'static',
    { metadata: { annotations: { 'kubernetes.io/config.mirror': 'x' } } },
    'The pod shop/api is a static pod, which takes no debug containers',
  ],
  ['windows', { spec: { os: { name: 'windows' } } }, 'The pod shop/api runs on windows; kprof knows Linux'],
  [
    'windows by its node',
    { spec: { nodeSelector: { 'kubernetes.io/os': 'windows' } } },
    'The pod shop/api runs on windows; kprof knows Linux',
  ],
  [
    'hostPID',
    { spec: { hostPID: true } },
    'The pod shop/api shares the process namespace of its node (hostPID): kprof would see every process of the node',
  ],
])('is not supported: %s', (_, more, message) => {
  expect(() => checkSupported(pod(more))).toThrow(expect.objectContaining({ failure: 'unsupported', message }));
  expect(() => checkSupported(pod({ spec: { os: { name: 'linux' } } }))).not.toThrow();
});

const state = (inner: object, more: object = {}) => ({ containerStatuses: [{ name: 'app', state: inner, restartCount: 3, ...more }] });
const unschedulable = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/3 nodes are available' };

it.each([
  ['being deleted', { metadata: { deletionTimestamp: 'x' } }, 'gone', 'The pod shop/api is being deleted', undefined],
  [
    'unschedulable',
    { status: { phase: 'Pending', conditions: [unschedulable], containerStatuses: [] } },
    'failed',
    'The pod shop/api does not run yet',
    'Unschedulable: 0/3 nodes are available',
  ],
  [
    'initialising',
    {
      status: {
        phase: 'Pending',
        ...state({ waiting: { reason: 'PodInitializing' } }),
        initContainerStatuses: [{ name: 'setup', ready: false, state: { waiting: { reason: 'CrashLoopBackOff' } } }],
      },
    },
    'failed',
    'The pod shop/api does not run yet',
    'its init container setup is not done: CrashLoopBackOff',
  ],
  [
    'completed',
    { status: { phase: 'Succeeded', ...state({ terminated: { exitCode: 0, reason: 'Completed' } }) } },
    'gone',
    'The pod shop/api has completed',
    'exit code 0',
  ],
  [
    'evicted',
    { status: { phase: 'Failed', reason: 'Evicted', message: 'The node was low on memory', containerStatuses: [] } },
    'gone',
    'The pod shop/api has failed',
    'The node was low on memory',
  ],
  [
    'ended',
    { status: state({ terminated: { exitCode: 137, reason: 'OOMKilled' } }) },
    'gone',
    'The container app of pod shop/api has ended',
    'exit code 137 (OOMKilled)',
  ],
  [
    'crashing',
    {
      status: state(
        { waiting: { reason: 'CrashLoopBackOff', message: 'back-off 5m' } },
        { lastState: { terminated: { exitCode: 1, reason: 'Error', message: 'no config\n' } } },
      ),
    },
    'gone',
    'The container app of pod shop/api crashes again and again',
    'exit code 1: no config',
  ],
  [
    'not pulled',
    { status: { phase: 'Pending', ...state({ waiting: { reason: 'ImagePullBackOff', message: 'Back-off pulling' } }) } },
    'failed',
    'The container app of pod shop/api does not run yet: ImagePullBackOff',
    'Back-off pulling',
  ],
  [
    'without a status',
    { status: { phase: 'Pending', containerStatuses: undefined } },
    'failed',
    'The pod shop/api does not run yet',
    'its phase is Pending',
  ],
])('does not run: %s', (_, more, failure, message, cause) => {
  expect(() => checkRunning(pod(more), 'app')).toThrow(
    expect.objectContaining({ failure, message, ...(cause === undefined ? {} : { cause }) }),
  );
});

it('runs while init containers of the pod still do, if it is a sidecar', () => {
  const mesh = running('mesh');
  expect(checkRunning(pod({ status: { phase: 'Pending', initContainerStatuses: [mesh], containerStatuses: [] } }), 'mesh')).toBe(mesh);
});

describe('between two runs', () => {
  const crashed = (seconds: number) => ({
    lastState: {
      terminated: { exitCode: 1, startedAt: '2026-11-21T07:00:00Z', finishedAt: new Date(Date.UTC(2026, 10, 21, 7, 0, seconds)) },
    },
  });
  const over = (exitCode = 1) => state({ terminated: { exitCode } });
  const backOff = { waiting: { reason: 'CrashLoopBackOff' } };
  const sidecars = (restartPolicy: string) => ({
    restartPolicy: 'Never',
    initContainers: [{ name: 'app', restartPolicy }],
    containers: [],
  });

  it.each<[string, Parameters<typeof pod>[0], boolean]>([
    ['runs', {}, false],
    ['has just ended', { status: over() }, true],
    ['has ended well, and is not started again', { spec: { restartPolicy: 'OnFailure' }, status: over(0) }, false],
    ['has failed, and is started again', { spec: { restartPolicy: 'OnFailure' }, status: over(1) }, true],
    ['is never started again', { spec: { restartPolicy: 'Never' }, status: over() }, false],
    ['is a sidecar', { spec: sidecars('Always'), status: over(0) }, true],
    ['is held back, having lived for a while', { status: state(backOff, crashed(10)) }, true],
    ['crashes at once, again and again', { status: state(backOff, crashed(9)) }, false],
    ['is created anew', { status: state({ waiting: { reason: 'ContainerCreating' } }, crashed(1)) }, true],
    ['is created for the first time', { status: state({ waiting: { reason: 'ContainerCreating' } }) }, false],
    ['has an image that is gone', { status: state({ waiting: { reason: 'ErrImagePull' } }, crashed(60)) }, false],
    ['is in a pod that is over', { status: { phase: 'Failed', ...over() } }, false],
    ['is in a pod that is being deleted', { metadata: { deletionTimestamp: 'x' }, status: over() }, false],
  ])('a container that %s', (_, more, expected) => {
    expect(isRestarting(pod({ ...more, spec: { containers: [{ name: 'app' }], ...more?.spec } }), 'app')).toBe(expected);
  });
});

describe('the pod as a whole', () => {
  const over = { state: { terminated: { exitCode: 0 } } };
  const both = (app: object, beside: object) =>
    pod(
      {
        spec: { nodeName: 'n', containers: [{ name: 'app' }, { name: 'beside' }] },
        status: {
          containerStatuses: [
            { ...running('app'), ...app },
            { ...running('beside'), ...beside },
          ],
        },
      },
      'app',
      'beside',
    );
  const resolved = async (answer: V1Pod) => {
    await using server = await apiServer((response) => json(response, answer));
    const settle = () => Promise.reject(new Error('it was waited for'));
    return await resolveTarget(server.api, 'shop', { name: 'api', whole: true }, signal, settle);
  };

  it.each([
    ['app', both({}, {})],
    ['beside', both(over, {})],
  ] as const)('is looked at beside a container that runs: %s', async (container, answer) => {
    expect(await resolved(answer)).toMatchObject({ container, notes: [] });
  });

  const onNode = (status: object, more: object = {}) => pod({ ...more, spec: { containers: [{ name: 'app' }], nodeName: 'n' }, status });
  const crashing = state({ waiting: { reason: 'CrashLoopBackOff' } }, { lastState: { terminated: { exitCode: 1 } } });
  const initialising = { phase: 'Pending', ...state({ waiting: { reason: 'PodInitializing' } }) };

  it.each([
    ['has just ended', onNode(state({ terminated: { exitCode: 1 } }))],
    ['crashes again and again', onNode(crashing)],
    ['waits for its init containers', onNode(initialising)],
    ['has no status yet', onNode({ phase: 'Pending', containerStatuses: [] })],
  ])('is looked at, at once, while its container %s', async (_, answer) => {
    expect(await resolved(answer)).toMatchObject({ container: 'app', pod: answer });
  });

  it.each([
    ['is over', onNode({ phase: 'Failed', ...crashing }), 'The pod shop/api has failed'],
    ['is being deleted', onNode(crashing, { metadata: { deletionTimestamp: 'x' } }), 'The pod shop/api is being deleted'],
    ['is on no node', pod({ status: initialising }), 'The pod shop/api does not run yet'],
  ])('is not looked at when it %s', async (_, answer, message) => {
    await expect(resolved(answer)).rejects.toThrow(message);
  });

  it('has those of a workload beside it, whatever their containers do', async () => {
    const named = (name: string, status: object) => ({ ...onNode(status), metadata: { name, namespace: 'shop', uid: name } });
    const off = { ...pod({ metadata: { name: 'off' }, status: initialising }) };
    const items = [named('a', crashing), named('b', initialising), named('c', { phase: 'Failed' }), off];
    await using server = await apiServer((response) => json(response, { items }));
    const found = await podsOf(server.api, 'shop', { selector: 'app=api', typed: undefined }, signal);
    expect(found.map(({ metadata }) => metadata?.name)).toEqual(['a', 'b']);
  });
});

it('ended', () => {
  expect(ended(undefined)).toBeUndefined();
  expect(ended({ exitCode: 2, reason: 'Error' })).toBe('exit code 2');
});

it('selectors', () => {
  const matchExpressions = [
    { key: 'a', operator: 'In', values: ['x', 'y'] },
    { key: 'b', operator: 'NotIn', values: ['z'] },
    { key: 'c', operator: 'Exists' },
    { key: 'd', operator: 'DoesNotExist' },
  ];
  expect(selectorText({ matchLabels: { app: 'api' }, matchExpressions })).toBe('app=api,a in (x,y),b notin (z),c,!d');
  expect(selectorText({})).toBe('');
});

it('looks at a ready pod first, then at the oldest', () => {
  const aged = (name: string, creationTimestamp: string, ready: boolean, more: object = {}) =>
    pod({ metadata: { name, creationTimestamp, ...more }, status: { conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] } });
  const pods = [
    aged('unready', '2026-01-01', false),
    aged('new', '2026-01-03', true),
    aged('old', '2026-01-02', true),
    aged('leaving', '2025-01-01', true, { deletionTimestamp: 'x' }),
  ];
  expect(bestPod(pods)?.metadata?.name).toBe('old');
  expect(bestPod(pods.slice(0, 1))?.metadata?.name).toBe('unready');
  expect(bestPod(pods.slice(3))).toBeUndefined();
});

it.each([
  ['api', ['api-7d9f-x', 'web'], 'did you mean api-7d9f-x?'],
  ['aip', ['api', 'web'], 'did you mean api?'],
  ['database', ['api', 'web'], 'there are api, web'],
  ['x', [], 'there are no pods in that namespace; -n NAMESPACE names another'],
  ['x', undefined, 'the pods there cannot be listed with your rights, so there is no suggestion'],
])('names near %s of %j', (name, names, expected) => {
  expect(nearNames(name, names, 'pods')).toBe(expected);
});

/** A cluster of one namespace, `shop`, with these answers by path. */
const cluster =
  (answers: Readonly<Record<string, unknown>>, forbidden: readonly string[] = []): Answer =>
  (response, { url }) => {
    const path = url.split('?')[0] ?? '';
    if (forbidden.includes(path))
      return status(response, 403, 'pods is forbidden: User "dev" cannot list resource "pods" in API group "" in the namespace "shop"');
    if (path in answers) return json(response, answers[path]);
    return status(response, 404, `"${path}" not found`, { details: { name: path.split('/').at(-1) } });
  };

const pods = '/api/v1/namespaces/shop/pods';
const shop = { '/api/v1/namespaces/shop': {}, [pods]: { items: [{ metadata: { name: 'api-1' } }, { metadata: { name: 'web' } }] } };

describe('resolving', () => {
  const resolve = async (answer: Answer, name: string, container?: string) => {
    await using server = await apiServer(answer);
    return { ...(await resolveTarget(server.api, 'shop', { name, container }, signal)), seen: server.seen };
  };

  it('a pod: one request', async () => {
    const { container, notes, seen, status } = await resolve(cluster({ [`${pods}/api`]: pod({}, 'app', 'proxy') }), 'api');
    expect([container, notes, status?.containerID, seen.length]).toEqual([
      'app',
      ['Defaulted container "app" out of: app, proxy'],
      'containerd://app',
      1,
    ]);
  });

  it('a pod that is being restarted, as it is when that is over', async () => {
    const now = pod({ status: { containerStatuses: [{ ...running('app'), containerID: 'containerd://next' }] } });
    await using server = await apiServer(cluster({ [`${pods}/api`]: pod({ status: state({ terminated: { exitCode: 1 } }) }) }));
    const settle = async (_: V1Pod, container: string) => (container === 'app' ? now : pod());
    const found = await resolveTarget(server.api, 'shop', { name: 'api', container: undefined }, signal, settle);
    expect([found.pod, found.status?.containerID]).toEqual([now, 'containerd://next']);
  });

  it('a deployment, and a service by its own selector', async () => {
    const answer = cluster({
      '/apis/apps/v1/namespaces/shop/deployments/api': { spec: { selector: { matchLabels: { app: 'api' } } } },
      '/api/v1/namespaces/shop/services/api': { spec: { selector: { app: 'api', tier: 'x' } } },
      '/api/v1/namespaces/shop/services/none': { spec: {} },
      [pods]: { items: [pod({ metadata: { name: 'api-1' } })] },
    });
    const { notes, seen } = await resolve(answer, 'deploy/api');
    expect([notes, seen.at(-1)?.url]).toEqual([['Using pod api-1 of deploy/api'], `${pods}?labelSelector=app%3Dapi&limit=250`]);
    expect((await resolve(answer, 'svc/api')).seen.at(-1)?.url).toContain('labelSelector=app%3Dapi%2Ctier%3Dx');
    await expect(resolve(answer, 'svc/none')).rejects.toMatchObject({
      failure: 'unsupported',
      message: 'The service shop/none selects no pods',
    });
  });

  it.each([
    ['near names', cluster(shop), 'api', 'There is no pod api in namespace shop', 'did you mean api-1?'],
    [
      'no right to list',
      cluster(shop, [pods]),
      'api',
      'There is no pod api in namespace shop',
      'the pods there cannot be listed with your rights, so there is no suggestion',
    ],
    [
      'no right to read the namespace',
      cluster({ [pods]: shop[pods] }, ['/api/v1/namespaces/shop']),
      'api',
      'There is no pod api in namespace shop',
      'did you mean api-1?',
    ],
    ['no namespace', cluster({}), 'api', 'There is no namespace shop', '-n NAMESPACE names it; the context is test'],
    [
      'no deployment',
      cluster({ ...shop, '/apis/apps/v1/namespaces/shop/deployments': { items: [{ metadata: { name: 'ap' } }] } }),
      'deploy/api',
      'There is no deployment api in namespace shop',
      'did you mean ap?',
    ],
  ])('what is missing: %s', async (_, answer, name, message, hint) => {
    await expect(resolve(answer, name)).rejects.toMatchObject({ failure: 'missing', code: 404, message, hint });
  });

  it('does not take the page of a proxy for a pod that is missing', async () => {
    await expect(resolve((response) => void response.writeHead(404).end('404 page not found'), 'api')).rejects.toMatchObject({
      cause: '404 page not found',
      hint: 'is this the address of a Kubernetes API server, with its path?',
    });
  });

  it('does not take another pod for the one that was asked for', async () => {
    await expect(resolve(cluster({ [`${pods}/api`]: pod({ metadata: { name: 'other' } }) }), 'api')).rejects.toThrow(
      /gave another object than pod shop\/api$/,
    );
  });

  it('a workload without pods', async () => {
    const answer = cluster({
      '/apis/apps/v1/namespaces/shop/deployments/api': { spec: { selector: { matchLabels: { app: 'api' } } } },
      [pods]: { items: [] },
    });
    await expect(resolve(answer, 'deploy/api')).rejects.toMatchObject({
      message: 'The deployment shop/api has no pods',
      hint: 'kubectl get pods -n shop -l app=api',
    });
  });
});
