/** Parts of the cluster end in the middle of a capture, and come back: on the cluster of test/cluster, as root. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { component, isOurs } from '../component.ts';
import { type Desk, debugContainers, desk, eventually, jfr, type Place, place, recordings, vitals } from '../support.ts';

const pod = 'jdk17-root';

describe.skipIf(!isOurs)('a recording goes on, and arrives, when', () => {
  let ours: Place;
  let laptop: Desk;
  beforeAll(async () => {
    laptop = desk();
    ours = place('baseline');
    await ours.apply(pod);
  });
  afterAll(() => {
    ours?.remove();
    laptop?.remove();
  });

  it.each(['apiserver', 'kubelet'])('the %s is killed and starts again', async (name) => {
    const before = vitals(ours.namespace, pod);
    const running = laptop.start('jfr', pod, '-n', ours.namespace, '--duration', '25s', '-f', `${name}.jfr`, '--no-open');
    const isOn = () => debugContainers(ours.namespace, pod).some((each) => /running/.test(recordings(ours.namespace, pod, each)));
    expect(await eventually(isOn, 40)).toBe(true);
    const pid = component(name) as number;
    process.kill(pid, 'SIGKILL');
    const ended = await running.ended;
    expect(component(name)).not.toBe(pid);
    expect(ended, ended.stderr).toMatchObject({ code: 0, stdout: `${laptop.folder}/${name}.jfr\n` });
    expect(jfr('print', '--events', 'jdk.ExecutionSample', `${laptop.folder}/${name}.jfr`)).toContain('Busy.hotLoop');
    const [container = ''] = debugContainers(ours.namespace, pod);
    const isOver = () => /No available recordings/.test(recordings(ours.namespace, pod, container));
    expect(await eventually(isOver, 20)).toBe(true);
    expect(vitals(ours.namespace, pod)).toEqual(before);
  });
});
