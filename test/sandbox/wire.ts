/** The way of a stream's bytes to the client, with the faults that are told for it. */
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Fault, random } from './faults.ts';

/** How the bytes leave, and how the connection below can end. */
export interface Below {
  send(channel: number, bytes: Buffer): Promise<void>;
  readonly socket: Socket;
  /** The TCP connection under TLS: the one that can be reset. */
  readonly tcp: Socket;
  happen(what: Extract<Fault, { fault: 'happen' }>['what']): void;
}

export interface Wire {
  /** Data, in pieces of 32 KiB as API servers send it; resolves when there is room for more. */
  data(channel: number, bytes: Buffer): Promise<void>;
  /** What belongs to the protocol alone: it counts as nothing, and is lost with the line. */
  control(channel: number, bytes: Buffer): Promise<void>;
  readonly isCut: () => boolean;
}

const longest = 32 * 1024;

/** The wire for one stream. */
export function openWire(below: Below, faults: readonly Fault[]): Wire {
  let [sent, cut] = [0, false];
  const came = new Map<number, number>();
  const happened = new Set<Fault>();
  const flips = faults.flatMap((fault) => (fault.fault === 'flip' ? [flipper(fault)] : []));
  const pace = faults.find((fault) => fault.fault === 'pace');

  const isSlow = () => pace !== undefined && sent >= (pace.from ?? 0);
  /** How many bytes may leave at once. */
  function most(): number {
    if (pace === undefined) return longest;
    return isSlow() ? Math.max(1, Math.floor(pace.bytesPerSecond / 20)) : Math.min(longest, (pace.from ?? 0) - sent);
  }
  /** How many more bytes until the next fault that has its place. */
  const room = () =>
    Math.min(most(), ...faults.flatMap((fault) => ('after' in fault && !happened.has(fault) ? [Math.max(0, fault.after - sent)] : [])));

  function reach(): void {
    for (const fault of faults) {
      if (!('after' in fault) || happened.has(fault) || sent < fault.after) continue;
      happened.add(fault);
      if (fault.fault === 'happen') below.happen(fault.what);
      else {
        cut = true;
        end(below, fault.how);
      }
    }
  }

  function lose(channel: number, bytes: Buffer): Buffer {
    const start = came.get(channel) ?? 0;
    came.set(channel, start + bytes.length);
    return faults.reduce((left, fault) => {
      if (fault.fault !== 'lose' || (fault.channel ?? 1) !== channel) return left;
      const from = Math.min(Math.max(0, fault.from - start), left.length);
      const to = Math.min(Math.max(0, fault.from + fault.bytes - start), left.length);
      return Buffer.concat([left.subarray(0, from), left.subarray(to)]);
    }, bytes);
  }

  async function data(channel: number, whole: Buffer): Promise<void> {
    let left = lose(channel, whole);
    reach();
    // Who has left is not waited for.
    while (left.length > 0 && !cut && !below.socket.destroyed) {
      const slow = isSlow();
      const piece = left.subarray(0, Math.max(1, room()));
      left = left.subarray(piece.length);
      sent += piece.length;
      await below.send(
        channel,
        flips.reduce((bytes, flip) => flip(channel, bytes), piece),
      );
      if (slow && pace !== undefined) await sleep((piece.length / pace.bytesPerSecond) * 1000);
      reach();
    }
  }
  const control = async (channel: number, bytes: Buffer) => {
    reach();
    if (!cut) await below.send(channel, bytes);
  };
  return { data, control, isCut: () => cut };
}

/** Flips bits by their place in the stream, or in one channel of it, however it is cut into pieces. */
function flipper({ every, seed, channel: only }: Extract<Fault, { fault: 'flip' }>): (channel: number, bytes: Buffer) => Buffer {
  const next = random(seed);
  const gap = () => 1 + Math.floor(next() * 2 * every);
  let [at, place] = [0, gap()];
  return (channel, bytes) => {
    if (only !== undefined && only !== channel) return bytes;
    const flipped = Buffer.from(bytes);
    for (; place < at + bytes.length; place += gap()) flipped[place - at] = (flipped[place - at] ?? 0) ^ (1 << Math.floor(next() * 8));
    at += bytes.length;
    return flipped;
  };
}

/** Ends a connection as networks do. */
export function end({ socket, tcp }: Pick<Below, 'socket' | 'tcp'>, how: 'rst' | 'fin' | 'silence'): void {
  if (how === 'rst') tcp.resetAndDestroy();
  else if (how === 'fin') socket.end(() => tcp.end());
  else {
    // Nothing is written any more, nothing read, and nobody is told.
    socket.cork();
    socket.pause();
  }
}
