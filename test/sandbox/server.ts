/** The API server: TLS and HTTP, who asks, what goes wrong, and to which part a request is for. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { authorize, type Ground } from './api.ts';
import { type Call, readCall } from './call.ts';
import type { Identity } from './certificate.ts';
import type { Fault, Faults } from './faults.ts';
import { failure, Refusal, refuse, unauthorized } from './refusal.ts';
import { route } from './routes.ts';
import { upgrader } from './upgrade.ts';
import type { Below } from './wire.ts';

/** What the server needs around it. */
export interface Behind {
  readonly ground: Ground;
  readonly identity: Identity;
  /** Users by their tokens. */
  readonly users: Readonly<Record<string, string>>;
  readonly faults: Faults;
  readonly happen: (what: Extract<Fault, { fault: 'happen' }>['what'], call: Call) => void;
}

/** A running server. */
export interface Running {
  readonly port: number;
  close(): Promise<void>;
}

/** Starts it on a free port of 127.0.0.1. */
export async function startServer(behind: Behind): Promise<Running> {
  const connections = new Map<number, Socket>();
  const server = createServer({ ...behind.identity, keepAliveTimeout: 60_000 });
  server.on('connection', (tcp: Socket) => {
    const { remotePort = 0 } = tcp;
    connections.set(remotePort, tcp);
    tcp.on('error', () => undefined);
    tcp.once('close', () => connections.delete(remotePort));
  });
  const tcpOf = (socket: Socket): Socket => connections.get(socket.remotePort ?? 0) ?? socket;
  server.on('tlsClientError', () => undefined);
  server.on('request', (request, response) => void answer(behind, request, response, tcpOf));
  const upgrade = upgrader(behind.ground);
  server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    socket.on('error', () => undefined);
    const below = { socket, tcp: tcpOf(socket) };
    admitted(behind, request)
      .then(async ({ call, faults }) => {
        await refuseAsTold(faults);
        await upgrade(call, { request, head, ...below, faults, happen: (what) => behind.happen(what, call) });
      })
      .catch((error: unknown) => void refuseUpgrade(socket, toRefusal(error)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as AddressInfo).port, close: () => close(server, connections) };
}

function close(server: Server, connections: ReadonlyMap<number, Socket>): Promise<void> {
  for (const tcp of connections.values()) tcp.destroy();
  return new Promise((resolve) => server.close(() => resolve()));
}

/** Who asks for what, if that is allowed. */
async function admitted(
  { ground, users, faults }: Behind,
  request: IncomingMessage,
): Promise<{ readonly call: Call; readonly faults: readonly Fault[] }> {
  const { authorization, 'impersonate-user': other } = request.headers;
  const token = authorization?.replace(/^Bearer\s+/i, '');
  const user = token === undefined ? 'system:anonymous' : users[token];
  const call = readCall(request, typeof other === 'string' ? other : (user ?? ''));
  const told = faults.of(call);
  for (const fault of told) if (fault.fault === 'delay') await sleep(fault.milliseconds);
  // What is told to go wrong comes before what is right.
  await refuseAsTold(told);
  if (user === undefined) throw unauthorized();
  authorize(ground, call);
  return { call, faults: told };
}

async function refuseAsTold(faults: readonly Fault[]): Promise<void> {
  for (const fault of faults) {
    if (fault.fault === 'page') throw new Refusal(fault.code, fault.html, { 'Content-Type': 'text/html' });
    if (fault.fault !== 'refuse') continue;
    const { code, retryAfter } = fault;
    const details = retryAfter === undefined ? undefined : { retryAfterSeconds: retryAfter };
    throw new Refusal(
      code,
      failure(code, fault.message ?? usualMessage(code), details),
      retryAfter === undefined ? {} : { 'Retry-After': String(retryAfter) },
    );
  }
}

const usualMessage = (code: number): string =>
  ({
    401: 'Unauthorized',
    409: 'Operation cannot be fulfilled on pods "": the object has been modified; please apply your changes to the latest version and try again',
    429: 'The apiserver is overloaded, please try again later.',
    500: 'Internal error occurred: etcdserver: request timed out',
    503: 'apiserver is shutting down.',
  })[code] ?? `told to answer ${code}`;

function toRefusal(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  // Where it happened is for who mends the sandbox, not for its clients.
  process.stderr.write(`sandbox: ${error instanceof Error ? error.stack : error}\n`);
  return refuse(500, `Internal error occurred: ${error instanceof Error ? error.message : error}`);
}

function textOf({ body, headers }: Refusal): { readonly text: string; readonly headers: Readonly<Record<string, string>> } {
  const isText = typeof body === 'string';
  return {
    text: isText ? body : JSON.stringify(body),
    headers: { 'Content-Type': isText ? 'text/plain; charset=utf-8' : 'application/json', ...headers },
  };
}

function refuseUpgrade(socket: Socket, refusal: Refusal): void {
  const { text, headers } = textOf(refusal);
  const lines = Object.entries({ ...headers, 'Content-Length': String(Buffer.byteLength(text)) }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  socket.end(`HTTP/1.1 ${refusal.code} No\r\n${lines.join('')}\r\n${text}`);
}

async function answer(
  behind: Behind,
  request: IncomingMessage,
  response: ServerResponse,
  tcpOf: (socket: Socket) => Socket,
): Promise<void> {
  response.on('error', () => undefined); // Something happened to an object in the moment in which its watch ended.
  try {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const { call, faults } = await admitted(behind, request);
    const below: Below = {
      socket: request.socket,
      tcp: tcpOf(request.socket),
      send: (_, bytes) => new Promise((resolve) => response.write(bytes, () => resolve())),
      happen: (what) => behind.happen(what, call),
    };
    await route(behind.ground, call, { request, response, body, below, faults });
  } catch (error) {
    const refusal = toRefusal(error);
    const { text, headers } = textOf(refusal);
    if (!response.headersSent) response.writeHead(refusal.code, headers);
    response.end(text);
  }
}
