import { afterAll, beforeAll, expect, it } from 'vitest';
import { captureFlood, flood, mostMebibytes } from '../flood.ts';
import { applyNetPods, restricted } from '../net-pods.ts';
import { type Desk, desk, type Place, place, record } from '../support.ts';

let ground: Place;
let laptop: Desk;

beforeAll(() => {
  laptop = desk();
  ground = place('baseline');
  applyNetPods(ground.namespace, { web: restricted, client: { command: ['node', '-e', 'setInterval(() => {}, 1e6)'] } });
});
afterAll(() => {
  ground?.remove();
  laptop?.remove();
});

it('captures a flood into valid files that lose nothing between them, in bounded memory, and says what the kernel dropped', async () => {
  const flooded = await captureFlood(laptop, ground.namespace, { seconds: 5, bytes: '50kB' });
  expect(flooded.code, flooded.stderr).toBe(0);
  expect(flooded.packets).toBeGreaterThan(300);
  expect(flooded.files).toBeGreaterThan(1);
  expect(flooded.inFiles).toBe(flooded.packets);
  if (flooded.dropped > 0) expect(flooded.stderr).toContain(`The kernel dropped ${flooded.dropped} of`);
  expect(flooded.packets + flooded.dropped).toBeLessThanOrEqual(flooded.received);
  expect(flooded.peak).toBeLessThan(mostMebibytes);
});

it('ends by the time of the packets, in the middle of a flood', async () => {
  const flooding = flood(ground.namespace, 'client', 'web', 15);
  const ended = await laptop.kprof('pcap', '-n', ground.namespace, 'web', '-i', 'eth0', '--duration', '3s', '-o', 'json', 'udp');
  await flooding;
  expect(ended.code, ended.stderr).toBe(0);
  const { duration, packets } = record(ended)['summary'] as { readonly duration: number; readonly packets: number };
  expect(packets).toBeGreaterThan(300);
  // With what may still have been under way at the end; not all that came while the kernel's buffer was emptied.
  expect(duration).toBeLessThan(6000);
  expect(ended.stderr).not.toContain('still waited');
});
