/** A TCP proxy on loopback that fails on demand: it falls silent, and nobody is told, or it cuts. */
import { connect, createServer, type Socket } from 'node:net';

/** A running proxy. */
export interface TcpProxy {
  readonly port: number;
  /** Bytes that came from the server, over all lines. */
  received(): number;
  /** From now on no byte passes, in either direction; `once`: on the lines that there are. */
  silence(how?: 'once'): void;
  /** Cuts all lines when so many more bytes have come from the server, and from then on each line at once; not so with `once`. */
  cutAfter(bytes: number, how?: 'once'): void;
  close(): void;
}

/** Starts a proxy in front of `host:port`. */
export async function tcpProxy(host: string, port: number): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  let silent: ReadonlySet<Socket> | 'all' = new Set();
  let received = 0;
  let left = Number.POSITIVE_INFINITY;
  let once = false;
  const cut = () => {
    for (const socket of sockets) socket.resetAndDestroy();
    sockets.clear();
    if (once) left = Number.POSITIVE_INFINITY;
  };
  const pass = (from: Socket, to: Socket, fromServer: boolean) => {
    sockets.add(from);
    const isSilent = () => silent === 'all' || silent.has(from);
    from.on('data', (bytes) => {
      if (fromServer) [received, left] = [received + bytes.length, left - bytes.length];
      if (left <= 0) cut();
      else if (!isSilent() && !to.write(bytes)) from.pause();
    });
    to.on('drain', () => from.resume());
    from.on('end', () => isSilent() || to.end());
    from.on('error', () => to.destroy());
    from.on('close', () => sockets.delete(from));
  };
  const server = createServer((near) => {
    const far = connect(port, host);
    pass(far, near, true);
    pass(near, far, false);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as { readonly port: number }).port,
    received: () => received,
    silence: (how) => {
      silent = how === 'once' ? new Set(sockets) : 'all';
    },
    cutAfter: (bytes, how) => {
      [left, once] = [bytes, how === 'once'];
    },
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
