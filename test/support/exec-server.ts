/** A small WebSocket server that speaks the exec protocol, and plays what is told. */
import { Agent, createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type WebSocket from 'ws';
import { WebSocketServer } from 'ws';
import type { Connection } from '../../src/kube/config.ts';

/** One exec, seen from the server. */
export interface Session {
  readonly socket: WebSocket;
  readonly request: IncomingMessage;
  readonly wire: Socket;
  frame(channel: number, bytes: string | Uint8Array): void;
  verdict(status: object): void;
  /** Verdict and close, as servers end. */
  end(status?: object): void;
}

/** What a test tells the server to do. */
export interface Play {
  readonly session?: (session: Session) => void;
  /** Refuses the handshake; undefined accepts it. */
  readonly refuse?: (request: IncomingMessage) => { code: number; body: string } | undefined;
  readonly protocols?: readonly string[];
  readonly autoPong?: boolean;
}

/** A running server, with a connection to it. */
export interface ExecServer extends AsyncDisposable {
  readonly connection: Connection;
  readonly sockets: ReadonlySet<Socket>;
}

/** The server's verdicts. */
export const success = { metadata: {}, status: 'Success' };
export const exited = (code: number) => ({
  status: 'Failure',
  reason: 'NonZeroExitCode',
  message: `command terminated with non-zero exit code: exit status ${code}`,
  details: { causes: [{ reason: 'ExitCode', message: String(code) }] },
});

/** Starts it on a free port. */
export async function execServer(play: Play): Promise<ExecServer> {
  const protocols = play.protocols ?? ['v5.channel.k8s.io', 'v4.channel.k8s.io'];
  const http = createServer();
  const sockets = new Set<Socket>();
  http.on('connection', (socket: Socket) => void sockets.add(socket));
  const webSockets = new WebSocketServer({
    noServer: true,
    autoPong: play.autoPong ?? true,
    handleProtocols: (offered) => protocols.find((protocol) => offered.has(protocol)) ?? false,
  });
  http.on('upgrade', (request, wire: Socket, head) => {
    const refusal = play.refuse?.(request);
    if (refusal !== undefined)
      return wire.end(
        `HTTP/1.1 ${refusal.code} No\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(refusal.body)}\r\n\r\n${refusal.body}`,
      );
    webSockets.handleUpgrade(request, wire, head, (socket) => play.session?.(sessionOf(socket, request, wire)));
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  return { connection: connectionTo(http), sockets, [Symbol.asyncDispose]: () => close(http, sockets) };
}

function sessionOf(socket: WebSocket, request: IncomingMessage, wire: Socket): Session {
  const frame = (channel: number, bytes: string | Uint8Array) =>
    socket.send(Buffer.concat([Buffer.of(channel), Buffer.from(bytes as string)]));
  const verdict = (status: object) => frame(3, JSON.stringify(status));
  const end = (status: object = success) => {
    verdict(status);
    socket.close(1000);
  };
  return { socket, request, wire, frame, verdict, end };
}

function close(http: Server, sockets: ReadonlySet<Socket>): Promise<void> {
  for (const socket of sockets) socket.destroy();
  return new Promise((resolve) => http.close(() => resolve()));
}

/** A plain connection to a server of a test. */
export function connectionTo(http: Server, more: Partial<Connection> = {}): Connection {
  const { port } = http.address() as AddressInfo;
  const agent = new Agent({ keepAlive: true });
  return {
    server: new URL(`http://127.0.0.1:${port}`),
    namespace: 'shop',
    context: 'test',
    timeout: undefined,
    settings: async () => ({ agent, headers: { 'User-Agent': 'kprof/test' } }),
    refresh: () => false,
    ...more,
  };
}
