/** A small HTTP server that answers as an API server would. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { type Api, openApi } from '../../src/kube/api.ts';
import type { Connection } from '../../src/kube/config.ts';
import { connectionTo } from './exec-server.ts';

/** A request as the server saw it. */
export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** A running server, an API on it, and what it was asked. */
export interface ApiServer extends AsyncDisposable {
  readonly api: Api;
  readonly seen: readonly Seen[];
}

/** How the server answers the n-th request, counted from 1. */
export type Answer = (response: ServerResponse, request: Seen, count: number) => void;

/** Answers with JSON. */
export function json(response: ServerResponse, body: unknown, code = 200, headers: Readonly<Record<string, string>> = {}): void {
  response.writeHead(code, { 'Content-Type': 'application/json', ...headers }).end(JSON.stringify(body));
}

/** Answers with a Status. */
export const status = (
  response: ServerResponse,
  code: number,
  message = '',
  more: object = {},
  headers: Readonly<Record<string, string>> = {},
): void => json(response, { kind: 'Status', status: 'Failure', code, message, ...more }, code, headers);

/** Starts it on a free port. */
export async function apiServer(answer: Answer, more: Partial<Connection> = {}): Promise<ApiServer> {
  const seen: Seen[] = [];
  const sockets = new Set<Socket>();
  const http = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const { method = '', url = '', headers } = request;
    seen.push({ method, url, headers, body });
    answer(response, seen.at(-1) as Seen, seen.length);
  });
  http.on('connection', (socket: Socket) => void sockets.add(socket));
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const close = () =>
    new Promise<void>((resolve) => {
      for (const socket of sockets) socket.destroy();
      http.close(() => resolve());
    });
  return { api: openApi(connectionTo(http, more)), seen, [Symbol.asyncDispose]: close };
}
