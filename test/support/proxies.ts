/** Small proxies on loopback, which know names that nobody else does. */
import { createServer as createHttpServer, type Server as HttpServer, type IncomingMessage } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { server as identity } from './tls.ts';

/** A running proxy. */
export interface Proxy extends AsyncDisposable {
  readonly port: number;
  /** What was asked for, as `HOST:PORT`. */
  readonly asked: readonly string[];
  /** Lines that are open now. */
  readonly lines: ReadonlySet<Socket>;
}

/** How it behaves. */
export interface ProxyPlay {
  /** `USER:PASSWORD` that it wants. */
  readonly login?: string;
  readonly tls?: boolean;
  /** Answers so instead of connecting. */
  readonly answer?: string;
  /** Never answers. */
  readonly silent?: boolean;
  /** Connects to the host that is asked for, and not to the server of the test. */
  readonly real?: boolean;
}

async function listening(server: Server | HttpServer, asked: readonly string[]): Promise<Proxy> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = () =>
    new Promise<void>((resolve) => {
      for (const socket of sockets) socket.destroy();
      server.close(() => resolve());
    });
  return { port: (server.address() as AddressInfo).port, asked, lines: sockets, [Symbol.asyncDispose]: close };
}

// Whatever the name is, the server of the test is here.
const join = (near: Socket, port: number, first: string | Buffer, host = '127.0.0.1'): void => {
  const far = connect(port, host, () => void near.write(first));
  near.pipe(far).pipe(near);
  near.on('error', () => far.destroy());
  far.on('error', () => near.destroy());
};

/** A proxy that understands CONNECT. */
export function connectProxy({ login, tls = false, answer, silent = false, real = false }: ProxyPlay = {}): Promise<Proxy> {
  const asked: string[] = [];
  const server = tls ? createHttpsServer(identity) : createHttpServer();
  server.on('connect', ({ url = '', headers }: IncomingMessage, near: Socket) => {
    near.on('error', () => near.destroy());
    asked.push(url);
    if (silent) return void near.once('end', () => near.end()).resume();
    const given = Buffer.from(headers['proxy-authorization']?.replace('Basic ', '') ?? '', 'base64').toString('utf8');
    if (answer !== undefined) near.end(`HTTP/1.1 ${answer}\r\nContent-Length: 0\r\n\r\n`);
    else if (login !== undefined && given !== login) near.end('HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n');
    else
      join(near, Number(url.split(':').at(-1)), 'HTTP/1.1 200 Connection established\r\n\r\n', real ? url.replace(/:\d+$/, '') : undefined);
  });
  return listening(server, asked);
}

/** A SOCKS 5 proxy: https://www.rfc-editor.org/rfc/rfc1928 */
export function socksProxy({ login }: Pick<ProxyPlay, 'login'> = {}): Promise<Proxy> {
  const asked: string[] = [];
  const server = createServer((near) => {
    const steps = [
      () => void near.write(Buffer.of(5, login === undefined ? 0 : 2)),
      ...(login === undefined ? [] : [(bytes: Buffer) => void near.write(Buffer.of(1, given(bytes) === login ? 0 : 1))]),
      (bytes: Buffer) => {
        const isName = bytes[3] === 3;
        const host = isName ? bytes.subarray(5, 5 + (bytes[4] ?? 0)).toString() : [...bytes.subarray(4, 8)].join('.');
        const port = bytes.readUInt16BE(bytes.length - 2);
        asked.push(`${host}:${port}`);
        near.removeAllListeners('data');
        join(near, port, Buffer.of(5, 0, 0, 1, 0, 0, 0, 0, 0, 0));
      },
    ];
    near.on('data', (bytes: Buffer) => steps.shift()?.(bytes));
    near.on('error', () => near.destroy());
  });
  return listening(server, asked);
}

/** Of RFC 1929. */
function given(bytes: Buffer): string {
  const length = bytes[1] ?? 0;
  return `${bytes.subarray(2, 2 + length)}:${bytes.subarray(3 + length)}`;
}
