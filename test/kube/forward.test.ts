import { once } from 'node:events';
import { expect, test } from 'vitest';
import { NothingListens } from '../../src/cluster.ts';
import { KprofError } from '../../src/errors.ts';
import { explain, forward } from '../../src/kube/forward.ts';
import { execServer } from '../support/exec-server.ts';
import { begin, forwardServer } from '../support/forward-server.ts';

const never = new AbortController().signal;

test('bytes go both ways, without the channels and the numbers of the port', async () => {
  await using pod = await forwardServer((session) => {
    expect(begin(session)).toBe(6060);
    session.socket.on('message', (data) => {
      session.frame(0, `got ${(data as Buffer).subarray(1)}`);
      session.socket.close(1000);
    });
  });
  const stream = await pod.target.forward(6060, never);
  stream.write('hello');
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  expect(Buffer.concat(chunks).toString()).toBe('got hello');
});

test('what nobody reads is held back in the pod', async () => {
  const total = 64 * 2 ** 20;
  let server: { socket: { bufferedAmount: number } } | undefined;
  await using pod = await forwardServer((session) => {
    server = session;
    begin(session);
    for (let sent = 0; sent < total; sent += 2 ** 20) session.frame(0, Buffer.alloc(2 ** 20));
    session.socket.close(1000);
  });
  const stream = await pod.target.forward(6060, never);
  await new Promise((resolve) => setTimeout(resolve, 300));
  // Beside what the kernel holds, most of it is still on the other side.
  expect(stream.readableLength).toBeLessThan(8 * 2 ** 20);
  expect(server?.socket.bufferedAmount).toBeGreaterThan(total / 2);
  let read = 0;
  for await (const chunk of stream) read += (chunk as Buffer).length;
  expect(read).toBe(total);
});

test('a port where nobody listens is an error of the stream', async () => {
  await using pod = await forwardServer((session) => {
    begin(session);
    session.frame(1, 'error forwarding port 9 to pod x: dial tcp4 127.0.0.1:9: connect: connection refused');
  });
  const stream = await pod.target.forward(9, never);
  const [error] = await once(stream.resume(), 'error').catch((thrown: unknown) => [thrown]);
  expect(error).toBeInstanceOf(NothingListens);
  expect(error).toMatchObject({ message: 'Nothing listens on port 9 of pod shop/api' });
});

test('a line that has fallen silent is lost, and one on which only the app is silent is not', async () => {
  const timing = { handshake: 1000, ping: 50, silence: 300 };
  const door = { namespace: 'shop', pod: 'api', port: 9 };
  for (const [alive, outcome] of [
    [true, 'the app says nothing'],
    [false, 'was lost'],
  ] as const) {
    await using pod = await forwardServer((session) => {
      begin(session);
      if (!alive) session.socket.pause(); // pings are read and answered no more
    });
    const stop = new AbortController();
    const stream = await forward(pod.server.connection, door, stop.signal, timing);
    setTimeout(() => stop.abort(new Error('the app says nothing')), 1500);
    const [error] = await once(stream.resume(), 'error').catch((thrown: unknown) => [thrown]);
    expect(String(error)).toContain(outcome);
  }
});

test('the signal destroys it', async () => {
  await using pod = await forwardServer((session) => void begin(session));
  const stop = new AbortController();
  const stream = await pod.target.forward(9, stop.signal);
  const closed = once(stream.resume(), 'close').catch(() => {});
  stop.abort(new KprofError('interrupted', 'Interrupted'));
  await closed;
  expect(stream.errored).toMatchObject({ failure: 'interrupted' });
});

test('a missing right is told with the Role that gives it', async () => {
  const message = 'pods "api" is forbidden: User "eve" cannot create resource "pods/portforward" in API group "" in the namespace "shop"';
  await using server = await execServer({ refuse: () => ({ code: 403, body: JSON.stringify({ kind: 'Status', message, code: 403 }) }) });
  await expect(forward(server.connection, { namespace: 'shop', pod: 'api', port: 1 }, never)).rejects.toMatchObject({
    failure: 'forbidden',
    hint: expect.stringContaining('pods/portforward'),
  });
});

test.each([
  ['rpc error: code = NotFound desc = an error occurred when try to find sandbox: not found', 'gone'],
  ['sandbox is not running', 'gone'],
  ['no route to host', 'failed'],
  ['read tcp4 127.0.0.1:1->127.0.0.1:2: read: connection reset by peer', undefined],
])('%s', (said, failure) => {
  expect(explain(said, { namespace: 'shop', pod: 'api', port: 1 })).toMatchObject(
    failure === undefined ? { code: 'ECONNRESET' } : { failure, cause: said },
  );
});
