/** What test/faults does to captures in the sandbox, a selection of it on a real cluster. */
import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startInTerminal } from '../faults/terminal.ts';
import { surely } from '../support/verdict.ts';
import { clusterProxy } from './big-file.ts';
import {
  type Desk,
  debugContainers,
  desk,
  type Ended,
  eventually,
  isRecording,
  jfr,
  kubectl,
  kubectlLater,
  type Place,
  place,
  type Running,
  vitalsLater,
} from './support.ts';

let ours: Place;
beforeAll(() => {
  ours = place('baseline');
});
afterAll(() => ours?.remove());

const files = (pod: string) => kubectlLater(['exec', '-n', ours.namespace, pod, '-c', 'app', '--', 'ls', '-a', '/tmp']);

/** A pod, a laptop, and a proxy between them. */
async function stand(pod: string) {
  await ours.applyAs(pod, 'jdk17-root');
  const [laptop, proxy, before] = [desk(), await clusterProxy(), await vitalsLater(ours.namespace, pod)];
  const argv = (...more: readonly string[]) =>
    ['jfr', pod, '-n', ours.namespace, '-f', 'it.jfr', '--no-open', '--server', proxy.url, '--insecure-skip-tls-verify', ...more] as const;
  // Asking the JVM would stop this process, and with it the proxy.
  const recording = async (running: Running) => {
    await running.until(/starting the recording/, 120);
    await sleep(5000);
  };
  return {
    laptop,
    proxy,
    argv,
    recording,
    /** The app lives as before, and nothing of the capture is left in it. */
    async unharmed(seconds = 10) {
      const [container = ''] = debugContainers(ours.namespace, pod);
      const hasEnded = await eventually(async () => !(await isRecording(ours.namespace, pod, container)), seconds);
      const now = await vitalsLater(ours.namespace, pod);
      await surely(() => expect(now).toEqual(before));
      expect(hasEnded).toBe(true);
    },
    async clean() {
      const left = await files(pod);
      await surely(() => expect(left).not.toMatch(/kprof-[0-9a-f]{16}|attach_pid/));
    },
    remove: () => {
      proxy.close();
      laptop.remove();
      kubectl('delete', 'pod', '-n', ours.namespace, pod, '--wait=false');
    },
  };
}

const whole = async (laptop: Desk, ended: Ended) => {
  expect(ended, ended.stderr).toMatchObject({ code: 0, stdout: `${laptop.folder}/it.jfr\n` });
  await surely(() => expect(jfr('print', '--events', 'jdk.ExecutionSample', `${laptop.folder}/it.jfr`)).toContain('Busy.hotLoop'));
};

// Most of the time is waiting: each has a pod and a line of its own.
describe.concurrent('a capture', () => {
  it('survives lines that are cut while it records', async () => {
    const { laptop, proxy, argv, recording, unharmed, clean, remove } = await stand('cut');
    const running = laptop.start(...argv('--duration', '12s'));
    await recording(running);
    proxy.cutAfter(0, 'once');
    const ended = await running.ended;
    await whole(laptop, ended);
    expect(ended.stderr).toMatch(/The line to the pod is back/);
    await unharmed();
    await clean();
    remove();
  });

  it('survives lines that fall silent while it records, and while nobody answers for some seconds', async () => {
    const { laptop, proxy, argv, recording, unharmed, clean, remove } = await stand('silent');
    const running = laptop.start(...argv('--duration', '40s'));
    await recording(running);
    proxy.silence('once');
    await proxy.refuse(5000);
    await whole(laptop, await running.ended);
    await unharmed();
    await clean();
    remove();
  });

  it('that is long is not cut by a proxy that cuts what is idle', async () => {
    const { laptop, proxy, argv, unharmed, clean, remove } = await stand('idle');
    proxy.set({ idle: 12_000 });
    const ended = await laptop.kprof(...argv('--duration', '30s'));
    await whole(laptop, ended);
    expect(ended.stderr).not.toMatch(/line to the pod/);
    await unharmed();
    await clean();
    remove();
  });

  it('that was stopped for some seconds goes on', async () => {
    const { laptop, argv, recording, unharmed, clean, remove } = await stand('paused');
    const running = laptop.start(...argv('--duration', '20s'));
    await recording(running);
    running.child.kill('SIGSTOP');
    await sleep(10_000);
    running.child.kill('SIGCONT');
    await whole(laptop, await running.ended);
    await unharmed();
    await clean();
    remove();
  });

  it('that was stopped for longer than the pod waits says so', async () => {
    const { laptop, argv, recording, unharmed, remove } = await stand('asleep');
    const running = laptop.start(...argv('--duration', '20s'));
    await recording(running);
    running.child.kill('SIGSTOP');
    await unharmed(60);
    running.child.kill('SIGCONT');
    const ended = await running.ended;
    expect(ended, ended.stderr).toMatchObject({ code: 1, stdout: '' });
    expect(ended.stderr).toMatch(/The pod has ended the capture/);
    expect(readdirSync(laptop.folder).filter((name) => name !== '.state')).toEqual([]);
    remove();
  });

  it('of two users at once gives both what they asked for', async () => {
    const { laptop, argv, unharmed, clean, remove } = await stand('shared');
    const other = desk();
    const both = await Promise.all([laptop, other].map((each) => each.kprof(...argv('--duration', '5s', '--with-environment'))));
    await whole(laptop, both[0] as Ended);
    await whole(other, both[1] as Ended);
    await unharmed();
    await clean();
    other.remove();
    remove();
  });
});

describe.concurrent('in a terminal', () => {
  const acts = [
    ['Ctrl-C', 130, true],
    ['two Ctrl-C', 130, false],
    ['SIGTERM', 143, false],
    ['SIGHUP', 143, false],
  ] as const;

  it.each(acts)('%s ends a recording with %i', async (act, code, keeps) => {
    const { laptop, argv, recording, unharmed, clean, remove } = await stand(act.toLowerCase().replace(/\W/g, '-'));
    const kprof = startInTerminal(laptop, argv('--duration', '2m'));
    await recording(kprof);
    if (act === 'SIGTERM' || act === 'SIGHUP') await kprof.signal(act);
    else {
      kprof.interrupt();
      await kprof.until(/Stopping early/);
      if (!keeps) kprof.interrupt();
    }
    const ended = await kprof.ended;
    expect(ended, ended.stderr).toMatchObject({ code, stdout: keeps ? `${laptop.folder}/it.jfr\n` : '' });
    expect(kprof.restored()).toBe(true);
    expect(readdirSync(laptop.folder).filter((name) => name !== '.state')).toEqual(keeps ? ['it.jfr'] : []);
    await unharmed();
    await clean();
    remove();
  });

  it('three Ctrl-C leave the rest to the pod', async () => {
    const { laptop, argv, recording, unharmed, remove } = await stand('three-ctrl-c');
    const kprof = startInTerminal(laptop, argv('--duration', '2m'));
    await recording(kprof);
    kprof.interrupt();
    await kprof.until(/Stopping early/);
    kprof.interrupt();
    await kprof.until(/Giving up/);
    kprof.interrupt();
    expect(await kprof.ended).toMatchObject({ code: 130, stdout: '' });
    expect(kprof.restored()).toBe(true);
    await unharmed(60);
    remove();
  });
});
