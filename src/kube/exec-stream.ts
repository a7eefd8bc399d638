/**
 * A command in a container, over one WebSocket: stdin, stdout, stderr and the verdict on four channels.
 * client-node's Exec is not used: it queues without bound, and waits for ever when the line is cut.
 */
import WebSocket from 'ws';
import type { Execution, Io } from '../cluster.ts';
import { KprofError } from '../errors.ts';
import type { Connection } from './config.ts';
import { open, refusal } from './exec-handshake.ts';
import { channels, receive } from './exec-inbox.ts';
import type { Command } from './exec-verdict.ts';
import { type LineTiming, lineTiming, watchPulse } from './pulse.ts';

/** The periods of a line that runs a command, in milliseconds. */
export interface Timing extends LineTiming {
  /** How long the server may take to close after its verdict, before we do. */
  readonly close: number;
}

const usual: Timing = { ...lineTiming, close: 5000 };

// Heartbeats and single words: more than this in the queue means that nobody takes them.
const longestQueue = 256 * 1024;

/** Starts a command; its stdin stays open for as long as the line does. */
export function execStream(connection: Connection, command: Command, io: Io, timing: Timing = usual): Execution {
  const line: Line = { command, connection, timing, queue: [], socket: undefined, fail: () => undefined };
  return { done: perform(line, io), send: (text) => sendText(line, text) };
}

interface Line {
  readonly command: Command;
  readonly connection: Connection;
  readonly timing: Timing;
  /** What was sent before the line was open. */
  readonly queue: Buffer[];
  socket: WebSocket | undefined;
  fail: (error: unknown) => void;
}

async function perform(line: Line, io: Io): Promise<{ readonly code: number }> {
  const signal = io.signal ?? new AbortController().signal;
  const wanted = { connection: line.connection, command: line.command, limit: line.timing.handshake };
  let settings = await line.connection.settings(signal);
  for (let attempt = 1; ; attempt++) {
    const socket = await open(wanted, settings, signal);
    if (socket instanceof WebSocket) return converse(line, socket, io, signal);
    const error = await refusal(wanted, socket, signal);
    if (error.code !== 401 || attempt > 1 || !line.connection.refresh(settings)) throw error;
    settings = await line.connection.settings(signal);
  }
}

/** What the pod sends goes to the sinks, one after another, until the verdict and the end of the line. */
function converse(line: Line, socket: WebSocket, io: Io, signal: AbortSignal): Promise<{ readonly code: number }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ readonly code: number }>();
  const lost = (why: string, cause?: unknown) =>
    new KprofError('failed', `The connection to ${line.command.namespace}/${line.command.pod} was lost`, {
      cause: cause ?? why,
      lost: true,
    });
  const fail = (error: unknown) => {
    reject(error);
    inbox.discard();
    socket.terminate();
  };
  const abort = () => fail(signal.reason);
  const inbox = receive(socket, io, { command: line.command, fail });
  const pulse = watchPulse(socket, line.timing, () => fail(lost(`it was silent for ${line.timing.silence / 1000}s`)));
  inbox.onVerdict(() => closeSoon(socket, line.timing.close));
  socket.on('error', (error) => fail(lost('', error)));
  socket.on('close', async (code) => {
    pulse.stop();
    signal.removeEventListener('abort', abort);
    const verdict = await inbox.drained();
    if (verdict === undefined) reject(lost(`it was closed (${code}) without saying how the command ended`));
    else if (code !== 1000) reject(lost(`it was cut (${code}) before it was closed`));
    else resolve({ code: verdict });
  });
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  line.socket = socket;
  line.fail = (error) => fail(lost('', error));
  for (const frame of line.queue.splice(0)) transmit(line, frame);
  socket.resume();
  return promise;
}

// Some proxies keep the line open after both ends are done with it.
function closeSoon(socket: WebSocket, after: number): void {
  const timer = setTimeout(() => socket.close(1000), after);
  socket.once('close', () => clearTimeout(timer));
}

function sendText(line: Line, text: string): void {
  const frame = Buffer.concat([Buffer.of(channels.stdin), Buffer.from(text)]);
  if (line.socket === undefined) line.queue.push(frame);
  else transmit(line, frame);
}

function transmit({ socket, fail }: Line, frame: Buffer): void {
  // Once it ended nobody reads it; how it ended is told by `done`.
  if (socket?.readyState !== WebSocket.OPEN) return;
  if (socket.bufferedAmount > longestQueue) fail(new Error('the pod does not take what is sent'));
  else socket.send(frame);
}
