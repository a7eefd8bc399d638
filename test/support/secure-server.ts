/** An API server behind TLS: pods over HTTP, and exec over WebSocket, for those who are let in. */
import type { IncomingMessage } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { WebSocketServer } from 'ws';
import { success } from './exec-server.ts';
import { authority, server as own } from './tls.ts';

/** How it differs from one that lets everybody in. */
export interface Doors {
  /** The HTTP status for a request that is not let in; undefined lets in. */
  readonly refuse?: (request: IncomingMessage, subject: string | undefined) => number | undefined;
  readonly identity?: { readonly cert: string; readonly key: string };
}

/** A running server. */
export interface SecureServer extends AsyncDisposable {
  readonly port: number;
  /** Method and path of each request, in order; an exec is `EXEC`. */
  readonly seen: readonly string[];
}

const status = (code: number): string => JSON.stringify({ kind: 'Status', status: 'Failure', code, message: 'Unauthorized' });

/** Starts it on a free port of 127.0.0.1. Each request is answered with a pod; each exec prints `hello`. */
export async function secureServer({ refuse = () => undefined, identity = own }: Doors = {}): Promise<SecureServer> {
  const seen: string[] = [];
  const sockets = new Set<Socket>();
  const enter = (request: IncomingMessage, what: string): number | undefined => {
    seen.push(`${what} ${request.url?.replace(/\?.*/, '')}`);
    return refuse(request, (request.socket as TLSSocket).getPeerCertificate()?.subject?.CN as string | undefined);
  };
  const https = createServer({ ...identity, ca: authority, requestCert: true, rejectUnauthorized: false }, (request, response) => {
    const code = enter(request, request.method ?? '');
    if (code !== undefined) return response.writeHead(code).end(status(code));
    const pod = { metadata: { name: 'api', namespace: 'shop', uid: 'u' } };
    if (!request.url?.includes('watch=true')) return response.end(JSON.stringify(pod));
    response.end(`${JSON.stringify({ type: 'ADDED', object: pod })}\n`);
  });
  https.on('connection', (socket: Socket) => void sockets.add(socket));
  const webSockets = new WebSocketServer({ noServer: true, handleProtocols: () => 'v5.channel.k8s.io' });
  https.on('upgrade', (request, socket: Socket, head) => {
    const code = enter(request, 'EXEC');
    if (code !== undefined) return socket.end(`HTTP/1.1 ${code} No\r\nContent-Length: ${status(code).length}\r\n\r\n${status(code)}`);
    webSockets.handleUpgrade(request, socket, head, (line) => {
      line.send(Buffer.concat([Buffer.of(1), Buffer.from('hello')]));
      line.send(Buffer.concat([Buffer.of(3), Buffer.from(JSON.stringify(success))]));
      line.close(1000);
    });
  });
  await new Promise<void>((resolve) => https.listen(0, '127.0.0.1', resolve));
  const close = () =>
    new Promise<void>((resolve) => {
      for (const socket of sockets) socket.destroy();
      https.close(() => resolve());
    });
  return { port: (https.address() as AddressInfo).port, seen, [Symbol.asyncDispose]: close };
}
