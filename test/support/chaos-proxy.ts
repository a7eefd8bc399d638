/** A TCP proxy on loopback that does what networks do, when a test says so. */
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** How lines are from now on; what is left out stays as it is. */
export interface Weather {
  /** Milliseconds that all bytes take longer, in each direction. */
  readonly latency?: number;
  /** Of each line, in each direction. */
  readonly bytesPerSecond?: number;
  /** Milliseconds without a byte after which a new line is cut, as load balancers do it; 0 for never. */
  readonly idle?: number;
}

/** A running proxy. */
export interface ChaosProxy {
  readonly port: number;
  /** Bytes that came from the server, over all lines. */
  received(): number;
  /** Lines that were opened so far. */
  opened(): number;
  set(weather: Weather): void;
  /** From now on no byte passes, in either direction, and nobody is told; `once`: on the lines that there are. */
  silence(how?: 'once'): void;
  /** Cuts all lines when so many more bytes have come from the server, and from then on each line at once; not so with `once`. */
  cutAfter(bytes: number, how?: 'once', by?: 'rst' | 'fin'): void;
  /** Ends the direction to the client, of the lines that there are; what the client says still passes. */
  halfClose(): void;
  /** For so long nobody listens: who connects is refused. */
  refuse(milliseconds: number): Promise<void>;
  /** Ends what `set`, `silence` and `cutAfter` said; lines that are silent stay so. */
  calm(): void;
  close(): void;
}

const fair: Required<Weather> = { latency: 0, bytesPerSecond: Number.POSITIVE_INFINITY, idle: 0 };

/** Bytes that may wait for their time, in each direction of a line. */
const mostWaiting = 1024 * 1024;

interface Line {
  readonly near: Socket;
  readonly far: Socket;
}

/** What the directions of all lines look at. */
interface Sky {
  weather: Required<Weather>;
  readonly lines: Set<Line>;
  /** Sockets from which nothing is passed on. */
  readonly silent: Set<Socket>;
  allSilent: boolean;
  received: number;
  opened: number;
  /** What is to be cut, and when. */
  due: { readonly at: number; readonly once: boolean; readonly by: 'rst' | 'fin' } | undefined;
}

function cut({ lines, silent }: Sky, by: 'rst' | 'fin'): void {
  for (const { near, far } of lines)
    for (const socket of [near, far]) {
      silent.add(socket);
      if (by === 'rst') socket.resetAndDestroy();
      else socket.end();
    }
  lines.clear();
}

/** Counts what came from the server; true when that was too much. */
function count(sky: Sky, bytes: number): boolean {
  sky.received += bytes;
  const { due } = sky;
  if (due === undefined || sky.received < due.at) return false;
  if (due.once) sky.due = undefined;
  cut(sky, due.by);
  return true;
}

/** One direction of a line: in order, each piece when its time has come. */
function pass(sky: Sky, from: Socket, to: Socket, fromServer: boolean): void {
  let [waiting, free] = [0, 0];
  let last: Promise<void> = Promise.resolve();
  const later = (length: number, act: () => void) => {
    const { bytesPerSecond, latency } = sky.weather;
    free = Math.max(free, performance.now()) + (length / bytesPerSecond) * 1000;
    const due = free + latency;
    waiting += length;
    if (waiting > mostWaiting) from.pause();
    last = last.then(async () => {
      if (due - performance.now() >= 1) await sleep(due - performance.now());
      waiting -= length;
      if (waiting <= mostWaiting && !to.writableNeedDrain) from.resume();
      if (!sky.allSilent && !sky.silent.has(from) && !to.destroyed) act();
    });
  };
  from.on('data', (bytes: Buffer) => {
    if (fromServer && count(sky, bytes.length)) return;
    const piece = Math.max(1, Math.min(bytes.length, Math.floor(sky.weather.bytesPerSecond / 20)));
    for (let at = 0; at < bytes.length; at += piece) {
      const part = bytes.subarray(at, at + piece);
      later(part.length, () => void (to.write(part) || from.pause()));
    }
  });
  to.on('drain', () => waiting <= mostWaiting && from.resume());
  from.on('end', () => later(0, () => to.end()));
  from.on('error', () => to.destroy());
}

function open(sky: Sky, near: Socket, far: Socket): void {
  const line = { near, far };
  sky.opened++;
  sky.lines.add(line);
  pass(sky, far, near, true);
  pass(sky, near, far, false);
  // Traffic in either direction touches it.
  if (sky.weather.idle > 0) near.setTimeout(sky.weather.idle, () => [near, far].map((socket) => socket.resetAndDestroy()));
  const gone = () => {
    if (!near.destroyed || !far.destroyed) return;
    sky.lines.delete(line);
    for (const socket of [near, far]) sky.silent.delete(socket);
  };
  near.once('close', gone);
  far.once('close', gone);
}

/** Starts a proxy in front of `host:port`. */
export async function chaosProxy(host: string, port: number): Promise<ChaosProxy> {
  const sky: Sky = { weather: fair, lines: new Set(), silent: new Set(), allSilent: false, received: 0, opened: 0, due: undefined };
  let closed = false;
  const listen = async (at: number): Promise<Server> => {
    // What is half closed stays so: it is for the test to say.
    const server = createServer({ allowHalfOpen: true }, (near) => open(sky, near, connect({ host, port, allowHalfOpen: true })));
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(at, '127.0.0.1', resolve));
    return server;
  };
  let server = await listen(0);
  const own = (server.address() as { readonly port: number }).port;
  return {
    port: own,
    received: () => sky.received,
    opened: () => sky.opened,
    set: (weather) => {
      sky.weather = { ...sky.weather, ...weather };
    },
    silence: (how) => {
      if (how === undefined) sky.allSilent = true;
      else for (const { near, far } of sky.lines) sky.silent.add(near).add(far);
    },
    cutAfter: (bytes, how, by = 'rst') => {
      sky.due = { at: sky.received + bytes, once: how === 'once', by };
      // Nothing more may come.
      if (bytes === 0) count(sky, 0);
    },
    halfClose: () => {
      for (const { near, far } of sky.lines) {
        sky.silent.add(far);
        near.end();
      }
    },
    async refuse(milliseconds) {
      server.close();
      await sleep(milliseconds);
      if (!closed) server = await listen(own);
    },
    calm: () => {
      [sky.weather, sky.allSilent, sky.due] = [fair, false, undefined];
    },
    close: () => {
      closed = true;
      for (const { near, far } of sky.lines) {
        near.destroy();
        far.destroy();
      }
      server.close();
    },
  };
}
