import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Io } from '../../src/cluster.ts';
import type { KprofError } from '../../src/errors.ts';
import { isLineLost } from '../../src/errors.ts';
import { execAddress } from '../../src/kube/exec-handshake.ts';
import { execStream } from '../../src/kube/exec-stream.ts';
import type { Argv } from '../../src/toolkit.ts';
import { execServer, exited, type Play, type Session, success } from '../support/exec-server.ts';

const command = (...argv: Argv) => ({ namespace: 'shop', pod: 'api', container: 'debug', argv });

/** Runs a command against the play: what came, and how it ended. */
async function perform(play: Play, io: Io = {}, timing?: Parameters<typeof execStream>[3]) {
  await using server = await execServer(play);
  const [out, err]: [Uint8Array[], Uint8Array[]] = [[], []];
  const stdout = io.stdout ?? ((bytes) => void out.push(bytes));
  const stderr = (bytes: Uint8Array) => void err.push(bytes);
  const execution = execStream(
    server.connection,
    command('cat'),
    { stdout, stderr, ...(io.signal === undefined ? {} : { signal: io.signal }) },
    timing,
  );
  const [outcome] = await Promise.allSettled([execution.done]);
  return {
    out: Buffer.concat(out).toString(),
    err: Buffer.concat(err).toString(),
    code: outcome.status === 'fulfilled' ? outcome.value.code : undefined,
    error: outcome.status === 'rejected' ? (outcome.reason as KprofError) : undefined,
  };
}

/** A session that says these, then does something. */
const says =
  (frames: readonly (readonly [number, string])[], then: (session: Session) => unknown = ({ end }) => end()) =>
  (session: Session) => {
    for (const [channel, bytes] of frames) session.frame(channel, bytes);
    then(session);
  };

const timing = { handshake: 1000, ping: 20, silence: 100, close: 50 };

test('a command that succeeds: both streams, in order, and code 0', async () => {
  const { out, err, code } = await perform({
    session({ frame, end }) {
      frame(1, '');
      frame(1, 'a');
      frame(2, 'noise');
      frame(1, 'b');
      end();
    },
  });
  expect({ out, err, code }).toEqual({ out: 'ab', err: 'noise', code: 0 });
});

test.each([3, 137])('exit code %i', async (expected) => {
  const { code } = await perform({ session: ({ end }) => end(exited(expected)) });
  expect(code).toBe(expected);
});

test('v4 alone is accepted', async () => {
  let protocol = '';
  const { code } = await perform({
    protocols: ['v4.channel.k8s.io'],
    session({ socket, end }) {
      protocol = socket.protocol;
      end();
    },
  });
  expect([protocol, code]).toEqual(['v4.channel.k8s.io', 0]);
});

test('a server that speaks neither protocol is an error', async () => {
  const { error } = await perform({ protocols: ['other'] });
  expect(error?.message).toMatch(/The connection to the API server http:\/\/127.0.0.1:\d+ failed/);
});

test('what is sent before the line is open arrives on stdin, in order', async () => {
  let stdin = '';
  await using server = await execServer({
    session({ socket, end }) {
      socket.on('message', (data: Buffer) => {
        expect(data[0]).toBe(0);
        stdin += data.subarray(1);
        if (stdin.endsWith('.')) end();
      });
    },
  });
  const execution = execStream(server.connection, command('cat'), {});
  execution.send('one ');
  execution.send('zwei–');
  await delay(50);
  execution.send('three.');
  await execution.done;
  execution.send('too late');
  expect(stdin).toBe('one zwei–three.');
});

const half = (then: (session: Session) => unknown) => says([[1, 'half']], then);
const verdict = JSON.stringify(success);

test.each([
  ['closed without a verdict', half(({ socket }) => socket.close(1000))],
  ['TCP cut', half(({ wire }) => setTimeout(() => wire.destroy(), 20))],
  ['TCP reset', half(({ wire }) => setTimeout(() => wire.resetAndDestroy(), 20))],
  [
    'cut after the verdict',
    says(
      [
        [1, 'half'],
        [3, verdict],
      ],
      ({ wire }) => setTimeout(() => wire.destroy(), 20),
    ),
  ],
])('a lost line: %s', async (_, session) => {
  const { error, out } = await perform({ session });
  expect(error?.message).toBe('The connection to shop/api was lost');
  expect(isLineLost(error)).toBe(true);
  expect(out).toBe('half');
});

test('frames after the verdict are an error', async () => {
  const { error } = await perform({ session: says([[3, verdict]], ({ frame }) => frame(1, 'more')) });
  expect(error?.message).toBe('shop/api sent more after it said how the command ended');
  expect(isLineLost(error)).toBe(false);
});

test('a server that does not close after its verdict is closed by us', async () => {
  const { code } = await perform({ session: ({ verdict }) => verdict(success) }, {}, timing);
  expect(code).toBe(0);
});

test('a command that cannot be started', async () => {
  const message =
    'Internal error occurred: OCI runtime exec failed: exec failed: unable to start container process: exec: "cat": executable file not found in $PATH';
  const { error } = await perform({
    session: ({ end }) => end({ status: 'Failure', reason: 'InternalError', message }),
  });
  expect(error).toMatchObject({ failure: 'unsupported', message: 'There is no cat in container debug of pod shop/api', cause: message });
});

test('a verdict that is no JSON is an error', async () => {
  const { error } = await perform({ session: says([[3, 'oops']], ({ socket }) => socket.close(1000)) });
  expect(error).toMatchObject({ failure: 'failed', cause: 'oops' });
});

test('a refused handshake tells the reason of its Status', async () => {
  const message = 'pods "api" is forbidden: User "dev" cannot get resource "pods/exec" in API group "" in the namespace "shop"';
  const { error } = await perform({
    refuse: () => ({ code: 403, body: JSON.stringify({ kind: 'Status', status: 'Failure', message, reason: 'Forbidden', code: 403 }) }),
  });
  expect(error).toMatchObject({ failure: 'forbidden', message: 'dev may not get pods/exec in namespace shop', code: 403 });
  expect(error?.hint).toContain('it lacks get');
});

test('a container that has ended is gone, and its pod too', async () => {
  const refusal = (code: number, message: string, more: object = {}) => ({
    refuse: () => ({ code, body: JSON.stringify({ kind: 'Status', message, code, ...more }) }),
  });
  expect((await perform(refusal(500, 'container not found ("debug")'))).error).toMatchObject({
    failure: 'gone',
    message: 'The container debug of pod shop/api has ended',
    code: 500,
  });
  expect((await perform(refusal(404, 'pods "api" not found', { details: { name: 'api' } }))).error).toMatchObject({
    failure: 'gone',
    code: 404,
  });
});

test('a kubelet that has just started, and does not know the pod yet, is a line that is not there', async () => {
  const { error } = await perform({ refuse: () => ({ code: 404, body: 'pod does not exist' }) });
  expect(error).toMatchObject({ failure: 'failed', lost: true, message: expect.stringContaining('does not know the pod yet') });
});

test('a 401 is answered once with a new credential', async () => {
  let count = 0;
  await using server = await execServer({
    refuse: () => (++count === 1 ? { code: 401, body: '' } : undefined),
    session: ({ end }) => end(),
  });
  let refreshed = 0;
  const done = execStream({ ...server.connection, refresh: () => ++refreshed > 0 }, command('cat'), {}).done;
  await expect(done).resolves.toEqual({ code: 0 });
  expect([count, refreshed]).toEqual([2, 1]);
});

test('a second 401 is an error', async () => {
  await using server = await execServer({ refuse: () => ({ code: 401, body: '{}' }) });
  await expect(execStream({ ...server.connection, refresh: () => true }, command('cat'), {}).done).rejects.toMatchObject({
    failure: 'forbidden',
    code: 401,
  });
});

test('silence is noticed', async () => {
  const { error } = await perform({ autoPong: false, session: ({ frame }) => frame(1, 'a') }, {}, timing);
  expect(isLineLost(error)).toBe(true);
  expect(error?.cause).toBe('it was silent for 0.1s');
});

test('pongs are a sign of life', async () => {
  const { code } = await perform({ session: ({ end }) => setTimeout(() => end(), 400) }, {}, timing);
  expect(code).toBe(0);
});

test('a sink slower than the silence is not taken for a dead line', async () => {
  const { code } = await perform({ session: says([[1, 'a']]) }, { stdout: () => delay(400) }, timing);
  expect(code).toBe(0);
});

test('a slow sink holds the sender back, and gets every byte in order', async () => {
  const [frames, size] = [4096, 32 * 1024];
  let [sent, taken, longest, next] = [0, 0, 0, 0];
  const { code } = await perform(
    {
      async session({ frame, end, socket }) {
        for (let index = 0; index < frames; index++) {
          const bytes = Buffer.alloc(size);
          bytes.writeUInt32BE(index);
          frame(1, bytes);
          sent += size;
          while (socket.bufferedAmount > 1 << 20) await delay(1);
        }
        end();
      },
    },
    {
      async stdout(bytes) {
        longest = Math.max(longest, sent - taken);
        expect(Buffer.from(bytes).readUInt32BE()).toBe(next++);
        if (next % 64 === 0) await delay(2);
        taken += bytes.length;
      },
    },
  );
  expect([code, taken]).toEqual([0, frames * size]);
  // What the server's queue and both sockets hold, and not what was sent in all.
  expect(longest).toBeLessThan(24 << 20);
}, 30_000);

test('a sink that throws ends the command with its error', async () => {
  const failure = new Error('disk full');
  const { error } = await perform({ session: ({ frame }) => frame(1, 'a') }, { stdout: async () => Promise.reject(failure) });
  expect(error).toBe(failure);
});

test.each([0, 50])('the signal drops the line, after %i ms', async (after) => {
  const reason = new Error('stopped');
  const controller = new AbortController();
  const closed = Promise.withResolvers<void>();
  setTimeout(() => controller.abort(reason), after);
  await using server = await execServer({ session: ({ socket }) => socket.on('close', () => closed.resolve()) });
  await expect(execStream(server.connection, command('cat'), { signal: controller.signal }).done).rejects.toBe(reason);
  if (after > 0) await closed.promise;
});

test('nothing is sent when the signal has aborted already', async () => {
  await using server = await execServer({});
  const reason = new Error('stopped');
  await expect(execStream(server.connection, command('cat'), { signal: AbortSignal.abort(reason) }).done).rejects.toBe(reason);
  expect(server.sockets.size).toBe(0);
});

test('nothing goes to a sink after the signal', async () => {
  const controller = new AbortController();
  let calls = 0;
  const stdout = async () => {
    calls++;
    controller.abort(new Error('stopped'));
    await delay(30);
  };
  await perform({ session: ({ frame }) => [1, 2, 3].map(() => frame(1, 'a')) }, { stdout, signal: controller.signal });
  await delay(60);
  expect(calls).toBe(1);
});

test('nobody listens', async () => {
  const server = await execServer({});
  await server[Symbol.asyncDispose]();
  await expect(execStream(server.connection, command('cat'), {}).done).rejects.toMatchObject({
    failure: 'failed',
    code: 0,
    message: expect.stringMatching(/^Cannot reach the API server http:\/\/127\.0\.0\.1:\d+: nothing listens there$/),
  });
});

test('the address keeps the path of the server, and every word of the command', () => {
  const address = execAddress(
    new URL('https://rancher.example/k8s/clusters/c-1/'),
    command('sh', '-c', 'echo "$1" & a=b', 'kprof', 'ä +/?'),
  );
  expect(address.protocol).toBe('wss:');
  expect(address.pathname).toBe('/k8s/clusters/c-1/api/v1/namespaces/shop/pods/api/exec');
  expect(address.searchParams.getAll('command')).toEqual(['sh', '-c', 'echo "$1" & a=b', 'kprof', 'ä +/?']);
  expect(address.search).not.toContain('+');
  expect(address.searchParams.get('stdin')).toBe('true');
});
