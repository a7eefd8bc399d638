import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Desk, debugContainers, desk, eventually, isRecording, kubectl, type Place, place } from '../support.ts';

let ours: Place;
let laptop: Desk;

beforeAll(() => {
  laptop = desk();
  ours = place('baseline');
});
afterAll(() => {
  ours?.remove();
  laptop?.remove();
});

it('a debug container holds up the end of the pod by 2s at most, idle or busy', async () => {
  await Promise.all(['alone', 'resting', 'working'].map((pod) => ours.applyAs(pod, 'jdk17-root')));
  const deletion = (pod: string) => {
    const began = Date.now();
    kubectl('delete', 'pod', '-n', ours.namespace, pod, '--wait=true');
    return Date.now() - began;
  };
  expect(await laptop.kprof('threads', 'resting', '-n', ours.namespace)).toMatchObject({ code: 0 });
  const running = laptop.start('jfr', 'working', '-n', ours.namespace, '--duration', '5m');
  await running.until(/recording {2}|starting the recording/);
  const [container = ''] = debugContainers(ours.namespace, 'working');
  expect(await eventually(() => isRecording(ours.namespace, 'working', container), 20)).toBe(true);
  const took = { alone: deletion('alone'), idle: deletion('resting'), busy: deletion('working') };
  expect(await running.ended).toMatchObject({ code: 5, stdout: '' });
  expect({ idle: took.idle - took.alone <= 2000, busy: took.busy - took.alone <= 2000 }, JSON.stringify(took)).toEqual({
    idle: true,
    busy: true,
  });
});
