import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
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
  jfr,
  kubeconfig,
  kubectl,
  type Place,
  place,
  record,
  recordings,
  vitals,
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

const none = /No available recordings/;
const files = (pod: string) => kubectl('exec', '-n', ours.namespace, pod, '-c', 'app', '--', 'ls', '-a', '/tmp');
/** One that is being reaped at this moment is none. */
const noZombies = (pod: string) => eventually(() => zombies(pod) === '', 10);
const zombies = (pod: string) =>
  kubectl('exec', '-n', ours.namespace, pod, '-c', 'app', '--', 'sh', '-c', 'grep -l "State:.Z" /proc/[0-9]*/status || true');
const artifacts = () => readdirSync(laptop.folder).filter((name) => /\.jfr/.test(name));
const supervisor =
  'for p in /proc/[0-9]*; do case $(tr "\\0" " " <$p/cmdline 2>/dev/null) in "tini -s -- "*"/tmp/kprof/run supervise "*) kill -TERM ${p#/proc/};; esac; done';

/** A recording of a pod of its own, under way. */
async function recording(pod: string, ...args: readonly string[]) {
  await ours.applyAs(pod, 'jdk17-root');
  const before = vitals(ours.namespace, pod);
  const running = laptop.start('jfr', pod, '-n', ours.namespace, '--duration', '5m', ...args);
  await running.until(/recording {2}|starting the recording/);
  const container = debugContainers(ours.namespace, pod)[0] as string;
  expect(await eventually(() => /running/.test(recordings(ours.namespace, pod, container)), 20)).toBe(true);
  return { running, container, before };
}

/** The container ends by its own supervisor, and takes the capture's files with it. */
async function endOf(pod: string, container: string) {
  expect(files(pod)).toMatch(/kprof-[0-9a-f]{16}/);
  inside(ours.namespace, pod, container, 'sh', '-c', supervisor);
  expect(await eventually(() => hasEnded(ours.namespace, pod, container), 10)).toBe(true);
  expect(files(pod)).not.toMatch(/kprof|attach_pid/);
  expect(await noZombies(pod)).toBe(true);
}

describe('Ctrl-C', () => {
  it('once keeps a valid shorter recording', async () => {
    const { running, container, before } = await recording('once');
    await sleep(3000);
    running.child.kill('SIGINT');
    const ended = await running.ended;
    expect(ended, ended.stderr).toMatchObject({ code: 130 });
    expect(Number(/Duration: (\d+) s/.exec(jfr('summary', ended.stdout.trim()))?.[1])).toBeLessThan(60);
    expect(jfr('print', '--events', 'jdk.ExecutionSample', ended.stdout.trim())).toContain('Busy.hotLoop');
    expect(recordings(ours.namespace, 'once', container)).toMatch(none);
    expect(files('once')).not.toMatch(/kprof|attach_pid/);
    expect(await noZombies('once')).toBe(true);
    expect(vitals(ours.namespace, 'once')).toEqual(before);
  });

  it('twice gives it up and leaves nothing', async () => {
    const { running, container, before } = await recording('twice');
    const had = artifacts();
    running.child.kill('SIGINT');
    await running.until(/Stopping early/);
    running.child.kill('SIGINT');
    const ended = await running.ended;
    expect(ended, ended.stderr).toMatchObject({ code: 130, stdout: '' });
    expect(artifacts()).toEqual(had);
    expect(recordings(ours.namespace, 'twice', container)).toMatch(none);
    expect(files('twice'), ended.stderr).not.toMatch(/kprof|attach_pid/);
    expect(await noZombies('twice')).toBe(true);
    expect(vitals(ours.namespace, 'twice')).toEqual(before);
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
    expect(recordings(ours.namespace, 'terminated', container)).toMatch(none);
    expect(files('terminated')).not.toMatch(/kprof|attach_pid/);
  });
});

describe.concurrent('within 60s the recording is stopped, and its file goes with the container, when kprof', () => {
  it('is killed', async () => {
    const { running, container, before } = await recording('killed');
    running.child.kill('SIGKILL');
    expect(await eventually(() => none.test(recordings(ours.namespace, 'killed', container)), 60)).toBe(true);
    await endOf('killed', container);
    expect(vitals(ours.namespace, 'killed')).toEqual(before);
  });

  it('is stopped', async () => {
    const { running, container, before } = await recording('stopped');
    running.child.kill('SIGSTOP');
    try {
      expect(await eventually(() => none.test(recordings(ours.namespace, 'stopped', container)), 60)).toBe(true);
      await endOf('stopped', container);
      expect(vitals(ours.namespace, 'stopped')).toEqual(before);
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
      expect(await eventually(() => none.test(recordings(ours.namespace, 'silent', container)), 60)).toBe(true);
      await endOf('silent', container);
      expect(vitals(ours.namespace, 'silent')).toEqual(before);
      const ended = await running.ended;
      expect(ended.code, ended.stderr).not.toBe(0);
      expect(ended.stdout).toBe('');
    } finally {
      proxy.close();
    }
  });
});

describe('the debug container', () => {
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
    expect(await eventually(() => hasEnded(ours.namespace, 'idle', first.debugContainer), 15)).toBe(true);
    const second = record(await laptop.kprof('threads', 'idle', '-n', ours.namespace, '-o', 'json'));
    expect(second.debugContainer).not.toBe(first.debugContainer);
    expect(await noZombies('idle')).toBe(true);
  });

  it('holds up the end of the pod by 2s at most, idle or busy', async () => {
    const deletion = (pod: string) => {
      const began = Date.now();
      kubectl('delete', 'pod', '-n', ours.namespace, pod, '--wait=true');
      return Date.now() - began;
    };
    await ours.applyAs('alone', 'jdk17-root');
    const alone = deletion('alone');
    await ours.applyAs('resting', 'jdk17-root');
    expect(await laptop.kprof('threads', 'resting', '-n', ours.namespace)).toMatchObject({ code: 0 });
    const idle = deletion('resting');
    const { running } = await recording('working');
    const busy = deletion('working');
    expect(await running.ended).toMatchObject({ code: 5, stdout: '' });
    expect({ idle: idle - alone <= 2000, busy: busy - alone <= 2000 }, JSON.stringify({ alone, idle, busy })).toEqual({
      idle: true,
      busy: true,
    });
    expect(existsSync(laptop.folder)).toBe(true);
  });
});
