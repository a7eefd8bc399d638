/** One client's connection to a session: an exec in the debug container whose stdin and stdout are the other end. */
import { type KeyObject, sign } from 'node:crypto';
import type { Socket } from 'node:net';
import type { DebugContainer } from '../cluster.ts';
import { KprofError } from '../errors.ts';
import { start } from '../remote/remote.ts';
import type { Argv } from '../toolkit.ts';

/** What a connection is made with. */
export interface Relaying {
  readonly container: DebugContainer;
  /** The command that is the other end. */
  readonly relay: Argv;
  /** Whoever serves asks for a signature of something that it has made up just now (Ed25519). */
  readonly key: KeyObject;
  readonly signal: AbortSignal;
}

const questionLength = 32;

// In base64, and with others in front of the same line, small enough to be one message.
const mostAtOnce = 24 * 1024;

/** Connects a local socket; settles when the connection is over. Rejects when there was none, or the line broke. */
export async function relayed(socket: Socket, { container, relay, key, signal }: Relaying): Promise<void> {
  const over = new AbortController();
  const left = () => over.abort(new KprofError('interrupted', 'The client left'));
  const say = (bytes: Uint8Array) => execution.send(`${Buffer.from(bytes).toString('base64')}\n`);
  let before = Buffer.alloc(0);
  let known = false;
  const stdout = (bytes: Uint8Array): void | Promise<void> => {
    if (known) return write(socket, bytes);
    const had = before.length;
    before = Buffer.concat([before, bytes]);
    if (had < questionLength && before.length >= questionLength) say(sign(null, before.subarray(0, questionLength), key));
    // One more byte says that it was right.
    if (before.length <= questionLength) return;
    known = true;
    socket.resume();
    return write(socket, before.subarray(questionLength + 1));
  };
  const execution = start(container, ['relay', ...relay], { stdout, signal: AbortSignal.any([signal, over.signal]) });
  socket.once('close', left);
  if (socket.destroyed) left();
  socket.on('data', (bytes: Buffer) => {
    for (let at = 0; at < bytes.length; at += mostAtOnce) say(bytes.subarray(at, at + mostAtOnce));
  });
  try {
    await execution.done;
  } catch (error) {
    if (!over.signal.aborted) throw error;
  } finally {
    socket.end();
  }
}

/** The sender waits for a client that reads slowly. */
function write(socket: Socket, bytes: Uint8Array): void | Promise<void> {
  if (bytes.length === 0 || socket.destroyed || socket.write(bytes)) return;
  return new Promise((resolve) => {
    const go = () => {
      socket.off('drain', go).off('close', go);
      resolve();
    };
    socket.on('drain', go).on('close', go);
  });
}
