import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it, vi } from 'vitest';
import { show } from '../../src/capture/show.ts';
import { createTape } from '../../src/capture/tape.ts';
import { viewers } from '../../src/viewers/index.ts';
import { recorder } from '../support/recorder.ts';
import { sandbox } from '../support/sandbox.ts';

vi.setConfig({ testTimeout: 30_000 });
const box = sandbox();
afterAll(() => box[Symbol.dispose]());

/** A capture that is over, and a tshark that is this script. */
async function shown(name: string, script: string) {
  const program = join(box.path, name);
  writeFileSync(program, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  const report = recorder();
  const path = `${program}.pcapng`;
  const found = { viewer: viewers.tshark as never, program };
  const tape = await show(await createTape(path), path, found, { title: '', secrets: undefined }, report);
  for (let times = 0; times < 40; times++) await tape.write(Buffer.alloc(65_536, 1));
  await tape.close(true);
  return { tape, report };
}

it.each([
  ['still takes', 'while dd bs=65536 count=1 of=/dev/null 2>/dev/null; do sleep 0.3; done'],
  ['has all, and goes on', 'cat >/dev/null; exec sleep 60'],
  ['takes nothing', 'exec sleep 60'],
])('nobody who gives up waits for a viewer that %s', async (what, script) => {
  const { tape, report } = await shown(what.replaceAll(/\W+/g, '-'), script);
  const givesUp = new AbortController();
  setTimeout(() => givesUp.abort(), 500);
  const began = performance.now();
  await tape.finish?.(givesUp.signal);
  expect(performance.now() - began).toBeLessThan(5000);
  expect(report.warnings).toEqual([]);
});

it('a viewer is waited for that shows the rest', async () => {
  const { tape, report } = await shown('shows', 'cat >/dev/null; sleep 1');
  const began = performance.now();
  await tape.finish?.(new AbortController().signal);
  expect(performance.now() - began).toBeGreaterThan(500);
  expect(report.warnings).toEqual([]);
});
