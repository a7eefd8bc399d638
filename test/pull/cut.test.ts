import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type CutRig, cutRig } from '../support/cut-rig.ts';
import { sandbox } from '../support/sandbox.ts';
import { drawBytes, drawing } from '../support/seed.ts';

// The same with 1 GiB: bench/cut.ts. What a cut costs does not grow with the file, so that the share is harder to keep with a small one.
const size = 16 * 2 ** 20;
const content = drawBytes(size);
const sha256 = createHash('sha256').update(content).digest('hex');
const draw = drawing();
const offsets = Array.from({ length: 20 }, () => Math.floor(draw() * size));
const patience = { pause: 10, longestPause: 100, fruitless: 60_000 };

let rig: CutRig;
beforeAll(async () => {
  rig = await cutRig(content);
});
afterAll(() => rig[Symbol.asyncDispose]());

test.each(offsets)('cut once, %i bytes in: it resumes, arrives, and costs 2 % more at most', { timeout: 60_000 }, async (offset) => {
  using box = sandbox();
  rig.proxy.cutAfter(offset, 'once');
  const run = await rig.run(box.path, { patience });
  expect(run.sha256).toBe(sha256);
  expect(readFileSync(join(box.path, 'x.partial')).equals(content)).toBe(true);
  expect(run.resumedAt.length).toBeGreaterThan(0); // more where the machine is too slow for a handshake
  expect(run.ratio).toBeGreaterThan(1);
  expect(run.ratio).toBeLessThanOrEqual(1.02);
});
