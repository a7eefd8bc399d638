import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type ChaosProxy, chaosProxy } from './chaos-proxy.ts';

let server: Server;
let proxy: ChaosProxy;
/** What the server has of the newest line, and what it said when it ended. */
let there: Socket;
let log: { heard: string };

beforeEach(async () => {
  // Of this server alone: the one before may still hear its lines end.
  const own = { heard: '' };
  log = own;
  server = createServer({ allowHalfOpen: true }, (socket) => {
    there = socket;
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      own.heard += bytes;
      socket.write(bytes);
    });
    socket.on('end', () => {
      own.heard += '|';
      socket.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  proxy = await chaosProxy('127.0.0.1', (server.address() as AddressInfo).port);
});
afterEach(() => {
  proxy.close();
  there?.destroy();
  server.close();
});

/** A client; `got` is what came back, with `|` for the end and the code of an error. */
async function line() {
  const socket = connect({ port: proxy.port, host: '127.0.0.1', allowHalfOpen: true });
  const client = { socket, got: '' };
  socket.on('data', (bytes) => {
    client.got += bytes;
  });
  socket.on('end', () => {
    client.got += '|';
  });
  socket.on('error', (error: NodeJS.ErrnoException) => {
    client.got += error.code;
  });
  await once(socket, 'connect');
  return client;
}

const until = async (condition: () => boolean) => {
  for (const end = Date.now() + 20_000; !condition(); await sleep(5)) if (Date.now() > end) throw new Error('it never came');
};

it('passes bytes both ways, and each end', async () => {
  const client = await line();
  client.socket.end('hello');
  await until(() => client.got === 'hello|');
  expect({ heard: log.heard, received: proxy.received(), opened: proxy.opened() }).toEqual({ heard: 'hello|', received: 5, opened: 1 });
});

it('lets megabytes through whole and in order', async () => {
  const client = await line();
  const text = Array.from({ length: 400_000 }, (_, index) => `${index} `).join('');
  client.socket.end(text);
  await until(() => client.got.endsWith('|'));
  expect(client.got === `${text}|`).toBe(true);
});

it('takes its time', async () => {
  proxy.set({ latency: 200 });
  const client = await line();
  const began = performance.now();
  client.socket.write('hello');
  await until(() => client.got === 'hello');
  expect(performance.now() - began).toBeGreaterThanOrEqual(399);
});

it('carries so many bytes a second and no more', async () => {
  proxy.set({ bytesPerSecond: 1000 });
  const client = await line();
  const began = performance.now();
  client.socket.write('x'.repeat(500));
  await until(() => client.got.length > 0);
  expect(client.got.length).toBeLessThan(500);
  await until(() => client.got.length === 500);
  expect(performance.now() - began).toBeGreaterThanOrEqual(499);
});

it.each([
  ['rst', 'ECONNRESET'],
  ['fin', '|'],
] as const)('cuts by %s after so many bytes, once', async (by, end) => {
  proxy.cutAfter(4, 'once', by);
  const client = await line();
  client.socket.write('abc');
  await until(() => client.got === 'abc');
  client.socket.write('de');
  await until(() => client.got === `abc${end}`);
  const next = await line();
  next.socket.write('hello');
  await until(() => next.got === 'hello');
});

it('cuts each line from then on, until it is calm', async () => {
  const first = await line();
  await until(() => proxy.opened() === 1);
  proxy.cutAfter(0);
  await until(() => first.got === 'ECONNRESET');
  const second = await line();
  second.socket.write('x');
  await until(() => second.got === 'ECONNRESET');
  proxy.calm();
  const third = await line();
  third.socket.write('x');
  await until(() => third.got === 'x');
});

it('falls silent on the lines that there are, and tells nobody', async () => {
  const client = await line();
  client.socket.write('a');
  await until(() => client.got === 'a');
  proxy.silence('once');
  client.socket.end('b');
  const next = await line();
  next.socket.write('c');
  await until(() => next.got === 'c');
  expect({ got: client.got, heard: log.heard }).toEqual({ got: 'a', heard: 'ac' });
});

it('falls silent on all lines, those to come as well', async () => {
  proxy.silence();
  const client = await line();
  client.socket.write('a');
  await sleep(100);
  expect({ got: client.got, heard: log.heard }).toEqual({ got: '', heard: '' });
});

it('closes one half', async () => {
  const client = await line();
  client.socket.write('a');
  await until(() => client.got === 'a');
  proxy.halfClose();
  await until(() => client.got === 'a|');
  client.socket.write('b');
  await until(() => log.heard === 'ab');
  expect(client.got).toBe('a|');
});

it('listens no more for a while', async () => {
  const client = await line();
  const over = proxy.refuse(300);
  await expect(line()).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  client.socket.write('still there');
  await until(() => client.got === 'still there');
  await over;
  const next = await line();
  next.socket.write('x');
  await until(() => next.got === 'x');
});

it('cuts a line that is idle, and leaves one that is not', async () => {
  proxy.set({ idle: 1500 });
  const [busy, idle] = [await line(), await line()];
  const beat = setInterval(() => busy.socket.write('.'), 50);
  await until(() => idle.got === 'ECONNRESET');
  clearInterval(beat);
  expect(busy.got).toMatch(/^\.+$/);
});
