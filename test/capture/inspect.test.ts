import { existsSync, readFileSync } from 'node:fs';
import { describe, it } from 'vitest';
import { captureInspect } from '../../src/capture/inspect.ts';
import { KprofError } from '../../src/errors.ts';
import type { InspectPlan } from '../../src/toolkit.ts';
import { nodeApp, soon } from '../support/node-app.ts';

const timeout = 60_000;
const shut = (port: number) => [`--inspect-port=${port}`];
// What V8 made a part of its caller, or optimised in the middle of a loop, before anybody looked, it tells as the caller's.
const busy = `for (const flag of ['--max-inlined-bytecode-size=0', '--max-maglev-inlined-bytecode-size=0']) require('node:v8').setFlagsFromString(flag);
function hotLoop() { let sum = 0; for (let i = 0; i < 2000; i++) sum += Math.sqrt(i); return sum; }
setInterval(() => { for (const end = Date.now() + 5; Date.now() < end; ) hotLoop(); }, 10)`;

const plan = (port: number, more: Partial<InspectPlan> = {}): InspectPlan => ({
  kind: 'inspect',
  ports: [port],
  costs: undefined,
  start: [{ method: 'Profiler.enable' }, { method: 'Profiler.start' }],
  wait: { wait: 300, says: 'sampling' },
  take: { method: 'Profiler.stop', says: 'taking the profile', gives: { field: 'profile' } },
  result: { early: 'keeps' },
  ...more,
});

describe.concurrent('a capture through the inspector', { timeout }, () => {
  it('gives what was asked for, and shuts the door', async ({ expect }) => {
    await using node = await nodeApp(shut, busy);
    const captured = await captureInspect(node.session, plan(node.port), node.partial, false);
    const content = readFileSync(node.partial, 'utf8');
    expect(captured).toMatchObject({ bytes: content.length, port: node.port, runtime: `Node.js ${process.version}` });
    expect(content, content).toContain('hotLoop');
    expect(node.report.said).toContainEqual(expect.stringContaining(`is open at port ${node.port} for now`));
    expect([await node.listens(), node.app.exitCode, node.report.warnings]).toEqual([false, null, []]);
  });

  it('says of worker threads that they are not in it, and lets them go', async ({ expect }) => {
    const worker = "new (require('node:worker_threads').Worker)('setInterval(() => {}, 1000)', { eval: true })";
    await using node = await nodeApp((port) => [`--inspect=127.0.0.1:${port}`], `${worker}; ${worker}`);
    await captureInspect(node.session, plan(node.port), node.partial, false);
    expect(node.report.warnings).toEqual([
      expect.stringMatching(/^2 worker threads of process \d+ are not in this capture, which is of its main thread alone/),
    ]);
    await using alone = await nodeApp(shut, worker);
    await captureInspect(alone.session, plan(alone.port), alone.partial, false);
    expect(alone.report.warnings).toEqual([expect.stringMatching(/^1 worker thread of process \d+ is not /)]);
    expect([await alone.listens(), alone.app.exitCode]).toEqual([false, null]);
  });

  it('leaves a door open that was', async ({ expect }) => {
    await using node = await nodeApp((port) => [`--inspect=127.0.0.1:${port}`], busy);
    await captureInspect(node.session, plan(node.port), node.partial, false);
    expect(await node.listens()).toBe(true);
  });

  it('of many pieces puts them together', async ({ expect }) => {
    await using node = await nodeApp(shut);
    const gives = { event: 'HeapProfiler.addHeapSnapshotChunk' };
    const take = { method: 'HeapProfiler.takeHeapSnapshot', params: { reportProgress: false }, says: 'taking', gives };
    const { bytes } = await captureInspect(node.session, plan(node.port, { start: [], wait: undefined, take }), node.partial, false);
    const content = readFileSync(node.partial, 'utf8');
    expect(Buffer.byteLength(content)).toBe(bytes);
    expect(JSON.parse(content)).toMatchObject({ snapshot: { node_count: expect.any(Number) } });
  });

  it('ends its time with the first Ctrl-C, and keeps what there is', async ({ expect }) => {
    await using node = await nodeApp(shut, busy);
    const running = captureInspect(node.session, plan(node.port, { wait: { wait: 600_000, says: 'sampling' } }), node.partial, false);
    expect(await soon(async () => node.report.said.some((each) => each.startsWith('progress: sampling')))).toBe(true);
    node.early.abort(new KprofError('interrupted', 'Interrupted'));
    expect((await running).bytes).toBeGreaterThan(100);
  });

  it('that costs something is agreed to first, before anything is done', async ({ expect }) => {
    await using node = await nodeApp(shut, "process.on('SIGUSR1', () => process.exit(3)); setInterval(() => {}, 50)");
    const costly = plan(node.port, { costs: 'it stops the process' });
    await expect(captureInspect(node.session, costly, node.partial, false)).rejects.toMatchObject({
      failure: 'usage',
      message: expect.stringContaining('it stops the process'),
    });
    expect([await node.listens(), node.app.exitCode, existsSync(node.partial)]).toEqual([false, null, false]);
  });

  it('whose answer lacks what was asked for is none', async ({ expect }) => {
    for (const [method, says] of [
      ['Profiler.stop', 'answered Profiler.stop without a nothing'],
      ['Profiler.nonsense', 'refused'],
    ] as const) {
      await using node = await nodeApp(shut);
      const take = { method, says: 'taking', gives: { field: 'nothing' } };
      await expect(captureInspect(node.session, plan(node.port, { take }), node.partial, false)).rejects.toThrow(says);
      expect([await soon(async () => !(await node.listens())), node.app.exitCode, existsSync(node.partial)]).toEqual([true, null, false]);
    }
  });

  it('ends when the process does, with what is known of that', async ({ expect }) => {
    for (const [isGone, message] of [
      [false, /closed the connection, and what it had taken is lost with it/],
      [true, /^The pod is gone$/],
    ] as const) {
      await using node = await nodeApp(shut, busy);
      const running = captureInspect(node.session, plan(node.port, { wait: { wait: 600_000, says: 'sampling' } }), node.partial, false);
      running.catch(() => {});
      expect(await soon(async () => node.report.said.some((each) => each.startsWith('progress: sampling')))).toBe(true);
      node.app.kill('SIGKILL');
      if (isGone) setTimeout(() => node.gone.abort(new KprofError('gone', 'The pod is gone')), 200);
      await expect(running).rejects.toThrow(message);
    }
  });
});
