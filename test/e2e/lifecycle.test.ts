import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chaosProxy } from '../support/chaos-proxy.ts';
import {
  type Desk,
  debugContainers,
  desk,
  eventually,
  hasEnded,
  inside,
  isRecording,
  jfr,
  kubeconfig,
  kubectl,
  kubectlLater,
  type Place,
  place,
  record,
  vitalsLater,
} from './support.ts';

let ours: Place;
let laptop: Desk;

beforeAll(async () => {
  laptop = desk();
  ours = place('baseline');
});
afterAll(() => {
  ours?.remove();
  laptop?.remove();
});

const files = (pod: string) => kubectlLater(['exec', '-n', ours.namespace, pod, '-c', 'app', '--', 'ls', '-a', '/tmp']);
/** One that is being reaped at this moment is none. */
const noZombies = (pod: string) => eventually(async () => (await zombies(pod)) === '', 10);
const zombies = (pod: string) =>
  kubectlLater(['exec', '-n', ours.namespace, pod, '-c', 'app', '--', 'sh', '-c', 'grep -l "State:.Z" /proc/[0-9]*/status || true']);
const artifacts = (pod: string) => readdirSync(laptop.folder).filter((name) => name.includes(`-${pod}-`));
const supervisor =
  'for p in /proc/[0-9]*; do case $(tr "\\0" " " <$p/cmdline 2>/dev/null) in "tini -s -- "*"/tmp/kprof/run supervise "*) kill -TERM ${p#/proc/};; esac; done';

/** A recording of a pod of its own, under way. */
async function recording(pod: string, ...args: readonly string[]) {
  await ours.applyAs(pod, 'jdk17-root');
  const before = await vitalsLater(ours.namespace, pod);
  const running = laptop.start('jfr', pod, '-n', ours.namespace, '--duration', '5m', ...args);
  await running.until(/recording {2}|starting the recording/, 150);
  const container = debugContainers(ours.namespace, pod)[0] as string;
  expect(await eventually(() => isRecording(ours.namespace, pod, container), 20)).toBe(true);
  return { running, container, before };
}

const over = (pod: string, container: string) => eventually(async () => !(await isRecording(ours.namespace, pod, container)), 60);

/** The container ends by its own supervisor, and takes the capture's files with it. */
async function endOf(pod: string, container: string) {
  expect(await files(pod)).toMatch(/kprof-[0-9a-f]{16}/);
  inside(ours.namespace, pod, container, 'sh', '-c', supervisor);
  expect(await eventually(() => hasEnded(ours.namespace, pod, container), 10)).toBe(true);
  expect(await files(pod)).not.toMatch(/kprof|attach_pid/);
  expect(await noZombies(pod)).toBe(true);
}

describe.concurrent('Ctrl-C', () => {
  it('once keeps a valid shorter recording', async () => {
    const { running, container, before } = await recording('once');
    await sleep(3000);
    running.child.kill('SIGINT');
    const ended = await running.ended;
    expect(ended, ended.stderr).toMatchObject({ code: 130 });
    expect(Number(/Duration: (\d+) s/.exec(jfr('summary', ended.stdout.trim()))?.[1])).toBeLessThan(60);
    expect(jfr('print', '--events', 'jdk.ExecutionSample', ended.stdout.trim())).toContain('Busy.hotLoop');
    expect(await isRecording(ours.namespace, 'once', container)).toBe(false);
    expect(await files('once')).not.toMatch(/kprof|attach_pid/);
    expect(await noZombies('once')).toBe(true);
    expect(await vitalsLater(ours.namespace, 'once')).toEqual(before);
  });

  it('twice gives it up and leaves nothing', async () => {
    const { running, container, before } = await recording('twice');
    running.child.kill('SIGINT');
    await running.until(/Stopping early/);
    running.child.kill('SIGINT');
    const ended = await running.ended;
    expect(ended, ended.stderr).toMatchObject({ code: 130, stdout: '' });
    expect(artifacts('twice')).toEqual([]);
    expect(await isRecording(ours.namespace, 'twice', container)).toBe(false);
    expect(await files('twice'), ended.stderr).not.toMatch(/kprof|attach_pid/);
    expect(await noZombies('twice')).toBe(true);
    expect(await vitalsLater(ours.namespace, 'twice')).toEqual(before);
  });

  it('before anything runs leaves at once', async () => {
    await ours.applyAs('early', 'jdk17-root');
    const running = laptop.start('jfr', 'early', '-n', ours.namespace, '--image', 'registry.local/never:1');
    await running.until(/starting the debug container/);
    running.child.kill('SIGINT');
    expect(await running.ended).toMatchObject({ code: 130, stdout: '' });
  });

  it('as SIGTERM gives it up, with 143', async () => {
    const { running, container } = await recording('terminated');
    running.child.kill('SIGTERM');
    expect(await running.ended).toMatchObject({ code: 143, stdout: '' });
    expect(await isRecording(ours.namespace, 'terminated', container)).toBe(false);
    expect(await files('terminated')).not.toMatch(/kprof|attach_pid/);
  });
});

describe.concurrent('within 60s the recording is stopped, and its file goes with the container, when kprof', () => {
  it('is killed', async () => {
    const { running, container, before } = await recording('killed');
    running.child.kill('SIGKILL');
    expect(await over('killed', container)).toBe(true);
    await endOf('killed', container);
    expect(await vitalsLater(ours.namespace, 'killed')).toEqual(before);
  });

  it('is stopped', async () => {
    const { running, container, before } = await recording('stopped');
    running.child.kill('SIGSTOP');
    try {
      expect(await over('stopped', container)).toBe(true);
      await endOf('stopped', container);
      expect(await vitalsLater(ours.namespace, 'stopped')).toEqual(before);
    } finally {
      running.child.kill('SIGKILL');
    }
  });

  it('has a silent line', async () => {
    const server = new URL(
      execFileSync('kubectl', ['--kubeconfig', kubeconfig, 'config', 'view', '-o', 'jsonpath={.clusters[0].cluster.server}'], {
        encoding: 'utf8',
      }),
    );
    const proxy = await chaosProxy(server.hostname, Number(server.port));
    try {
      const { running, container, before } = await recording(
        'silent',
        '--server',
        `https://127.0.0.1:${proxy.port}`,
        '--insecure-skip-tls-verify',
      );
      proxy.silence();
      expect(await over('silent', container)).toBe(true);
      await endOf('silent', container);
      expect(await vitalsLater(ours.namespace, 'silent')).toEqual(before);
      const ended = await running.ended;
      expect(ended.code, ended.stderr).not.toBe(0);
      expect(ended.stdout).toBe('');
    } finally {
      proxy.close();
    }
  });
});

describe.concurrent('the debug container', () => {
  /** The entry that kprof would add, added by somebody else under another name. */
  const addLookalike = async (pod: string, name: string) => {
    const shown = JSON.parse((await laptop.kprof('jfr', pod, '-n', ours.namespace, '--dry-run', '-o', 'json')).stdout) as {
      patch: { spec: { ephemeralContainers: { name: string }[] } };
    };
    const entry = { ...shown.patch.spec.ephemeralContainers[0], name };
    kubectl(
      'patch',
      'pod',
      '-n',
      ours.namespace,
      pod,
      '--subresource=ephemeralcontainers',
      '-p',
      JSON.stringify({ spec: { ephemeralContainers: [entry] } }),
    );
  };

  it('is not used when it only looks like ours, and ends when no client comes within 60s', async () => {
    await ours.applyAs('alike', 'jdk17-root');
    await addLookalike('alike', 'kprof-jvm-alike');
    expect(
      await eventually(
        () =>
          /running/.test(
            kubectl('get', 'pod', '-n', ours.namespace, 'alike', '-o', 'jsonpath={.status.ephemeralContainerStatuses[0].state}'),
          ),
        20,
      ),
    ).toBe(true);
    const ended = await laptop.kprof('threads', 'alike', '-n', ours.namespace, '-o', 'json');
    expect(ended, ended.stderr).toMatchObject({ code: 0 });
    expect(record(ended).debugContainer).not.toBe('kprof-jvm-alike');
    // Another user of the same cluster, who has a journal of their own.
    const other = desk();
    const theirs = await other.kprof('threads', 'alike', '-n', ours.namespace, '-o', 'json');
    expect(record(theirs).debugContainer).not.toBe(record(ended).debugContainer);
    other.remove();
    expect(debugContainers(ours.namespace, 'alike')).toHaveLength(3);
    expect(await eventually(() => hasEnded(ours.namespace, 'alike', 'kprof-jvm-alike'), 75)).toBe(true);
    expect(hasEnded(ours.namespace, 'alike', record(ended).debugContainer)).toBe(false);
    expect(await noZombies('alike')).toBe(true);
  });

  it('ends by itself when idle for --ttl, and the next capture makes another', async () => {
    await ours.applyAs('idle', 'jdk17-root');
    const first = record(await laptop.kprof('threads', 'idle', '-n', ours.namespace, '-o', 'json', '--ttl', '3s'));
    expect(await eventually(() => hasEnded(ours.namespace, 'idle', first.debugContainer), 60)).toBe(true);
    const second = record(await laptop.kprof('threads', 'idle', '-n', ours.namespace, '-o', 'json'));
    expect(second.debugContainer).not.toBe(first.debugContainer);
    expect(await noZombies('idle')).toBe(true);
  });
});
