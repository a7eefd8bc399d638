/** A small WebSocket server that forwards ports as a kubelet does: two channels, each with the port's number first. */
import { connect } from 'node:net';
import type { Target } from '../../src/cluster.ts';
import { forward } from '../../src/kube/forward.ts';
import { type ExecServer, execServer, type Session } from './exec-server.ts';

/** What a server and a target on it look like to a test. */
export interface ForwardServer extends AsyncDisposable {
  readonly server: ExecServer;
  readonly target: Target;
  readonly gone: AbortController;
}

const portOf = ({ request }: Session): number => Number(new URL(request.url ?? '', 'http://x').searchParams.get('ports'));

/** Opens both channels. */
export function begin(session: Session): number {
  const port = portOf(session);
  const bytes = Buffer.from([port & 255, port >> 8]);
  session.frame(0, bytes);
  session.frame(1, bytes);
  return port;
}

/** Dials the port on this machine, as the runtime does in the pod's network. */
export function dial(session: Session): void {
  const port = begin(session);
  const socket = connect({ port, host: '127.0.0.1' });
  socket.on('data', (bytes) => session.frame(0, bytes));
  socket.on('error', ({ code }: NodeJS.ErrnoException) => {
    // Of what comes later the runtime only closes.
    if (code === 'ECONNREFUSED')
      session.frame(1, `error forwarding port ${port} to pod x: dial tcp4 127.0.0.1:${port}: connect: connection refused`);
  });
  socket.on('close', () => session.socket.close(1000));
  session.socket.on('message', (data) => (data as Buffer)[0] === 0 && socket.write((data as Buffer).subarray(1)));
  session.socket.on('close', () => socket.destroy());
}

/** Starts one. */
export async function forwardServer(session: (session: Session) => void = dial): Promise<ForwardServer> {
  const server = await execServer({ session, protocols: ['v4.channel.k8s.io'] });
  const gone = new AbortController();
  const door = { namespace: 'shop', pod: 'api' };
  const target = {
    ...door,
    container: 'app',
    gone: gone.signal,
    ports: [],
    forward: (port: number, signal: AbortSignal) => forward(server.connection, { ...door, port }, signal),
  } as unknown as Target;
  return { server, target, gone, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}
