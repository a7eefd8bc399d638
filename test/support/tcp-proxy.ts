/** A TCP proxy on loopback that fails on demand: it falls silent, and nobody is told, or it cuts. */
import { connect, createServer, type Socket } from 'node:net';

/** A running proxy. */
export interface TcpProxy {
  readonly port: number;
  /** From now on no byte passes, in either direction. */
  silence(): void;
  /** Cuts all lines once so many more bytes have come from the server. */
  cutAfter(bytes: number): void;
  close(): void;
}

/** Starts a proxy in front of `host:port`. */
export async function tcpProxy(host: string, port: number): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  let silent = false;
  let left = Number.POSITIVE_INFINITY;
  const cut = () => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  const server = createServer((near) => {
    const far = connect(port, host);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on('data', (bytes) => {
        if (from === far) left -= bytes.length;
        if (left <= 0) cut();
        else if (!silent) to.write(bytes);
      });
      from.on('end', () => silent || to.end());
      from.on('error', () => to.destroy());
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as { readonly port: number }).port,
    silence: () => {
      silent = true;
    },
    cutAfter: (bytes) => {
      left = bytes;
    },
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
