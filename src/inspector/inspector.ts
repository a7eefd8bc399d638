/** A client of V8's inspector: the Chrome DevTools Protocol over a WebSocket, over a connection that is there already. */
import type { Duplex } from 'node:stream';
import WebSocket, { type ClientOptions } from 'ws';
import type { Sink } from '../cluster.ts';
import { KprofError } from '../errors.ts';

/** What a call may cost. */
export interface Limits {
  readonly signal: AbortSignal;
  /** Milliseconds of silence. */
  readonly patience: number;
}

/** The connection ended: the line broke, or the process did. */
export class HungUp extends KprofError {}

/** One session with the inspector; its end is the end of all that was begun in it. */
export interface Inspector {
  /** Aborts when it ends, with the reason: HungUp, as a rule. */
  readonly over: AbortSignal;
  /** The result of a call. Rejects with a KprofError: refused, no answer, the line lost. */
  call(method: string, params: object, limits: Limits): Promise<Readonly<Record<string, unknown>>>;
  /** Without waiting for what comes of it. */
  tell(method: string, params: object): void;
  /** Where the texts (`chunk`) of the events of this name go, from now on; a promise holds the inspector back. */
  take(event: string, sink: Sink): void;
  /** How often the event of this name has come from the first question on. */
  count(event: string): number;
  close(): void;
}

// A profile is one message; longer texts are events of about 100 kB each.
const longestMessage = 256 * 2 ** 20;

/** What the inspector says, as far as it matters here; the target can forge it. */
interface Message {
  readonly id?: number;
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly message?: unknown };
  readonly method?: string;
  readonly params?: { readonly chunk?: unknown };
}

interface Waiting {
  resolve(result: Readonly<Record<string, unknown>>): void;
  reject(error: unknown): void;
  /** A sign of life. */
  beat(): void;
}

/** Begins a session over `wire`, which is its own from then on. `address` is what DevTools would connect to, `where` what an error calls it. */
export async function inspect(wire: Duplex, address: string, where: string, { signal, patience }: Limits): Promise<Inspector> {
  const options: ClientOptions = { createConnection: () => wire as never, perMessageDeflate: false, maxPayload: longestMessage };
  const socket = new WebSocket(address, { ...options, handshakeTimeout: patience });
  const { promise: open, resolve, reject } = Promise.withResolvers<void>();
  const lost = (cause?: unknown): KprofError =>
    cause instanceof KprofError ? cause : new HungUp('failed', `${where} closed the connection`, { cause });
  const waiting = new Map<number, Waiting>();
  const over = new AbortController();
  const end = (error: unknown): void => {
    over.abort(error);
    const { reason } = over.signal;
    reject(reason);
    for (const each of waiting.values()) each.reject(reason);
    waiting.clear();
    socket.terminate();
    wire.destroy();
  };
  const abort = () => end(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  socket.on('open', resolve);
  socket.on('error', (error) => end(lost(error)));
  socket.on('close', () => end(lost()));
  wire.on('error', (error) => end(lost(error)));
  if (signal.aborted) abort();
  await open;

  let taken: { readonly event: string; readonly sink: Sink } | undefined;
  // Of those that were asked for alone: names are the target's to choose, and to invent.
  const counts = new Map<string, number>();
  const pass = (chunk: unknown): void => {
    if (typeof chunk !== 'string' || taken === undefined) return;
    const held = taken.sink(Buffer.from(chunk));
    if (held === undefined) return;
    socket.pause();
    held.then(() => socket.resume(), end);
  };
  const receive = (text: string): void => {
    const { id, result, error, method, params } = JSON.parse(text) as Message;
    for (const each of waiting.values()) each.beat();
    if (method !== undefined && method === taken?.event) pass(params?.chunk);
    const times = method === undefined ? undefined : counts.get(method);
    if (method !== undefined && times !== undefined) counts.set(method, times + 1);
    const call = id === undefined ? undefined : waiting.get(id);
    if (call === undefined) return;
    waiting.delete(id as number);
    if (error === undefined) call.resolve(result ?? {});
    else call.reject(new KprofError('failed', `${where} refused`, { cause: String(error.message).slice(0, 300) }));
  };
  socket.on('message', (data) => {
    try {
      receive(String(data));
    } catch (error) {
      end(error instanceof KprofError ? error : new KprofError('failed', `${where} speaks something else`, { cause: error }));
    }
  });

  let calls = 0;
  const send = (method: string, params: object): number => {
    calls += 1;
    if (!over.signal.aborted) socket.send(JSON.stringify({ id: calls, method, params }), () => {});
    return calls;
  };
  return {
    over: over.signal,
    tell: send,
    take(event, sink) {
      taken = { event, sink };
    },
    count(event) {
      const times = counts.get(event) ?? 0;
      counts.set(event, times);
      return times;
    },
    async call(method, params, { patience: silence, signal: until }) {
      over.signal.throwIfAborted();
      until.throwIfAborted();
      const answer = Promise.withResolvers<Readonly<Record<string, unknown>>>();
      const late = () => answer.reject(new KprofError('timeout', `${where} was silent for ${silence / 1000}s`));
      const timer = setTimeout(late, silence);
      const stop = () => answer.reject(until.reason);
      until.addEventListener('abort', stop, { once: true });
      waiting.set(send(method, params), { ...answer, beat: () => timer.refresh() });
      return answer.promise.finally(() => {
        clearTimeout(timer);
        until.removeEventListener('abort', stop);
      });
    },
    close() {
      signal.removeEventListener('abort', abort);
      end(lost());
    },
  };
}
