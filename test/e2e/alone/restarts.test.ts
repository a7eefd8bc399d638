/** Parts of the cluster end in the middle of a capture and of a debugging session, and come back: on the cluster of test/cluster, as root. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { component, isOurs } from '../component.ts';
import { isAnswering, isFree, restarts } from '../delve-pods.ts';
import { applyGoPods } from '../go-pods.ts';
import { halted } from '../serving.ts';
import { type Desk, debugContainers, desk, eventually, jfr, type Place, place, recordings, vitals } from '../support.ts';

const pod = 'jdk17-root';

describe.skipIf(!isOurs)('a recording goes on and arrives, and a process that stands at a breakpoint runs on, when', () => {
  let baseline: Place;
  let restricted: Place;
  let laptop: Desk;
  beforeAll(async () => {
    laptop = desk();
    [baseline, restricted] = [place('baseline'), place('restricted')];
    const each = { args: ['addr=:8080,serve=http'] };
    applyGoPods(restricted.namespace, { apiserver: each, kubelet: each });
    await baseline.apply(pod);
  });
  afterAll(() => {
    baseline?.remove();
    restricted?.remove();
    laptop?.remove();
  });

  /** Whether it holds, of a cluster that may not take questions yet. */
  const later = (holds: () => boolean | Promise<boolean>) => async () => {
    try {
      return await holds();
    } catch {
      return false;
    }
  };

  it.each(['apiserver', 'kubelet'])('the %s is killed and starts again', async (name) => {
    const { namespace } = baseline;
    const before = vitals(namespace, pod);
    const { running: debugging } = await halted(laptop, restricted, name);
    const running = laptop.start('jfr', pod, '-n', namespace, '--duration', '15s', '-f', `${name}.jfr`, '--no-open');
    const isOn = () => debugContainers(namespace, pod).some((each) => /running/.test(recordings(namespace, pod, each)));
    expect(await eventually(isOn, 40)).toBe(true);
    const pid = component(name) as number;
    process.kill(pid, 'SIGKILL');
    // A kubelet that is gone takes no line with it: then somebody has to end the session.
    if (name === 'kubelet') debugging.child.kill('SIGKILL');
    expect(await eventually(() => ![undefined, pid].includes(component(name)), 60)).toBe(true);
    const isBack = later(async () => (await isFree(restricted, name)) && (await isAnswering(restricted, name)));
    expect(await eventually(isBack, 65)).toBe(true);
    expect(restarts(restricted, name)).toBe(0);
    debugging.child.kill('SIGKILL');
    const ended = await running.ended;
    expect(ended, ended.stderr).toMatchObject({ code: 0, stdout: `${laptop.folder}/${name}.jfr\n` });
    expect(jfr('print', '--events', 'jdk.ExecutionSample', `${laptop.folder}/${name}.jfr`)).toContain('Busy.hotLoop');
    const [container = ''] = debugContainers(namespace, pod);
    const isOver = later(() => /No available recordings/.test(recordings(namespace, pod, container)));
    expect(await eventually(isOver, 20)).toBe(true);
    expect(vitals(namespace, pod)).toEqual(before);
  });
});
