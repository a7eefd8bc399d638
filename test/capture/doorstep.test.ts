import { existsSync, statSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openDoorstep } from '../../src/capture/doorstep.ts';

const arrived = (socket: Socket): Promise<string> =>
  new Promise((resolve) => socket.setEncoding('utf8').once('data', (text: unknown) => resolve(String(text))));

describe('a doorstep', () => {
  it('is a socket that only this user can open, and goes without a trace', async () => {
    const doorstep = await openDoorstep(undefined);
    expect(doorstep.address.port).toBe(undefined);
    const path = doorstep.address.text.replace(/^unix:/, '');
    expect(statSync(dirname(path)).mode & 0o777).toBe(0o700);
    doorstep.serve((socket) => void socket.write('hello'));
    const client = connect(path);
    expect(await arrived(client)).toBe('hello');
    const closed = new Promise((resolve) => client.resume().once('close', resolve));
    await doorstep.close();
    await closed;
    expect(existsSync(dirname(path))).toBe(false);
  });

  it('lets wait who comes before anybody serves', async () => {
    const doorstep = await openDoorstep(0);
    const { port } = doorstep.address;
    expect(doorstep.address.text).toBe(`127.0.0.1:${port}`);
    const client = connect(port as number, '127.0.0.1');
    await new Promise<void>((resolve) => client.once('connect', () => resolve()));
    doorstep.serve((socket) => void socket.write('hello'));
    expect(await arrived(client)).toBe('hello');
    await doorstep.close();
  });

  it('names the port that is in use', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as { readonly port: number };
    await expect(openDoorstep(port)).rejects.toThrow(`Port ${port} of this machine is in use`);
    await new Promise((resolve) => other.close(resolve));
  });
});
