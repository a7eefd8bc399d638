import { spawn } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { openApi } from '../../src/kube/api.ts';
import { loadConnection } from '../../src/kube/config.ts';
import type { Webhook } from './admission.ts';
import { type Failing, failedState } from './images.ts';
import type { Container, Pod } from './objects.ts';
import { marked, marks } from './processes.ts';
import { type Sandbox, startSandbox } from './sandbox.ts';

const asking = { signal: new AbortController().signal, doing: 'patch' };

/** Adds an ephemeral container as kprof does. */
async function inject({ kubeconfig }: Sandbox, entry: Partial<Container>, pod = 'app'): Promise<Pod> {
  const api = openApi(await loadConnection({ kubeconfig }, { userAgent: 'kprof/test' }));
  const path = ['api', 'v1', 'namespaces', 'default', 'pods', pod, 'ephemeralcontainers'];
  return api.patch<Pod>(path, { spec: { ephemeralContainers: [{ name: 'debug', image: 'app', ...entry }] } }, asking);
}

const statusOf = ({ store }: Sandbox, list: 'containerStatuses' | 'ephemeralContainerStatuses') =>
  (store.get('pods', 'default', 'app') as Pod).status[list]?.[0];

const until = async (holds: () => boolean) => {
  for (const end = Date.now() + 20_000; Date.now() < end && !holds(); ) await sleep(20);
  return holds();
};

it('is ready in less than a second, and leaves neither processes nor files', async () => {
  const began = performance.now();
  const sandbox = await startSandbox();
  const took = performance.now() - began;
  await sandbox.pod('app', { command: ['sh', '-c', 'sleep 1000 & setsid sleep 1000 & trap "" TERM; sleep 1000; sleep 1000'] });
  const id = statusOf(sandbox, 'containerStatuses')?.containerID?.replace('containerd://', '') ?? '';
  expect(statSync(sandbox.kubeconfig).mode & 0o777).toBe(0o600);
  expect(await until(() => marked(marks.container, id).length === 4)).toBe(true);
  await sandbox.close();
  expect(marked(marks.container, id)).toEqual([]);
  await sleep(200); // nor does anything start again
  expect(marked(marks.sandbox, sandbox.id)).toEqual([]);
  expect(existsSync(sandbox.folder)).toBe(false);
  expect(took).toBeLessThan(1000);
});

it('leaves nothing when its own process is killed', async () => {
  const main = fileURLToPath(new URL('main.ts', import.meta.url));
  const child = spawn(process.execPath, [main, 'sleep', '1000'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const kubeconfig = await new Promise<string>((resolve) => child.stdout.once('data', (text) => resolve(String(text).trim())));
  const folder = dirname(kubeconfig);
  expect(existsSync(kubeconfig)).toBe(true);
  const api = openApi(await loadConnection({ kubeconfig }, { userAgent: 'kprof/test' }));
  const pod = await api.get<Pod>(['api', 'v1', 'namespaces', 'default', 'pods', 'app'], asking);
  const id = pod.status.containerStatuses?.[0]?.containerID?.replace('containerd://', '') ?? '';
  expect(marked(marks.container, id)).not.toEqual([]);
  child.kill('SIGKILL');
  expect(await until(() => marked(marks.container, id).length === 0 && !existsSync(folder))).toBe(true);
});

it('restarts a container, and kills who looks at it', async () => {
  await using sandbox = await startSandbox();
  await sandbox.pod('app', { command: ['sleep', '1000'] });
  await inject(sandbox, { command: ['sleep', '1000'], targetContainerName: 'app' });
  await sandbox.until('app', 'debug', ({ running }) => running !== undefined);
  const before = statusOf(sandbox, 'containerStatuses');
  sandbox.restart('app', 'app');
  expect(await sandbox.until('app', 'debug', ({ terminated }) => terminated !== undefined)).toMatchObject({
    terminated: { exitCode: 137, reason: 'Error' },
  });
  await until(() => statusOf(sandbox, 'containerStatuses')?.restartCount === 1 && statusOf(sandbox, 'containerStatuses')?.ready === true);
  const after = statusOf(sandbox, 'containerStatuses');
  expect(after).toMatchObject({ restartCount: 1, ready: true, lastState: { terminated: { exitCode: 137 } } });
  expect(after?.containerID).not.toBe(before?.containerID);
});

it('backs off from a container that crashes', async () => {
  await using sandbox = await startSandbox();
  await sandbox.pod('app', { command: ['sh', '-c', 'exit 3'] });
  await sandbox.until('app', 'app', ({ waiting }) => waiting?.reason === 'CrashLoopBackOff');
  expect(statusOf(sandbox, 'containerStatuses')).toMatchObject({
    lastState: { terminated: { exitCode: 3, reason: 'Error' } },
    restartCount: 1,
  });
});

it('evicts a pod, and deletes one', async () => {
  await using sandbox = await startSandbox();
  await sandbox.pod('app', { command: ['sleep', '1000'] });
  sandbox.evict('app');
  expect(sandbox.store.get('pods', 'default', 'app')).toMatchObject({ status: { phase: 'Failed', reason: 'Evicted' } });
  await sandbox.until('app', 'app', ({ terminated }) => terminated !== undefined);
  sandbox.remove('app');
  expect(await until(() => sandbox.store.get('pods', 'default', 'app') === undefined)).toBe(true);
});

const reasons: readonly Failing[] = [
  'ErrImagePull',
  'ImagePullBackOff',
  'InvalidImageName',
  'ErrImageNeverPull',
  'ImageInspectError',
  'RegistryUnavailable',
  'SignatureValidationFailed',
  'CreateContainerConfigError',
  'CreateContainerError',
  'RunContainerError',
  'ContainerCreating',
  'ExecFormatError',
  'ExitsAtOnce',
  'OOMKilled',
  'ContainerCannotRun',
  'DeadlineExceeded',
  'ContainerStatusUnknown',
];

it('fails as an image is told to', async () => {
  await using sandbox = await startSandbox({ images: Object.fromEntries(reasons.map((fails) => [fails.toLowerCase(), { fails }])) });
  await sandbox.pod('app', { command: ['sleep', '1000'] });
  for (const fails of reasons) {
    const name = fails.toLowerCase();
    await inject(sandbox, { name, image: name });
    const last = failedState(fails, name).at(-1);
    const wanted = last?.waiting?.reason ?? last?.terminated?.reason;
    await sandbox.until('app', name, ({ waiting, terminated }) => (waiting ?? terminated)?.reason === wanted);
  }
});

it('tells of an image that nobody has, and of a program that it lacks', async () => {
  await using sandbox = await startSandbox({ images: { empty: { programs: [] } } });
  await sandbox.pod('app', { command: ['sleep', '1000'] });
  await inject(sandbox, { name: 'far', image: 'registry.invalid/far:1' });
  await sandbox.until('app', 'far', ({ waiting }) => waiting?.reason === 'ImagePullBackOff');
  await inject(sandbox, { name: 'bare', image: 'empty', command: ['sh'] });
  const { terminated } = await sandbox.until('app', 'bare', (state) => state.terminated !== undefined);
  expect(terminated).toMatchObject({
    reason: 'StartError',
    exitCode: 128,
    message: expect.stringContaining('exec: "sh": executable file not found in $PATH'),
  });
});

it('asks webhooks, which deny, break and change', async () => {
  const webhooks: readonly Webhook[] = [
    {
      name: 'policy.test',
      review: (pod, added) => {
        const [container] = added;
        if (container?.name === 'denied') return { denies: 'not here' };
        if (container?.name === 'broken') return { breaks: 'context deadline exceeded' };
        for (const each of pod.spec.ephemeralContainers ?? []) each.securityContext = { ...each.securityContext, runAsNonRoot: false };
        return undefined;
      },
    },
  ];
  await using sandbox = await startSandbox({ webhooks });
  await sandbox.pod('app', { command: ['sleep', '1000'] });
  await expect(inject(sandbox, { name: 'denied' })).rejects.toMatchObject({
    message: expect.stringContaining('webhook policy.test refuses'),
    cause: 'not here',
  });
  await expect(inject(sandbox, { name: 'broken' })).rejects.toMatchObject({
    message: expect.stringContaining('policy.test does not work'),
  });
  expect((await inject(sandbox, { name: 'changed' })).spec.ephemeralContainers?.[0]?.securityContext).toEqual({ runAsNonRoot: false });
});
