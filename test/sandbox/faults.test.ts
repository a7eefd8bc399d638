import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import type { KprofError } from '../../src/errors.ts';
import { type Api, openApi } from '../../src/kube/api.ts';
import { type Connection, loadConnection } from '../../src/kube/config.ts';
import { execStream } from '../../src/kube/exec-stream.ts';
import type { Fault } from './faults.ts';
import type { Pod } from './objects.ts';
import { type Sandbox, startSandbox } from './sandbox.ts';

let sandbox: Sandbox;
let connection: Connection;
let api: Api;

beforeAll(async () => {
  sandbox = await startSandbox();
  await sandbox.pod('app', { command: ['sleep', '1000'] });
  connection = await loadConnection({ kubeconfig: sandbox.kubeconfig }, { userAgent: 'kprof/test' });
  api = openApi(connection);
});
afterEach(() => sandbox.faults.clear());
afterAll(() => sandbox?.close());

const asking = { signal: new AbortController().signal, doing: 'read pod default/app' };
const path = ['api', 'v1', 'namespaces', 'default', 'pods', 'app'];
const read = () => api.get<Pod>(path, asking);
const when = { resource: 'pods/exec' };
const payload = 100_000;
const timing = { handshake: 5000, ping: 200, silence: 1500, close: 2000 };

/** Prints so many bytes in the pod; how that ended, and what came. */
async function print(
  ...faults: readonly Fault[]
): Promise<{ readonly code?: number; readonly error?: KprofError; readonly bytes: Buffer }> {
  sandbox.faults.add(...faults);
  const chunks: Uint8Array[] = [];
  const argv = ['sh', '-c', `head -c ${payload} /dev/zero`] as const;
  const io = { stdout: (chunk: Uint8Array) => void chunks.push(chunk) };
  const { done } = execStream(connection, { namespace: 'default', pod: 'app', container: 'app', argv }, io, timing);
  const ended = await done.catch((error: KprofError) => ({ error }));
  return { ...ended, bytes: Buffer.concat(chunks) };
}

it('answers as told, for the request that is meant', async () => {
  sandbox.faults.add({ fault: 'refuse', code: 403, message: 'no', when: { verb: 'get', resource: 'pods', nth: 2 } });
  expect((await read()).metadata.name).toBe('app');
  await expect(read()).rejects.toMatchObject({ code: 403, cause: 'no' });
  expect((await read()).metadata.name).toBe('app');
});

it.each([401, 409, 500])('answers with %d', async (code) => {
  sandbox.faults.add({ fault: 'refuse', code });
  await expect(api.create(path, {}, asking)).rejects.toMatchObject({ code });
});

it('tells clients that it failed itself, and where that was on stderr alone', async () => {
  const allows = () => {
    throw new Error('it broke');
  };
  await using broken = await startSandbox({ allows });
  const told = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  const answer = openApi(await loadConnection({ kubeconfig: broken.kubeconfig }, { userAgent: 'kprof/test' })).create(path, {}, asking);
  await expect(answer).rejects.toMatchObject({ code: 500, cause: 'Internal error occurred: it broke' });
  expect(told).toHaveBeenCalledWith(expect.stringMatching(/^sandbox: Error: it broke\n +at allows /));
  told.mockRestore();
});

it('says when to try again', async () => {
  sandbox.faults.add({ fault: 'refuse', code: 429, retryAfter: 1, when: { nth: 1 } });
  const began = performance.now();
  expect((await read()).metadata.name).toBe('app');
  expect(performance.now() - began).toBeGreaterThan(950);
});

it('answers with a page of a proxy', async () => {
  sandbox.faults.add({ fault: 'page', code: 502, html: '<html><title>Bad Gateway</title></html>', when: { verb: 'create' } });
  await expect(api.create(path, {}, asking)).rejects.toMatchObject({ code: 502, cause: expect.stringContaining('Bad Gateway') });
});

it('waits before it answers', async () => {
  sandbox.faults.add({ fault: 'delay', milliseconds: 300 });
  const began = performance.now();
  await read();
  expect(performance.now() - began).toBeGreaterThan(290);
});

it('runs a command whole where nothing is told', async () => {
  const { code, bytes } = await print();
  expect({ code, length: bytes.length }).toEqual({ code: 0, length: payload });
});

it('refuses an upgrade', async () => {
  expect((await print({ when, fault: 'refuse', code: 503 })).error).toMatchObject({ code: 503 });
});

it.each(['rst', 'fin', 'silence'] as const)('cuts a stream after so many bytes: %s', async (how) => {
  const { error, bytes } = await print({ when, fault: 'cut', how, after: 50_000 });
  expect(error?.message).toMatch(/was lost/);
  expect(String(error?.cause)).toMatch({ rst: /ECONNRESET|1006/, fin: /1006/, silence: /silent/ }[how]);
  // What was under way when the line was reset may be lost with it.
  if (how === 'rst') expect(bytes.length).toBeLessThanOrEqual(50_000);
  else expect(bytes.length).toBe(50_000);
});

it('closes without a verdict, and with a wrong one', async () => {
  const silent = await print({ when, fault: 'verdict', code: 'none' });
  expect(silent.bytes.length).toBe(payload);
  expect(String(silent.error?.cause)).toMatch(/1000\) without saying/);
  sandbox.faults.clear();
  expect(await print({ when, fault: 'verdict', code: 3 })).toMatchObject({ code: 3 });
});

it('loses bytes, and says Success', async () => {
  const { code, bytes } = await print({ when, fault: 'lose', from: 40_000, bytes: 1000 });
  expect({ code, length: bytes.length }).toEqual({ code: 0, length: payload - 1000 });
});

it('flips bits, the same ones for the same seed', async () => {
  const flipped = async (seed: number) => {
    sandbox.faults.clear();
    const { bytes } = await print({ when, fault: 'flip', every: 10_000, seed });
    return [...bytes.entries()].filter(([, byte]) => byte !== 0);
  };
  const [first, again, other] = [await flipped(1), await flipped(1), await flipped(2)];
  expect(first.length).toBeGreaterThan(3);
  expect(again).toEqual(first);
  expect(other).not.toEqual(first);
});

it('sends slowly', async () => {
  const began = performance.now();
  const { bytes } = await print({ when, fault: 'pace', bytesPerSecond: 100_000 });
  expect(bytes.length).toBe(payload);
  expect(performance.now() - began).toBeGreaterThan(800);
});

it('sends slowly from some byte on, and does not wait for who has left', async () => {
  const began = performance.now();
  const { bytes } = await print({ when, fault: 'pace', bytesPerSecond: 10, from: payload - 10 });
  expect(bytes.length).toBe(payload);
  expect(performance.now() - began).toBeGreaterThan(900);
  expect(performance.now() - began).toBeLessThan(5000);
});

it('damages or loses what is said on stderr alone', async () => {
  const said = async (fault: Fault) => {
    sandbox.faults.clear();
    sandbox.faults.add(fault);
    const [out, err]: [Uint8Array[], Uint8Array[]] = [[], []];
    const argv = ['sh', '-c', 'echo to stdout; echo to stderr >&2'] as const;
    const io = { stdout: (chunk: Uint8Array) => void out.push(chunk), stderr: (chunk: Uint8Array) => void err.push(chunk) };
    await execStream(connection, { namespace: 'default', pod: 'app', container: 'app', argv }, io, timing).done;
    return [out, err].map((chunks) => Buffer.concat(chunks).toString('latin1'));
  };
  expect(await said({ when, fault: 'lose', from: 3, bytes: 3, channel: 2 })).toEqual(['to stdout\n', 'to err\n']);
  expect(await said({ when, fault: 'flip', every: 2, seed: 1, channel: 2 })).toEqual([
    'to stdout\n',
    expect.not.stringMatching(/^to stderr\n$/),
  ]);
});

it('lets something happen to the pod on the way', async () => {
  await sandbox.pod('victim', { command: ['sleep', '1000'] });
  await print({ when, fault: 'happen', after: 50_000, what: (all) => all.evict('victim') });
  expect(sandbox.store.get('pods', 'default', 'victim')).toMatchObject({ status: { phase: 'Failed', reason: 'Evicted' } });
});

it('cuts a watch', async () => {
  sandbox.faults.add({ when: { verb: 'watch' }, fault: 'cut', how: 'rst', after: 1 });
  const watching = async () => {
    for await (const _ of api.watch(['api', 'v1', 'namespaces', 'default', 'pods'], asking)) await sleep(0);
  };
  await expect(watching()).rejects.toMatchObject({ code: 0 });
});

it('tells a watch of a past that is forgotten', async () => {
  const { metadata } = await read();
  sandbox.store.compact();
  sandbox.restart('app', 'app');
  sandbox.store.compact();
  const query = { resourceVersion: metadata.resourceVersion };
  const watching = async () => {
    for await (const _ of api.watch(['api', 'v1', 'namespaces', 'default', 'pods'], { ...asking, query })) return;
  };
  await sandbox.until('app', 'app', ({ running }) => running !== undefined);
  sandbox.store.compact();
  await expect(watching()).rejects.toMatchObject({ code: 410 });
});
