import type { ChildProcess } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Ended, hasKubectl, runKubectl, startKubectl } from './kubectl.ts';
import type { Pod } from './objects.ts';
import { type Sandbox, startSandbox } from './sandbox.ts';

let sandbox: Sandbox;
const isThere = hasKubectl();

async function kubectlWith(input: string, ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runKubectl(sandbox.kubeconfig, args, input);
  if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${code}: ${stderr}`);
  return stdout;
}
const kubectl = (...args: readonly string[]) => kubectlWith('', ...args);
const failing = (...args: readonly string[]): Promise<Ended> => runKubectl(sandbox.kubeconfig, args);

beforeAll(async () => {
  sandbox = await startSandbox({ namespaces: { shop: {} }, allows: ({ user, verb }) => user === 'kprof' && verb !== 'deletecollection' });
  await sandbox.pod('app', { command: ['sh', '-c', 'echo one; echo two; exec sleep 1000'] }, { metadata: { labels: { app: 'web' } } });
});
afterAll(() => sandbox?.close());

/** The kubectl of the machine, or of the cluster that test/cluster/up made. */
describe.runIf(isThere)('kubectl, on the sandbox,', { timeout: 60_000 }, () => {
  it('gets, by name, label and field', async () => {
    expect(await kubectl('get', 'pods')).toMatch(/^NAME +READY +STATUS +RESTARTS +AGE\napp +1\/1 +Running +0 /);
    expect(await kubectl('get', 'po', '-l', 'app in (web, api)', '-o', 'name')).toBe('pod/app\n');
    expect(await kubectl('get', 'po', '-l', 'app!=web', '-o', 'name')).toBe('');
    expect(await kubectl('get', 'po', '--field-selector', 'status.phase=Running', '-o', 'jsonpath={.items[*].metadata.name}')).toBe('app');
    expect(await kubectl('get', 'ns', '-o', 'name')).toBe('namespace/default\nnamespace/shop\n');
    expect(await kubectl('api-resources', '-o', 'name')).toContain('deployments.apps\n');
    expect(await kubectl('version')).toContain('Server Version: v1.36');
    expect(await failing('get', 'pod', 'nope')).toMatchObject({ code: 1, stderr: 'Error from server (NotFound): pods "nope" not found\n' });
  });

  it('says what may be done', async () => {
    expect(await kubectl('auth', 'can-i', 'get', 'pods')).toBe('yes\n');
    expect((await failing('auth', 'can-i', 'get', 'pods', '--as', 'alice')).code).toBe(1);
  });

  it('executes, with exit codes and stdin', async () => {
    expect(await kubectl('exec', 'app', '--', 'sh', '-c', 'printf %s "$1"', 'sh', 'a  b')).toBe('a  b');
    expect(await kubectlWith('typed', 'exec', '-i', 'app', '--', 'cat')).toBe('typed');
    expect((await failing('exec', 'app', '--', 'sh', '-c', 'exit 7')).code).toBe(7);
    expect((await failing('exec', 'app', '--', '/nonexist')).stderr).toMatch(/stat \/nonexist: no such file or directory/);
  });

  it('shows logs', async () => {
    expect(await kubectl('logs', 'app')).toBe('one\ntwo\n');
    expect(await kubectl('logs', 'app', '--tail=1')).toBe('two\n');
    expect(await kubectl('logs', 'app', '--timestamps', '--tail=1')).toMatch(/^\d{4}-.*Z two\n$/);
    expect(await kubectl('logs', 'app', '--since=1h')).toBe('one\ntwo\n');
    expect(await kubectl('logs', 'app', '--since-time=2100-01-01T00:00:00Z')).toBe('');
  });

  it('follows the log to its end', async () => {
    await sandbox.pod('short', { command: ['sh', '-c', 'echo a; sleep 1; echo b'] }, { spec: { restartPolicy: 'Never' } });
    expect(await kubectl('logs', '-f', 'short')).toBe('a\nb\n');
    expect(await kubectl('get', 'pod', 'short', '-o', 'jsonpath={.status.phase}')).toBe('Succeeded');
  });

  it('debugs, and attaches to what it started', async () => {
    const typed = await kubectlWith(
      'this\n',
      'debug',
      '-i',
      '-q',
      'app',
      '--image=app',
      '--target=app',
      '--',
      'sh',
      '-c',
      'read -r line; sleep 1; echo "got $line"',
    );
    expect(typed).toContain('got this');
    const names = await kubectl('get', 'pod', 'app', '-o', 'jsonpath={.spec.ephemeralContainers[*].targetContainerName}');
    expect(names).toBe('app');
  });

  it('creates, waits, labels and deletes', async () => {
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'made' },
      spec: { containers: [{ name: 'main', image: 'app', command: ['sleep', '1000'] }] },
    };
    await kubectlWith(JSON.stringify(pod), 'create', '-n', 'shop', '-f', '-');
    expect(await kubectl('wait', '-n', 'shop', 'pod/made', '--for=condition=Ready', '--timeout=20s')).toBe('pod/made condition met\n');
    await kubectl('label', 'pod', '-n', 'shop', 'made', 'seen=yes');
    expect(await kubectl('get', 'pods', '-A', '-l', 'seen=yes', '-o', 'name')).toBe('pod/made\n');
    await kubectl('delete', 'pod', '-n', 'shop', 'made');
    expect(await kubectl('get', 'pods', '-n', 'shop', '-o', 'name')).toBe('');
  });

  it('applies, and applies again', async () => {
    const pod = (value: string) => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'applied', labels: { seen: value } },
      spec: { containers: [{ name: 'main', image: 'app', command: ['sleep', '1000'] }] },
    });
    const apply = (object: object) => kubectlWith(JSON.stringify(object), 'apply', '-n', 'shop', '-f', '-');
    expect(await apply(pod('once'))).toBe('pod/applied created\n');
    expect(await apply(pod('once'))).toBe('pod/applied unchanged\n');
    expect(await apply(pod('twice'))).toBe('pod/applied configured\n');
    expect(await kubectl('get', 'pod', '-n', 'shop', 'applied', '-o', 'jsonpath={.metadata.labels.seen}')).toBe('twice');
    const template = { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'main', image: 'app' }] } };
    const spec = { replicas: 0, selector: { matchLabels: { app: 'web' } }, template };
    expect(await apply({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web' }, spec })).toBe(
      'deployment.apps/web created\n',
    );
  });

  it('debugs a copy of a pod, with all that the pod has', async () => {
    const security = {
      runAsUser: process.getuid?.() ?? 0,
      runAsGroup: 0,
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
    };
    const limits = { memory: '64Mi' };
    await sandbox.pod(
      'model',
      { command: ['sleep', '1000'], env: [{ name: 'A', value: 'b' }], securityContext: security, resources: { limits } },
      { spec: { terminationGracePeriodSeconds: 0, volumes: [{ name: 'tmp', emptyDir: {} }] } },
    );
    await kubectl('debug', 'model', '--copy-to=copy', '--image=app', '--container=extra', '--share-processes', '--', 'sleep', '1000');
    await kubectl('wait', 'pod/copy', '--for=condition=Ready', '--timeout=20s');
    const { spec } = JSON.parse(await kubectl('get', 'pod', 'copy', '-o', 'json')) as Pod;
    expect(spec).toMatchObject({ terminationGracePeriodSeconds: 0, shareProcessNamespace: true, volumes: [{ name: 'tmp', emptyDir: {} }] });
    expect(spec.containers.find(({ name }) => name === 'app')).toMatchObject({
      command: ['sleep', '1000'],
      env: [{ name: 'A', value: 'b' }],
      securityContext: security,
      resources: { limits },
    });
    expect(spec.containers.find(({ name }) => name === 'extra')).toMatchObject({ image: 'app', command: ['sleep', '1000'] });
    await kubectl('debug', 'model', '--copy-to=instead', '--replace', '--image=app', '--', 'sleep', '1000');
    expect(await kubectl('get', 'pods', '-o', 'name')).not.toContain('pod/model\n');
  });

  it('creates what kubectl makes itself', async () => {
    expect(await kubectl('create', 'namespace', 'made-here')).toBe('namespace/made-here created\n');
    expect(await kubectl('create', 'deployment', '-n', 'made-here', 'web', '--image=app', '--replicas=0')).toBe(
      'deployment.apps/web created\n',
    );
    const path = '{.metadata.labels.app} {.spec.replicas} {.spec.template.spec.containers[0].image}';
    expect(await kubectl('get', 'deploy', '-n', 'made-here', 'web', '-o', `jsonpath=${path}`)).toBe('web 0 app');
    expect(await failing('create', 'service', 'clusterip', 'web', '--tcp=80')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('the body of the request was in an unknown format'),
    });
    expect(await kubectl('get', 'services', '-o', 'name')).toBe('');
  });

  it('forwards ports, several connections at once', async () => {
    const http = createServer((request, response) => response.end(`${request.url} ${'x'.repeat(300_000)}`));
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    const { port } = http.address() as AddressInfo;
    const forward = startKubectl(sandbox.kubeconfig, ['port-forward', 'app', `:${port}`]);
    try {
      const local = await localPort(forward);
      const bodies = await Promise.all(
        ['/a', '/b', '/c'].map((path) => fetch(`http://127.0.0.1:${local}${path}`).then((answer) => answer.text())),
      );
      expect(bodies.map((body) => [body.slice(0, 2), body.length])).toEqual([
        ['/a', 300_003],
        ['/b', 300_003],
        ['/c', 300_003],
      ]);
    } finally {
      forward.kill();
      http.closeAllConnections();
      http.close();
    }
  });
});

it.skipIf(isThere)('needs a kubectl for these, of the PATH or of /tmp/kprof-cluster', ({ skip }) => skip('there is no kubectl'));

async function localPort({ stdout }: ChildProcess): Promise<number> {
  let said = '';
  stdout?.on('data', (bytes) => {
    said += bytes;
  });
  for (let tries = 0; tries < 200; tries++, await sleep(100)) {
    const port = /127\.0\.0\.1:(\d+)/.exec(said)?.[1];
    if (port !== undefined) return Number(port);
  }
  throw new Error(`kubectl said: ${said}`);
}
