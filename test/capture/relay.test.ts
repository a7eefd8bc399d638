import { generateKeyPairSync, randomBytes, verify } from 'node:crypto';
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { openDoorstep } from '../../src/capture/doorstep.ts';
import { relayed } from '../../src/capture/relay.ts';
import type { DebugContainer, Io } from '../../src/cluster.ts';

const { publicKey, privateKey } = generateKeyPairSync('ed25519');

/** The other end: asks for a signature, and sends back what it gets, in capitals. */
function server(question: Buffer) {
  const heard: Buffer[] = [];
  let io: Io = {};
  const { promise, resolve, reject } = Promise.withResolvers<{ code: number }>();
  const take = (text: string): void => {
    for (const line of text.split('\n').filter((each) => each !== '')) {
      const bytes = Buffer.from(line, 'base64');
      heard.push(bytes);
      if (heard.length === 1) void io.stdout?.(Buffer.from('k'));
      else void io.stdout?.(Buffer.from(bytes.toString().toUpperCase()));
    }
  };
  const container = {
    exec: (_: unknown, given: Io) => {
      io = given;
      given.signal?.addEventListener('abort', () => reject(given.signal?.reason));
      // In pieces, as a network gives it.
      setImmediate(() => void io.stdout?.(question.subarray(0, 5)));
      setTimeout(() => void io.stdout?.(question.subarray(5)), 5);
      return { send: take, done: promise };
    },
  } as unknown as DebugContainer;
  return { container, heard, end: () => resolve({ code: 0 }), over: promise.catch(() => 'dropped') };
}

async function pair() {
  const question = randomBytes(32);
  const there = server(question);
  const doorstep = await openDoorstep(0);
  const done = new Promise<void>((resolve, reject) =>
    doorstep.serve((socket) =>
      relayed(socket, { container: there.container, relay: ['keeper'], key: privateKey, signal: new AbortController().signal }).then(
        resolve,
        reject,
      ),
    ),
  );
  const client = connect(doorstep.address.port as number, '127.0.0.1').setEncoding('utf8');
  const answer = new Promise<string>((resolve) => client.once('data', (text) => resolve(String(text))));
  return { question, there, doorstep, done, client, answer };
}

describe('a relayed connection', () => {
  it('signs what it is asked to, and then is a pipe', async () => {
    const { question, there, doorstep, done, client, answer } = await pair();
    client.write('hello');
    expect(await answer).toBe('HELLO');
    expect(verify(null, question, publicKey, there.heard[0] as Buffer)).toBe(true);
    there.end();
    await done;
    await new Promise((resolve) => client.once('close', resolve));
    await doorstep.close();
  });

  it('ends over there when its client leaves', async () => {
    const { there, doorstep, done, client, answer } = await pair();
    client.write('hello');
    await answer;
    client.destroy();
    expect(await there.over).toBe('dropped');
    await done;
    await doorstep.close();
  });
});
