import type { ServerResponse } from 'node:http';
import type { V1Pod } from '@kubernetes/client-node';
import { describe, expect, it } from 'vitest';
import { type Debugger, ephemeralState, notYet } from '../../src/kube/ephemeral-state.ts';
import { goneReason } from '../../src/kube/gone.ts';
import { untilRestarted, waitForEphemeral, watchGone, watchPod } from '../../src/kube/wait.ts';
import { apiServer, json, status } from '../support/api-server.ts';

const wanted: Debugger & { image: 'jvm' } = {
  namespace: 'shop',
  pod: 'api',
  uid: 'u',
  name: 'kprof-jvm-x',
  image: 'jvm',
  reference: 'registry/kprof-jvm:1',
};
const pinned = { namespace: 'shop', pod: 'api', uid: 'u', container: 'app', containerId: 'containerd://a', restartCount: 1 };

const app = { name: 'app', containerID: 'containerd://a', restartCount: 1, state: { running: {} } };
const pod = ({ metadata, spec, status }: { metadata?: object; spec?: object; status?: object } = {}): V1Pod =>
  ({
    metadata: { name: 'api', namespace: 'shop', uid: 'u', resourceVersion: '1', ...metadata },
    spec: { nodeName: 'n1', ...spec },
    status: { phase: 'Running', containerStatuses: [app], ...status },
  }) as unknown as V1Pod;
const ephemeral = (state: object, more: { metadata?: object; spec?: object } = {}) =>
  pod({ ...more, status: { ephemeralContainerStatuses: [{ name: wanted.name, state, imageID: 'sha' }] } });
const container = (more: object) => pod({ status: { containerStatuses: [{ ...app, ...more }] } });

describe('gone', () => {
  it.each([
    ['deleted', pod(), true, 'The pod shop/api was deleted', undefined],
    ['absent', undefined, true, 'The pod shop/api was deleted', undefined],
    ['replaced', pod({ metadata: { uid: 'v' } }), false, 'The pod shop/api was replaced by another of the same name', undefined],
    ['leaving', pod({ metadata: { deletionTimestamp: 'x' } }), false, 'The pod shop/api is being deleted', undefined],
    [
      'evicted',
      pod({ status: { phase: 'Failed', reason: 'Evicted', message: 'low on memory' } }),
      false,
      'The pod shop/api was evicted',
      'low on memory',
    ],
    [
      'drained',
      pod({
        status: {
          conditions: [{ type: 'DisruptionTarget', status: 'True', reason: 'EvictionByEvictionAPI', message: 'by the Eviction API' }],
        },
      }),
      false,
      'The pod shop/api was evicted',
      'EvictionByEvictionAPI: by the Eviction API',
    ],
    [
      'node lost',
      pod({ status: { reason: 'NodeLost', message: 'unresponsive' } }),
      false,
      'The node of pod shop/api is lost',
      'unresponsive',
    ],
    [
      'container ended',
      container({ state: { terminated: { exitCode: 137, reason: 'OOMKilled' } } }),
      false,
      'The container app of pod shop/api has ended',
      'exit code 137 (OOMKilled)',
    ],
    [
      'container replaced',
      container({ containerID: 'containerd://b' }),
      false,
      'The container app of pod shop/api was restarted',
      undefined,
    ],
    [
      'container restarted',
      container({ restartCount: 2, lastState: { terminated: { exitCode: 1 } } }),
      false,
      'The container app of pod shop/api was restarted',
      'exit code 1',
    ],
  ])('%s', (_, snapshot, deleted, message, cause) => {
    expect(goneReason(pinned, { pod: snapshot, deleted })).toMatchObject({
      failure: 'gone',
      message,
      ...(cause === undefined ? {} : { cause }),
    });
  });

  it.each([
    ['as it was', pod()],
    ['no status for a moment', pod({ status: { containerStatuses: [] } })],
    ['no ID for a moment', container({ containerID: '' })],
    ['another container', pod({ status: { containerStatuses: [app, { ...app, name: 'other', restartCount: 9 }] } })],
  ])('not %s', (_, snapshot) => {
    expect(goneReason(pinned, { pod: snapshot, deleted: false })).toBeUndefined();
  });
});

describe('the debug container', () => {
  const state = (snapshot: V1Pod | undefined) => ephemeralState(wanted, { pod: snapshot, deleted: snapshot === undefined });
  const waiting = (reason: string, message?: string) => ephemeral({ waiting: { reason, message } });

  it.each([
    ['no status yet', pod()],
    ['being created', waiting('ContainerCreating')],
    [
      'a target that is not there yet',
      waiting('CreateContainerError', 'failed to generate container: container "a" is not running - in state CONTAINER_EXITED'),
    ],
    ['no state', ephemeral({})],
  ])('waits: %s', (_, snapshot) => {
    expect(state(snapshot)).toEqual({ kind: 'waits' });
  });

  it('runs', () => {
    expect(state(ephemeral({ running: {} }))).toMatchObject({ kind: 'runs', status: { imageID: 'sha' } });
  });

  const startError = (message: string) => ephemeral({ terminated: { exitCode: 128, reason: 'StartError', message } });
  it.each([
    [waiting('ErrImagePull', 'not found'), 'failed', 'The image registry/kprof-jvm:1 cannot be pulled', 'not found'],
    [waiting('ImagePullBackOff'), 'failed', 'The image registry/kprof-jvm:1 cannot be pulled', 'ImagePullBackOff'],
    [
      waiting('ErrImageNeverPull'),
      'failed',
      'The image registry/kprof-jvm:1 is not on the node, and may not be pulled (--image-pull-policy Never)',
      'ErrImageNeverPull',
    ],
    [waiting('InvalidImageName'), 'failed', 'The image registry/kprof-jvm:1 is no valid image name', 'InvalidImageName'],
    [waiting('CreateContainerConfigError', 'runAsNonRoot'), 'forbidden', 'The node refuses to create kprof-jvm-x', 'runAsNonRoot'],
    [
      waiting('RunContainerError', 'exec: "/bin/sh": stat /bin/sh: no such file or directory: unknown'),
      'unsupported',
      'The image registry/kprof-jvm:1 lacks a shell',
      /stat/,
    ],
    [
      startError('exec: "sh": executable file not found in $PATH'),
      'unsupported',
      'The image registry/kprof-jvm:1 lacks a shell',
      /^exit code 128 \(StartError\): exec/,
    ],
    [startError('exec: "tini": executable file not found in $PATH'), 'unsupported', 'The image registry/kprof-jvm:1 lacks tini', /tini/],
    [
      startError('exec /bin/sh: exec format error'),
      'unsupported',
      'The image registry/kprof-jvm:1 is for another processor than the node has',
      /format/,
    ],
    [
      ephemeral({ terminated: { exitCode: 69, reason: 'Error' } }),
      'failed',
      'The debug container kprof-jvm-x ended as soon as it began',
      'exit code 69',
    ],
    [pod({ metadata: { deletionTimestamp: 'x' } }), 'gone', 'The pod shop/api is being deleted', undefined],
    [pod({ metadata: { uid: 'v' } }), 'gone', 'The pod shop/api was replaced by another of the same name', undefined],
    [undefined, 'gone', 'The pod shop/api was deleted', undefined],
  ])('fails: %#', (snapshot, failure, message, cause) => {
    const found = state(snapshot);
    expect(found).toMatchObject({ kind: 'fails', error: { failure, message } });
    if (cause !== undefined)
      expect((found as { error: Error }).error.cause).toEqual(typeof cause === 'string' ? cause : expect.stringMatching(cause));
  });

  it('offers another image, and tells of the pull secrets', () => {
    const hint = (spec: object) =>
      (state(ephemeral({ waiting: { reason: 'ErrImagePull' } }, { spec })) as { error: { hint: string } }).error.hint;
    expect(hint({})).toBe(
      "--image eclipse-temurin:25-jdk takes a stock image; --registry REGISTRY (or KPROF_REGISTRY) one that mirrors kprof's; the pod has no imagePullSecrets, and a debug container has the same",
    );
    expect(hint({ imagePullSecrets: [{ name: 'a' }, { name: 'b' }] })).toContain('the pod pulls with the imagePullSecrets a, b');
  });

  it.each([
    [undefined, 'the API server did not answer'],
    [pod(), 'the kubelet of n1 has not taken it up'],
    [waiting('ContainerCreating'), 'n1 is pulling registry/kprof-jvm:1 or creating the container'],
    [waiting('CreateContainerError', 'not running'), 'CreateContainerError: not running'],
  ])('says what was seen last when time is up: %#', (snapshot, cause) => {
    const last = snapshot === undefined ? undefined : { pod: snapshot, deleted: false };
    expect(notYet(wanted, last, 60_000)).toMatchObject({
      failure: 'timeout',
      message: 'The debug container kprof-jvm-x does not run after 60s',
      cause,
    });
  });
});

/** Ends a watch after these events. */
const events = (response: ServerResponse, ...list: readonly object[]) =>
  void response.end(list.map((event) => `${JSON.stringify(event)}\n`).join(''));
const { signal } = new AbortController();
const isWatch = (url: string) => url.includes('watch=true');

describe('watching', () => {
  it('gives what is, then each change, until the pod is gone', async () => {
    await using server = await apiServer((response, { url }) => {
      if (!isWatch(url)) return json(response, pod());
      events(
        response,
        { type: 'BOOKMARK', object: {} },
        { type: 'MODIFIED', object: pod({ metadata: { resourceVersion: '2' } }) },
        { type: 'DELETED', object: pod() },
      );
    });
    const seen = await Array.fromAsync(watchPod(server.api, pinned, signal), ({ pod: each, deleted }) => [
      each?.metadata?.resourceVersion,
      deleted,
    ]);
    expect(seen).toEqual([
      ['1', false],
      ['2', false],
      ['1', true],
    ]);
    expect(server.seen[1]?.url).toContain('fieldSelector=metadata.name%3Dapi&resourceVersion=1&');
  });

  it.each([
    ['a version that is too old', (response: ServerResponse) => events(response, { type: 'ERROR', object: { code: 410 } })],
    ['a dropped line', (response: ServerResponse) => void response.socket?.destroy()],
    ['an overload', (response: ServerResponse) => status(response, 503)],
    ['a right that is missing', (response: ServerResponse) => status(response, 403, 'no')],
  ])('survives %s', async (_, answer) => {
    let reads = 0;
    await using server = await apiServer((response, { url }) => {
      if (isWatch(url)) return answer(response);
      return ++reads === 1 ? json(response, pod()) : status(response, 404, 'not found', { details: { name: 'api' } });
    });
    const seen = await Array.fromAsync(watchPod(server.api, pinned, signal), ({ deleted }) => deleted);
    expect(seen).toEqual([false, true]);
  });

  it('throws what waiting does not cure', async () => {
    await using server = await apiServer((response) => status(response, 401, 'Unauthorized'));
    await expect(Array.fromAsync(watchPod(server.api, pinned, signal))).rejects.toMatchObject({ code: 401 });
  });

  it('aborts a signal when the target is gone, and not when it is closed', async () => {
    const line = Promise.withResolvers<ServerResponse>();
    await using server = await apiServer((response, { url }) => {
      if (!isWatch(url)) return json(response, pod());
      response.writeHead(200).flushHeaders();
      line.resolve(response);
    });
    const [gone, closed] = [watchGone(server.api, pinned), watchGone(server.api, pinned)];
    closed.close();
    const response = await line.promise;
    expect(gone.signal.aborted).toBe(false);
    events(response, { type: 'MODIFIED', object: container({ state: { terminated: { exitCode: 143 } } }) });
    await expect.poll(() => gone.signal.aborted).toBe(true);
    expect(gone.signal.reason).toMatchObject({ failure: 'gone', cause: 'exit code 143' });
    expect(closed.signal.aborted).toBe(false);
  });
});

describe('a restart', () => {
  const over = container({ state: { terminated: { exitCode: 1 } } });
  const back = container({ containerID: 'containerd://b', restartCount: 2 });
  const waited = async (found: V1Pod, now: V1Pod, ...later: readonly object[]) => {
    const said: string[] = [];
    await using server = await apiServer((response, { url }) => {
      if (!isWatch(url)) return json(response, now);
      if (later.length > 0) return events(response, ...later);
      response.writeHead(200).flushHeaders();
    });
    const pod = await untilRestarted(server.api, found, 'app', { say: (text) => said.push(text), signal, patience: 300 });
    return { pod, said, asked: server.seen.length };
  };

  it('that there is none costs nothing', async () => {
    expect(await waited(pod(), pod())).toMatchObject({ said: [], asked: 0 });
  });

  it('is waited for, and that is said', async () => {
    const { pod: found, said } = await waited(over, over, { type: 'MODIFIED', object: back });
    expect(found).toEqual(back);
    expect(said).toEqual(['The container app of pod shop/api is being restarted. Waiting for it, 300ms at most.']);
  });

  it.each([
    ['comes too late', over, []],
    ['ends with the pod', over, [{ type: 'DELETED', object: over }]],
    ['ends with another pod of that name', pod({ metadata: { uid: 'v' } }), []],
  ] as const)('that %s leaves what was known', async (_, now, later) => {
    expect((await waited(over, now, ...later)).pod).toEqual(over);
  });
});

describe('waiting for it', () => {
  it('gives its status', async () => {
    await using server = await apiServer((response, { url }) =>
      isWatch(url) ? events(response, { type: 'MODIFIED', object: ephemeral({ running: {} }) }) : json(response, pod()),
    );
    const { status: found } = await waitForEphemeral(server.api, wanted, { timeout: 5000, signal });
    expect(found.imageID).toBe('sha');
  });

  it.each([
    ['with its last words', (response: ServerResponse) => void response.end('kprof: no shell\n'), 'exit code 69\nkprof: no shell'],
    ['without, where they may not be read', (response: ServerResponse) => status(response, 403, 'no'), 'exit code 69'],
  ])('throws when it ends at once, %s', async (_, log, cause) => {
    await using server = await apiServer((response, { url }) =>
      url.includes('/log?') ? log(response) : json(response, ephemeral({ terminated: { exitCode: 69 } })),
    );
    await expect(waitForEphemeral(server.api, wanted, { timeout: 5000, signal })).rejects.toMatchObject({ failure: 'failed', cause });
    expect(server.seen.at(-1)?.url).toBe('/api/v1/namespaces/shop/pods/api/log?container=kprof-jvm-x&tailLines=10&limitBytes=4096');
  });

  it('knows the last words of an image for another processor', async () => {
    await using server = await apiServer((response, { url }) =>
      url.includes('/log?')
        ? void response.end('exec /bin/sh: exec format error\n')
        : json(response, ephemeral({ terminated: { exitCode: 1 } })),
    );
    await expect(waitForEphemeral(server.api, wanted, { timeout: 5000, signal })).rejects.toMatchObject({ failure: 'unsupported' });
  });

  it('has a deadline, also where the API server is silent', async () => {
    await using server = await apiServer((response, { url }) =>
      isWatch(url) ? response.writeHead(200).flushHeaders() : json(response, pod()),
    );
    await expect(waitForEphemeral(server.api, wanted, { timeout: 200, signal })).rejects.toMatchObject({
      failure: 'timeout',
      cause: 'the kubelet of n1 has not taken it up',
    });
    await using silent = await apiServer(() => undefined);
    await expect(waitForEphemeral(silent.api, wanted, { timeout: 200, signal })).rejects.toMatchObject({
      failure: 'timeout',
      cause: 'the API server did not answer',
    });
  });

  it('ends with the reason of its signal', async () => {
    await using server = await apiServer((response, { url }) =>
      isWatch(url) ? response.writeHead(200).flushHeaders() : json(response, pod()),
    );
    const controller = new AbortController();
    const reason = new Error('stopped');
    setTimeout(() => controller.abort(reason), 100);
    await expect(waitForEphemeral(server.api, wanted, { timeout: 5000, signal: controller.signal })).rejects.toBe(reason);
  });
});
