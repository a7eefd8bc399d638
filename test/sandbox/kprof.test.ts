import { execFile, execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sandbox as scratch } from '../support/sandbox.ts';
import { jdks } from './images.ts';
import { type Sandbox, startSandbox } from './sandbox.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const { path: jdk, version } = jdks()[0] ?? { path: '', version: 0 };

/** An older one can't leave the environment out of a recording. */
const attaches = version >= 17;
const isBuilt = existsSync(join(root, 'dist'));

let sandbox: Sandbox;
const folder = scratch();

beforeAll(async () => {
  sandbox = await startSandbox();
  if (!attaches) return;
  copyFileSync(join(root, 'test/workloads/app/Busy.java'), join(folder.path, 'Busy.java'));
  execFileSync(join(jdk, 'javac'), ['Busy.java'], { cwd: folder.path });
  await sandbox.pod(
    'app',
    { command: [join(jdk, 'java'), '-Xmx64m', '-XX:+UseSerialGC', '-cp', folder.path, 'Busy'] },
    { metadata: { labels: { app: 'web' } } },
  );
  sandbox.add('deployments', {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace: 'default' },
    spec: { selector: { matchLabels: { app: 'web' } } },
  });
}, 60_000);
afterAll(async () => {
  await sandbox?.close();
  folder[Symbol.dispose]();
});

const kprof = (...args: readonly string[]) =>
  promisify(execFile)(process.execPath, [join(root, 'bin/kprof.js'), ...args], {
    cwd: folder.path,
    env: {
      PATH: process.env['PATH'],
      HOME: folder.path,
      KUBECONFIG: sandbox.kubeconfig,
      XDG_STATE_HOME: join(folder.path, 'state'),
      KPROF_REGISTRY: 'registry.local',
    },
  });

describe.runIf(attaches && isBuilt)('kprof, on the sandbox,', { timeout: 120_000 }, () => {
  it('prints the threads of a JVM', async () => {
    const { stdout } = await kprof('threads', 'app', '--no-open');
    expect(stdout).toMatch(/^"main" /m);
  });

  it('records a JVM that a deployment names', async () => {
    const { stdout, stderr } = await kprof('jfr', 'deploy/web', '--duration', '1s', '--no-open', '-f', 'out.jfr');
    expect(stderr).toMatch(/Using pod app of deploy\/web/);
    expect(stdout.trim()).toMatch(/out\.jfr$/);
    expect(readFileSync(join(folder.path, 'out.jfr')).subarray(0, 4)).toEqual(Buffer.from('FLR\0'));
    expect(readdirSync(folder.path).filter((name) => name.endsWith('.partial'))).toEqual([]);
  });

  it('finds only the processes of the container', async () => {
    await sandbox.pod('idle', { command: ['sleep', '1000'] });
    await expect(kprof('threads', 'idle')).rejects.toMatchObject({ code: 7, stderr: expect.stringMatching(/no JVM[\s\S]*sleep/) });
  });
});

it.skipIf(attaches && isBuilt)('needs the bundle and a JDK for these', ({ skip }) => skip('there is no dist/ or no JDK 17'));
