/**
 * A connection to a port of a pod, over one WebSocket: two channels, of data and of what went wrong, each opened by a frame with the port's number
 * (https://github.com/kubernetes/kubernetes/blob/master/staging/src/k8s.io/kubelet/pkg/cri/streaming/portforward/websocket.go).
 * The runtime dials localhost inside the pod's network. When one direction ends it gives the other a second: nothing is ever half closed here.
 */
import { Duplex } from 'node:stream';
import WebSocket from 'ws';
import { NothingListens, PortFailed } from '../cluster.ts';
import { KprofError } from '../errors.ts';
import type { Connection } from './config.ts';
import { openSocket, refusalOf, webSocketAddress } from './exec-handshake.ts';
import { type LineTiming, lineTiming, watchPulse } from './pulse.ts';
import { untilAborted } from './until-aborted.ts';

/** Where to: a port of a pod. */
export interface Door {
  readonly namespace: string;
  readonly pod: string;
  readonly port: number;
}

const channels = { data: 0, error: 1 } as const;
// Kubelets know no later one for ports.
const protocols = ['v4.channel.k8s.io'];
const portBytes = 2;

/** Connects; what goes wrong later is an `error` of the stream, and `signal` destroys it. */
export async function forward(connection: Connection, door: Door, signal: AbortSignal, timing = lineTiming): Promise<Duplex> {
  const { namespace, pod, port } = door;
  const limit = timing.handshake;
  const address = webSocketAddress(connection.server, ['api', 'v1', 'namespaces', namespace, 'pods', pod, 'portforward'], { ports: port });
  const asked = { connection, limit, doing: `forward a port of pod ${namespace}/${pod}`, namespace };
  let settings = await untilAborted(connection.settings(), signal);
  for (let attempt = 1; ; attempt++) {
    const socket = await openSocket({ connection, limit, address, protocols }, settings, signal);
    if (socket instanceof WebSocket) return streamOf(socket, door, signal, timing);
    const error = await refusalOf(socket, asked, signal);
    if (error.code !== 401 || attempt > 1 || !connection.refresh(settings)) throw error;
    settings = await untilAborted(connection.settings(), signal);
  }
}

function streamOf(socket: WebSocket, door: Door, signal: AbortSignal, timing: LineTiming): Duplex {
  const stream: Duplex = new Duplex({
    // The end of what we send is told by nobody: the other side would take it for the end of all.
    allowHalfOpen: true,
    read: () => socket.resume(),
    write: (bytes: Buffer, _, done) =>
      socket.send(Buffer.concat([Buffer.of(channels.data), bytes]), (error) => done(error ? reset(error.message) : null)),
    destroy(error, done) {
      pulse.stop();
      signal.removeEventListener('abort', abort);
      socket.terminate();
      done(error);
    },
  });
  const abort = () => stream.destroy(signal.reason);
  const lost = (cause: unknown) =>
    new KprofError('failed', `The connection to port ${door.port} of ${door.namespace}/${door.pod} was lost`, { cause });
  const pulse = watchPulse(socket, timing, () => stream.destroy(lost(`it was silent for ${timing.silence / 1000}s`)));
  const begun = new Set<number>();
  socket.on('message', (data) => {
    const frame = data as Buffer;
    const [channel = -1, bytes] = [frame[0], frame.subarray(1)];
    const rest = begun.has(channel) ? bytes : bytes.subarray(portBytes);
    begun.add(channel);
    if (rest.length === 0 || stream.destroyed) return;
    if (channel === channels.error) stream.destroy(explain(rest.toString('utf8'), door));
    else if (channel === channels.data && !stream.push(rest)) socket.pause();
  });
  socket.on('error', (error) => stream.destroy(lost(error)));
  socket.on('close', () => {
    pulse.stop();
    if (!stream.destroyed) stream.push(null);
  });
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  else socket.resume();
  return stream;
}

/** As Node says it of a socket of its own. */
const reset = (said: string): NodeJS.ErrnoException => Object.assign(new Error(said), { code: 'ECONNRESET' });

/** What the runtime says of a port that it could not dial; the words differ between runtimes, the kernel's don't. */
export function explain(said: string, { namespace, pod, port }: Door): Error {
  const where = `port ${port} of pod ${namespace}/${pod}`;
  const cause = said.trim().slice(0, 500);
  if (/connection refused/i.test(said)) return new NothingListens('failed', `Nothing listens on ${where}`, { cause });
  if (/reset by peer|ECONNRESET|broken pipe/i.test(said)) return reset(cause);
  if (/not found|CONTAINER_EXITED|not running|no such file/i.test(said))
    return new KprofError('gone', `The pod ${namespace}/${pod} takes no connections any more`, { cause });
  return new PortFailed('failed', `The connection to ${where} failed`, { cause });
}
