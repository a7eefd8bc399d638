/** The beginning of an exec: a WebSocket that is granted, or the reason why it is not. */
import type { IncomingMessage } from 'node:http';
import WebSocket from 'ws';
import type { Connection } from './config.ts';
import { ApiError, refused } from './errors.ts';
import { type Command, hasEnded } from './exec-verdict.ts';
import { addressOf, beginningOf, sending } from './http.ts';
import { unreachable } from './network.ts';
import { rememberWire } from './pulse.ts';
import type { RequestSettings } from './settings.ts';
import { addressText, headersText } from './trace.ts';

// v5 is of Kubernetes 1.29; it ends in the API server. v4 is passed on to the runtime.
const protocols = ['v5.channel.k8s.io', 'v4.channel.k8s.io'];

// Servers send 32 KiB at a time.
const longestFrame = 4 * 1024 * 1024;

/** A command that is to be run over a connection. */
export interface Wanted {
  readonly connection: Connection;
  readonly command: Command;
  /** Milliseconds for the handshake. */
  readonly limit: number;
}

/** The open socket, or the response that refuses it. */
export async function open(
  { command, connection, limit }: Wanted,
  { agent, headers }: RequestSettings,
  signal: AbortSignal,
): Promise<WebSocket | IncomingMessage> {
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<WebSocket | IncomingMessage>();
  const address = execAddress(connection.server, command);
  const began = performance.now();
  const options = { agent, headers, handshakeTimeout: limit, perMessageDeflate: false, maxPayload: longestFrame, followRedirects: false };
  const socket = sending(connection.server, () => new WebSocket(address, protocols, options));
  const tell = (outcome: unknown) =>
    connection.trace?.(6, () => `GET ${addressText(address)} ${outcome} in ${Math.round(performance.now() - began)}ms`);
  connection.trace?.(7, () => `GET ${addressText(address)} with the headers\n${headersText(headers)}`);
  const abort = () => {
    reject(signal.reason);
    socket.terminate();
  };
  rememberWire(socket);
  signal.addEventListener('abort', abort, { once: true });
  socket.on('unexpected-response', (_, response) => {
    tell(response.statusCode);
    resolve(response);
  });
  // The first frames may come with the handshake: held back until somebody listens.
  socket.on('open', () => {
    tell(101);
    socket.pause();
    resolve(socket);
  });
  // Stays for good: an error without a listener ends the process.
  socket.on('error', (error) => reject(unreachable(connection.server, error)));
  return promise.finally(() => signal.removeEventListener('abort', abort));
}

/** The address of the exec; every word of the command is a parameter of its own. */
export function execAddress(server: URL, { namespace, pod, container, argv }: Command): URL {
  const address = addressOf(server, ['api', 'v1', 'namespaces', namespace, 'pods', pod, 'exec'], {
    container,
    stdin: true,
    stdout: true,
    stderr: true,
    command: argv,
  });
  address.protocol = server.protocol === 'http:' ? 'ws:' : 'wss:';
  return address;
}

/** The error that a refusing response tells. */
export async function refusal(
  { connection: { server }, command, limit }: Wanted,
  response: IncomingMessage,
  signal: AbortSignal,
): Promise<ApiError> {
  const { socket } = response;
  const limited = AbortSignal.any([signal, AbortSignal.timeout(limit)]);
  limited.addEventListener('abort', () => response.destroy(), { once: true });
  const body = await beginningOf(response, limited).catch(() => '');
  signal.throwIfAborted();
  // The server ends such a connection without saying so; the next request must not go into it.
  socket.destroy();
  const where = `container ${command.container} of pod ${command.namespace}/${command.pod}`;
  const code = response.statusCode ?? 0;
  const error = refused({ server, doing: `run a command in ${where}`, namespace: command.namespace }, { code, body });
  return code === 500 && hasEnded(String(error.cause))
    ? new ApiError('gone', `The ${where} has ended`, { cause: error.cause, code })
    : error;
}
