/** Parts of the cluster end while a process stands at a breakpoint: on the cluster of test/cluster, as root. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { component, isOurs } from '../component.ts';
import { isAnswering, isFree, restarts } from '../delve-pods.ts';
import { applyGoPods } from '../go-pods.ts';
import { halted } from '../serving.ts';
import { type Desk, desk, eventually, type Place, place } from '../support.ts';

describe.skipIf(!isOurs)('a process that stands at a breakpoint runs on when', () => {
  let ours: Place;
  let laptop: Desk;
  beforeAll(() => {
    laptop = desk();
    ours = place('restricted');
    const each = { args: ['addr=:8080,serve=http'] };
    applyGoPods(ours.namespace, { apiserver: each, kubelet: each });
  });
  afterAll(() => {
    ours?.remove();
    laptop?.remove();
  });

  it.each(['apiserver', 'kubelet'])('the %s is killed and starts again', async (name) => {
    const { running } = await halted(laptop, ours, name);
    const pid = component(name) as number;
    process.kill(pid, 'SIGKILL');
    expect(await eventually(() => component(name) !== undefined && component(name) !== pid, 60)).toBe(true);
    const isBack = () => {
      try {
        return isFree(ours, name) && isAnswering(ours, name);
      } catch {
        return false; // It does not take questions yet.
      }
    };
    // A kubelet that is gone takes no line with it: then somebody has to end it.
    if (name === 'kubelet') running.child.kill('SIGKILL');
    expect(await eventually(isBack, 65)).toBe(true);
    expect(restarts(ours, name)).toBe(0);
    running.child.kill('SIGKILL');
  });
});
