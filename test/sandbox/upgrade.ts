/** Streams: exec, attach and port-forward, from the handshake on. */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type WebSocket from 'ws';
import { WebSocketServer } from 'ws';
import { containerOf, type Ground, named, resourceOf } from './api.ts';
import type { Call } from './call.ts';
import { attach, exec, type Stream } from './channels.ts';
import type { Fault } from './faults.ts';
import type { Pod } from './objects.ts';
import { forward } from './port-forward.ts';
import { forbidden, notAllowed, Refusal, refuse } from './refusal.ts';
import { tunnel } from './spdy.ts';
import { type Below, openWire } from './wire.ts';

/** A request that wants to become a WebSocket. */
export interface Upgrade {
  readonly request: IncomingMessage;
  readonly head: Buffer;
  readonly socket: Socket;
  readonly tcp: Socket;
  readonly faults: readonly Fault[];
  readonly happen: Below['happen'];
}

const spoken: Readonly<Record<string, readonly string[]>> = {
  exec: ['v5.channel.k8s.io', 'v4.channel.k8s.io'],
  attach: ['v5.channel.k8s.io', 'v4.channel.k8s.io'],
  portforward: ['SPDY/3.1+portforward.k8s.io', 'v4.channel.k8s.io'],
};
const tunnelled = 'SPDY/3.1+portforward.k8s.io';

/** Takes upgrades: throws a Refusal before the handshake, else serves the stream. */
export function upgrader(ground: Ground): (call: Call, upgrade: Upgrade) => Promise<void> {
  return async (call, upgrade) => {
    const serve = prepare(ground, call);
    const offered = (upgrade.request.headers['sec-websocket-protocol'] ?? '').split(',').map((each) => each.trim());
    const protocol = spoken[call.subresource ?? '']?.find((each) => offered.includes(each));
    // As golang.org/x/net/websocket refuses: without a word.
    if (protocol === undefined) throw new Refusal(403, '');
    const server = new WebSocketServer({ noServer: true, perMessageDeflate: false });
    // The tunnel's name is no token, which `ws` would refuse: what is agreed is written here.
    delete upgrade.request.headers['sec-websocket-protocol'];
    server.on('headers', (headers) => void headers.push(`Sec-WebSocket-Protocol: ${protocol}`));
    server.handleUpgrade(upgrade.request, upgrade.socket, upgrade.head, (socket) => {
      socket.on('error', () => undefined);
      const below: Below = { ...upgrade, send: (channel, bytes) => sendFrame(socket, channel, bytes) };
      void serve({ socket, protocol, query: call.query, wire: openWire(below, upgrade.faults), faults: upgrade.faults });
    });
  };
}

/** Resolves when the frame has left; −1 is no channel. */
const sendFrame = (socket: WebSocket, channel: number, bytes: Buffer): Promise<void> =>
  new Promise((resolve) => socket.send(channel === -1 ? bytes : Buffer.concat([Buffer.of(channel), bytes]), () => resolve()));

type Serve = (stream: Stream) => Promise<void> | void;

function prepare(ground: Ground, call: Call): Serve {
  resourceOf(call);
  if (call.verb !== 'get' && call.verb !== 'create') throw notAllowed();
  // Since 1.35 a WebSocket takes both rights; the sentence of the second ends after the colon.
  if (!ground.allows({ ...call, verb: 'create' })) throw forbidden(call.resource, call.name, '');
  if (call.subresource === 'portforward') return prepareForward(ground, call);
  if (call.subresource !== 'exec' && call.subresource !== 'attach') throw notAllowed();
  const { name, kept } = containerOf(ground, call);
  if (!['stdin', 'stdout', 'stderr'].some((stream) => call.query.get(stream) === 'true'))
    throw new Refusal(400, 'you must specify at least 1 of stdin, stdout, stderr');
  const running = kept?.running;
  if (kept === undefined || running === undefined) throw new Refusal(500, `container not found ("${name}")`);
  return (stream) => (call.subresource === 'exec' ? exec(stream, running) : attach(stream, kept));
}

function prepareForward(ground: Ground, call: Call): Serve {
  const pod = named(ground, call) as Pod;
  const ports = call.query.getAll('ports').flatMap((text) => text.split(',').map(Number));
  if (ports.some((port) => !Number.isInteger(port) || port < 1 || port > 65535))
    throw refuse(400, `invalid port in query "${call.query.getAll('ports')}"`);
  return ({ socket, wire, protocol }) => (protocol === tunnelled ? tunnel(socket, wire, pod) : forward(socket, wire, pod, ports));
}
