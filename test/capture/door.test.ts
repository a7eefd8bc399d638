import { once } from 'node:events';
import { createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { describe, it } from 'vitest';
import { openDoor, ownPorts } from '../../src/capture/door.ts';
import { KprofError } from '../../src/errors.ts';
import { nodeApp } from '../support/node-app.ts';

const hasIpv6 = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === '::1'));
const timeout = 60_000;
const uuid = /^[0-9a-f-]{36}$/;
const shut = (port: number) => [`--inspect-port=${port}`];

describe.concurrent('the inspector', { timeout }, () => {
  it('is opened by the signal where it is shut', async ({ expect }) => {
    await using node = await nodeApp(shut);
    expect([await ownPorts(node.session), await node.listens()]).toEqual([[], false]);
    expect(await openDoor(node.session, { ports: [node.port] })).toEqual({ port: node.port, id: expect.stringMatching(uuid), was: false });
    expect(await ownPorts(node.session)).toEqual([node.port]);
    expect(node.app.exitCode).toBe(null);
  });

  it('is found where it was open, wherever that is, and no signal is needed', async ({ expect }) => {
    await using node = await nodeApp(
      (port) => [`--inspect=127.0.0.1:${port}`],
      "process.on('SIGUSR1', () => process.exit(3)); setInterval(() => {}, 50)",
    );
    expect(await openDoor(node.session, { ports: [node.port] })).toEqual({ port: node.port, id: expect.stringMatching(uuid), was: true });
    expect(node.app.exitCode).toBe(null);
  });

  it('is looked for where it appears, and not where it was expected', async ({ expect }) => {
    await using node = await nodeApp(shut);
    await using other = await nodeApp(shut);
    expect(await openDoor(node.session, { ports: [other.port] })).toMatchObject({ port: node.port, was: false });
  });

  it('is not taken for that of another process, which has the port', async ({ expect }) => {
    await using node = await nodeApp(shut, "process.on('SIGUSR1', () => process.exit(3)); setInterval(() => {}, 50)");
    const other = createServer().listen(node.port, '127.0.0.1');
    await once(other, 'listening');
    await expect(openDoor(node.session, { ports: [node.port] })).rejects.toMatchObject({
      failure: 'unsupported',
      message: expect.stringContaining(`Port ${node.port}`),
      hint: expect.stringContaining('--inspect-port'),
    });
    other.close();
    expect(node.app.exitCode).toBe(null);
  });

  it('is found without the signal where Node chose its port when it started', async ({ expect }) => {
    await using node = await nodeApp(
      () => ['--inspect=127.0.0.1:0'],
      "process.on('SIGUSR1', () => process.exit(3)); setInterval(() => {}, 50)",
    );
    const [port] = await ownPorts(node.session);
    expect(await openDoor(node.session, { ports: [], opened: true })).toEqual({ port, id: expect.stringMatching(uuid), was: true });
    expect(node.app.exitCode).toBe(null);
  });

  it.skipIf(!hasIpv6)('is told where a forwarded port does not reach it', async ({ expect }) => {
    const dies = "process.on('SIGUSR1', () => process.exit(3)); setInterval(() => {}, 50)";
    for (const [args, code] of [
      [(port: number) => [`--inspect=[::1]:${port}`], dies],
      [(port: number) => [`--inspect-port=[::1]:${port}`], undefined],
    ] as const) {
      await using node = await nodeApp(args, code);
      await expect(openDoor(node.session, { ports: [node.port] })).rejects.toMatchObject({
        failure: 'unsupported',
        message: expect.stringContaining(`listens on ::1 port ${node.port}, which a forwarded port does not reach`),
        hint: expect.stringContaining(`--inspect=127.0.0.1:${node.port}`),
      });
      expect(node.app.exitCode).toBe(null);
    }
  });

  it('is not opened for somebody who may not forward a port', async ({ expect }) => {
    for (const args of [shut, (port: number) => [`--inspect=127.0.0.1:${port}`]]) {
      await using node = await nodeApp(args, "process.on('SIGUSR1', () => process.exit(3)); setInterval(() => {}, 50)");
      const forward = () => Promise.reject(new KprofError('forbidden', 'you may not create pods/portforward'));
      const session = { ...node.session, target: { ...node.session.target, forward } };
      await expect(openDoor(session, { ports: [node.port] })).rejects.toMatchObject({ failure: 'forbidden' });
      expect(node.app.exitCode).toBe(null);
    }
  });

  it('is not waited for when that is given up', async ({ expect }) => {
    await using node = await nodeApp(shut, "process.on('SIGUSR1', () => {}); setInterval(() => {}, 50)");
    const stop = new AbortController();
    setTimeout(() => stop.abort(new Error('given up')), 1500);
    const session = { ...node.session, signal: AbortSignal.any([node.session.signal, stop.signal]) };
    await expect(openDoor(session, { ports: [node.port] })).rejects.toThrow('given up');
  });
});
