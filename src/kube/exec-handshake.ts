/** The beginning of an exec: a WebSocket that is granted, or the reason why it is not. */
import type { IncomingMessage } from 'node:http';
import WebSocket from 'ws';
import type { Connection } from './config.ts';
import { ApiError, refused } from './errors.ts';
import { type Command, hasEnded } from './exec-verdict.ts';
import { addressOf, beginningOf, type Path, type Query, sending } from './http.ts';
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
export const open = ({ command, connection, limit }: Wanted, settings: RequestSettings, signal: AbortSignal) =>
  openSocket({ connection, limit, address: execAddress(connection.server, command), protocols }, settings, signal);

/** A WebSocket that is wanted of the API server. */
export interface WantedSocket extends Omit<Wanted, 'command'> {
  readonly address: URL;
  readonly protocols: readonly string[];
}

/** The open socket, paused, or the response that refuses it. */
export async function openSocket(
  { address, protocols, connection, limit }: WantedSocket,
  { agent, headers }: RequestSettings,
  signal: AbortSignal,
): Promise<WebSocket | IncomingMessage> {
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<WebSocket | IncomingMessage>();
  const began = performance.now();
  const options = { agent, headers, handshakeTimeout: limit, perMessageDeflate: false, maxPayload: longestFrame, followRedirects: false };
  const given = { ...options, until: signal };
  const socket = sending(connection.server, () => new WebSocket(address, [...protocols], given));
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
  const query = { container, stdin: true, stdout: true, stderr: true, command: argv };
  return webSocketAddress(server, ['api', 'v1', 'namespaces', namespace, 'pods', pod, 'exec'], query);
}

/** The address of a path for a WebSocket. */
export function webSocketAddress(server: URL, path: Path, query: Query): URL {
  const address = addressOf(server, path, query);
  address.protocol = server.protocol === 'http:' ? 'ws:' : 'wss:';
  return address;
}

/** The error that a response tells which refuses an exec. */
export async function refusal({ connection, command, limit }: Wanted, response: IncomingMessage, signal: AbortSignal): Promise<ApiError> {
  const where = `container ${command.container} of pod ${command.namespace}/${command.pod}`;
  const asked = { doing: `run a command in ${where}`, namespace: command.namespace };
  const error = await refusalOf(response, { connection, limit, ...asked }, signal);
  return error.code === 500 && hasEnded(String(error.cause))
    ? new ApiError('gone', `The ${where} has ended`, { cause: error.cause, code: error.code })
    : error;
}

/** The error that a response tells which refuses a WebSocket; `doing` fits after «cannot». */
export async function refusalOf(
  response: IncomingMessage,
  {
    connection: { server },
    limit,
    doing,
    namespace,
  }: { readonly connection: Connection; readonly limit: number; readonly doing: string; readonly namespace: string },
  signal: AbortSignal,
): Promise<ApiError> {
  const { socket } = response;
  const limited = AbortSignal.any([signal, AbortSignal.timeout(limit)]);
  limited.addEventListener('abort', () => response.destroy(), { once: true });
  const body = await beginningOf(response, limited).catch(() => '');
  signal.throwIfAborted();
  // The server ends such a connection without saying so; the next request must not go into it.
  socket.destroy();
  const error = refused({ server, doing, namespace }, { code: response.statusCode ?? 0, body });
  // A kubelet that has just started does not know its pods yet; the API server does, and the pod is watched.
  return error.code === 404 && /pod does not exist/.test(String(error.cause))
    ? new ApiError('failed', `Cannot ${doing}: its node does not know the pod yet`, { cause: error.cause, code: 503 })
    : error;
}
