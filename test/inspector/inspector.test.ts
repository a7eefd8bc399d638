import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { holdOpen } from '../../src/inspector/held-open.ts';
import { inspect } from '../../src/inspector/inspector.ts';
import { workersOf } from '../../src/inspector/workers.ts';

let app: ChildProcess;
let address: string;

beforeEach(async () => {
  app = spawn(process.execPath, ['--inspect=127.0.0.1:0', '-e', 'setInterval(() => {}, 50)'], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  for await (const text of app.stderr ?? []) {
    said += text;
    const found = /ws:\/\/\S+/.exec(said);
    if (found === null) continue;
    address = found[0];
    break;
  }
});
afterEach(() => app.kill('SIGKILL'));

const open = (signal = new AbortController().signal) => {
  const wire = connect(Number(new URL(address).port), '127.0.0.1');
  return inspect(wire, address, 'The inspector', { signal, patience: 30_000 });
};
const limits = { signal: new AbortController().signal, patience: 30_000 };

/** Whether nobody takes connections at the inspector's port any more. */
async function isClosed(): Promise<boolean> {
  for (const end = Date.now() + 20_000; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 100))) {
    const socket = connect(Number(new URL(address).port), '127.0.0.1');
    const refused = await Promise.race([once(socket, 'connect').then(() => false), once(socket, 'error').then(() => true)]).catch(
      () => true,
    );
    socket.destroy();
    if (refused) return true;
  }
  return false;
}

it('asks and is answered, and tells what is refused', async () => {
  const inspector = await open();
  const { result } = await inspector.call('Runtime.evaluate', { expression: '6 * 7' }, limits);
  expect(result).toMatchObject({ value: 42 });
  await expect(inspector.call('Profiler.fly', {}, limits)).rejects.toMatchObject({
    message: 'The inspector refused',
    cause: expect.stringContaining('Profiler.fly'),
  });
  inspector.close();
  await expect(inspector.call('Runtime.evaluate', { expression: '1' }, limits)).rejects.toMatchObject({ failure: 'failed' });
});

it('counts the worker threads, and is told of no later one', async () => {
  const inspector = await open();
  const start = async (count: number) => {
    const one = "new (process.getBuiltinModule('worker_threads').Worker)('setInterval(() => {}, 1000)', { eval: true })";
    const online = `Promise.all(Array.from({ length: ${count} }, () => new Promise((resolve) => ${one}.on('online', resolve))))`;
    await inspector.call('Runtime.evaluate', { expression: online, awaitPromise: true }, limits);
  };
  expect(await workersOf(inspector, limits)).toBe(0);
  await start(2);
  expect(await workersOf(inspector, limits)).toBe(2);
  await start(1);
  expect(inspector.count('NodeWorker.attachedToWorker')).toBe(2);
  expect(await workersOf(inspector, limits)).toBe(3);
  inspector.close();
  await expect(workersOf(inspector, limits)).rejects.toMatchObject({ failure: 'failed' });
});

it('takes a heap in pieces, and holds the inspector back meanwhile', async () => {
  const inspector = await open();
  const pieces: Uint8Array[] = [];
  let [under, most] = [0, 0];
  inspector.take('HeapProfiler.addHeapSnapshotChunk', async (chunk) => {
    most = Math.max(most, ++under);
    await new Promise((resolve) => setTimeout(resolve, 1));
    pieces.push(chunk);
    under -= 1;
  });
  await inspector.call('HeapProfiler.takeHeapSnapshot', { reportProgress: false }, limits);
  while (under > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(JSON.parse(Buffer.concat(pieces).toString('utf8'))).toMatchObject({ snapshot: { node_count: expect.any(Number) } });
  expect(pieces.length).toBeGreaterThan(2);
  expect(most).toBe(1);
  inspector.close();
});

it('is over when it is given up, or the process ends', async () => {
  const stop = new AbortController();
  const given = await open(stop.signal);
  const forever = given.call('Runtime.evaluate', { expression: 'new Promise(() => {})', awaitPromise: true }, limits);
  stop.abort(new Error('given up'));
  await expect(forever).rejects.toThrow('given up');
  const left = await open();
  const waiting = left.call('Runtime.evaluate', { expression: 'new Promise(() => {})', awaitPromise: true }, limits);
  app.kill('SIGKILL');
  await expect(waiting).rejects.toMatchObject({ failure: 'failed', message: 'The inspector closed the connection' });
});

it('is closed on our word, and the process lives', async () => {
  const inspector = await open();
  const held = await holdOpen(inspector, limits);
  held.stop();
  await held.close();
  inspector.close();
  expect(await isClosed()).toBe(true);
  expect(app.exitCode).toBe(null);
});

it('closes by itself when nobody says any more that we are there', async () => {
  const inspector = await open();
  const held = await holdOpen(inspector, limits, 2);
  held.stop();
  inspector.close();
  expect(await isClosed()).toBe(true);
  expect(app.exitCode).toBe(null);
});
