/** The beginning of an exec: a WebSocket that is granted, or the reason why it is not. */
import type { IncomingMessage } from 'node:http';
import WebSocket from 'ws';
import type { Connection } from './config.ts';
import { ApiError, refused } from './errors.ts';
import { type Command, hasEnded } from './exec-verdict.ts';
import { addressOf, bodyOf } from './http.ts';
import { unreachable } from './network.ts';
import { rememberWire } from './pulse.ts';
import type { RequestSettings } from './settings.ts';

// v5 is of Kubernetes 1.29; it ends in the API server. v4 is passed on to the runtime.
const protocols = ['v5.channel.k8s.io', 'v4.channel.k8s.io'];

// Servers send 32 KiB at a time.
const longestFrame = 4 * 1024 * 1024;
const longestRefusal = 64 * 1024;

/** A command that is to be run over a connection. */
export interface Wanted {
  readonly connection: Connection;
  readonly command: Command;
  /** Milliseconds for the handshake. */
  readonly limit: number;
}

/** The open socket, or the response that refuses it. */
export function open(
  { command, connection, limit }: Wanted,
  { agent, headers }: RequestSettings,
  signal: AbortSignal,
): Promise<WebSocket | IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<WebSocket | IncomingMessage>();
  const socket = new WebSocket(execAddress(connection.server, command), protocols, {
    agent,
    headers,
    handshakeTimeout: limit,
    perMessageDeflate: false,
    maxPayload: longestFrame,
    followRedirects: false,
  });
  const abort = () => {
    reject(signal.reason);
    socket.terminate();
  };
  rememberWire(socket);
  signal.addEventListener('abort', abort, { once: true });
  socket.on('unexpected-response', (_, response) => resolve(response));
  // The first frames may come with the handshake: held back until somebody listens.
  socket.on('open', () => {
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
  // Half a body is better than none: the status line alone already tells most.
  const body = await bodyOf(server, response, limited, longestRefusal).catch(() => '');
  signal.throwIfAborted();
  // The server ends such a connection without saying so; the next request must not go into it.
  socket.destroy();
  const where = `container ${command.container} of pod ${command.namespace}/${command.pod}`;
  const code = response.statusCode ?? 0;
  const error = refused({ server, doing: `run a command in ${where}`, namespace: command.namespace }, { code, body });
  // A kubelet that has just started does not know its pods yet; the API server does, and the pod is watched.
  if (code === 404 && /pod does not exist/.test(String(error.cause)))
    return new ApiError('failed', `The node of pod ${command.namespace}/${command.pod} does not know it yet`, {
      cause: error.cause,
      code: 503,
    });
  return code === 500 && hasEnded(String(error.cause))
    ? new ApiError('gone', `The ${where} has ended`, { cause: error.cause, code })
    : error;
}
