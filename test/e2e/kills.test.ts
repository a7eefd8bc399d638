/** Few of the kills of bench/kills.ts. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { seed } from '../support/seed.ts';
import { type Field, kills, unharmed } from './kills.ts';
import { type Desk, desk, type Place, place, vitals } from './support.ts';

let ours: Place;
let laptop: Desk;
let field: Field;

beforeAll(async () => {
  laptop = desk();
  ours = place('baseline');
  field = { laptop, namespace: ours.namespace, pods: ['one', 'two'] };
  await Promise.all(field.pods.map((pod) => ours.applyAs(pod, 'jdk17-root')));
});
afterAll(() => {
  ours?.remove();
  laptop?.remove();
});

it(`whatever is killed, the apps live and nothing of ours is left (seed ${seed})`, async () => {
  const before = new Map(field.pods.map((pod) => [pod, vitals(field.namespace, pod)]));
  const done = await kills(field, 8, seed);
  expect(done.length).toBe(8);
  await unharmed(field, before);
});
