/** The API server: TLS and HTTP, who asks, what goes wrong, and to which part a request is for. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { authorize, containerOf, type Ground, listed, perform, resourceOf } from './api.ts';
import { type Call, readCall } from './call.ts';
import type { Identity } from './certificate.ts';
import { aggregatedType, apiVersion, discovery } from './discovery.ts';
import type { Fault, Faults } from './faults.ts';
import type { Thing } from './objects.ts';
import { readReview } from './protobuf.ts';
import { failure, noSuchPage, Refusal, refuse, unauthorized } from './refusal.ts';
import { table } from './table.ts';
import { upgrader } from './upgrade.ts';
import { watch } from './watch.ts';
import { type Below, openWire } from './wire.ts';

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

const toRefusal = (error: unknown): Refusal =>
  error instanceof Refusal
    ? error
    : refuse(500, `Internal error occurred: ${error instanceof Error ? (error.stack ?? error.message) : error}`);

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

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly body: Buffer;
  readonly below: Below;
  readonly faults: readonly Fault[];
}

async function route(ground: Ground, call: Call, exchange: Exchange): Promise<void> {
  const { request, body } = exchange;
  const accept = request.headers.accept ?? '';
  if (call.resource === '') {
    const whole = accept.includes('g=apidiscovery.k8s.io') && /^\/apis?\/?$/.test(call.path);
    const found = discovery(call.path, whole);
    if (found === undefined) throw noSuchPage();
    return send(exchange, 200, found, whole ? aggregatedType : 'application/json');
  }
  const resource = resourceOf(call);
  const isTable = accept.includes('as=Table');
  if (call.verb === 'watch') {
    const show = (object: Thing) => (isTable ? table(call.resource, [object], call.query, object.metadata.resourceVersion) : object);
    return watch(ground.store, call, { namespaced: resource.namespaced, show }, linesOf(exchange));
  }
  if (call.verb === 'list') return list(ground, call, exchange, isTable);
  if (call.subresource === 'log' && call.verb === 'get') return logs(ground, call, exchange);
  if (['exec', 'attach', 'portforward'].includes(call.subresource ?? '')) throw refuse(400, 'Upgrade request required');
  if (call.subresource === 'log') throw refuse(405, 'the server does not allow this method on the requested resource', {});
  const type = request.headers['content-type'] ?? '';
  const { code, object } = perform(ground, call, parse(body, type), type);
  return send(exchange, code, isTable && call.verb === 'get' ? table(call.resource, [object as Thing], call.query) : object);
}

function parse(body: Buffer, type: string): unknown {
  if (body.length === 0) return undefined;
  if (type.startsWith('application/vnd.kubernetes.protobuf')) return readReview(body);
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    throw refuse(400, 'unexpected end of JSON input');
  }
}

async function send({ response, below, faults }: Exchange, code: number, object: object, type = 'application/json'): Promise<void> {
  response.writeHead(code, { 'Content-Type': type });
  const wire = openWire(below, faults);
  await wire.data(-1, Buffer.from(`${JSON.stringify(object)}\n`));
  if (!wire.isCut()) response.end();
}

function list(ground: Ground, call: Call, exchange: Exchange, isTable: boolean): Promise<void> {
  const items = listed(ground, call);
  const version = String(ground.store.version());
  const resource = resourceOf(call);
  const metadata = { resourceVersion: version };
  const { accept = '' } = exchange.request.headers;
  if (isTable) return send(exchange, 200, table(call.resource, items, call.query, version));
  if (accept.includes('as=PartialObjectMetadataList'))
    return send(exchange, 200, {
      kind: 'PartialObjectMetadataList',
      apiVersion: 'meta.k8s.io/v1',
      metadata,
      items: items.map(({ metadata }) => ({ metadata })),
    });
  return send(exchange, 200, { kind: `${resource.kind}List`, apiVersion: apiVersion(resource), metadata, items });
}

function linesOf({ response, below, faults }: Exchange) {
  const wire = openWire(below, faults);
  response.writeHead(200, { 'Content-Type': 'application/json', 'Transfer-Encoding': 'chunked' });
  response.flushHeaders();
  let last = Promise.resolve();
  const then = (next: () => Promise<void>) => {
    last = last.then(next);
  };
  return {
    write: (line: string) => then(() => wire.data(-1, Buffer.from(line))),
    end: () => then(async () => void (wire.isCut() || response.end())),
    onClose: (listener: () => void) => void response.once('close', listener),
  };
}

async function logs(ground: Ground, call: Call, exchange: Exchange): Promise<void> {
  const { pod, name, kept, status } = containerOf(ground, call);
  const { name: podName } = pod.metadata;
  if (call.query.get('previous') === 'true' && kept?.previous === undefined)
    throw refuse(400, `previous terminated container "${name}" in pod "${podName}" not found`);
  const waiting = status?.state.waiting;
  if (kept?.running === undefined && waiting !== undefined && waiting.reason !== 'CrashLoopBackOff')
    throw refuse(400, `container "${name}" in pod "${podName}" is waiting to start: ${waiting.reason}`);
  const log =
    call.query.get('previous') === 'true' ? kept?.previous : kept?.running === undefined ? (kept?.previous ?? kept?.log) : kept.log;
  const { response } = exchange;
  response.writeHead(200, { 'Content-Type': 'text/plain' });
  const wire = openWire(exchange.below, exchange.faults);
  let last = wire.data(-1, log?.text(call.query) ?? Buffer.alloc(0));
  if (call.query.get('follow') === 'true' && kept?.running !== undefined) {
    response.flushHeaders();
    const leave = log?.follow(({ bytes }) => {
      last = last.then(() => wire.data(-1, bytes));
    });
    await Promise.race([kept.ended, new Promise<void>((resolve) => response.once('close', resolve))]);
    leave?.();
  }
  await last;
  if (!wire.isCut()) response.end();
}
