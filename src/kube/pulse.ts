/** Whether a WebSocket is alive: a dropped line, a laptop asleep and a dead proxy look like silence. */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type WebSocket from 'ws';

/** The periods of a line to a pod, in milliseconds. */
export interface LineTiming {
  readonly handshake: number;
  readonly ping: number;
  /** After so long without a byte the line is dead. */
  readonly silence: number;
}

/** Of every line. The pod takes us for gone 30 s after our last word, and undoes the capture 20 s later: before that, it has to be noticed and replaced. */
export const lineTiming: LineTiming = { handshake: 10_000, ping: 5000, silence: 25_000 };

/** Pings; after `silence` without a single byte, `died` is called once. */
export function watchPulse(socket: WebSocket, { ping, silence }: Pick<LineTiming, 'ping' | 'silence'>, died: () => void): { stop(): void } {
  const wire = wires.get(socket);
  wire?.setKeepAlive(true, 30_000);
  let seen = 0;
  let missed = 0;
  const timer = setInterval(() => {
    const bytes = wire?.bytesRead ?? 0;
    // While we read nothing ourselves, silence says nothing. Beats are counted, not time: a laptop's sleep is none of them.
    missed = bytes !== seen || socket.isPaused ? 0 : missed + 1;
    seen = bytes;
    if (missed * ping >= silence) died();
    else if (socket.readyState === socket.OPEN) socket.ping();
  }, ping);
  return { stop: () => clearInterval(timer) };
}

const wires = new WeakMap<WebSocket, Socket>();

/** Keeps the TCP socket below a WebSocket, whose counter of bytes moves with each part of a frame. */
export function rememberWire(socket: WebSocket): void {
  socket.once('upgrade', (response: IncomingMessage) => wires.set(socket, response.socket));
}
