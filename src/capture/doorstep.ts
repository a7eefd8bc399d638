/** Where clients on this machine connect to a session: a socket that only this user can open, or a port. */
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KprofError } from '../errors.ts';
import type { Address } from '../toolkit.ts';

/** It listens; who connects before it is told who serves them waits. */
export interface Doorstep {
  readonly address: Address;
  /** From now on, and for those who wait. */
  serve(take: (socket: Socket) => void): void;
  /** Ends all connections, and leaves nothing. Never rejects. */
  close(): Promise<void>;
}

// A socket's address has 108 bytes (https://man7.org/linux/man-pages/man7/unix.7.html), elsewhere 104.
const longestPath = 100;

/** Listens at the port of 127.0.0.1, any for 0, or at a new unix socket. Throws a KprofError when the port is taken. */
export async function openDoorstep(port: number | undefined): Promise<Doorstep> {
  const folder = port === undefined ? await socketFolder() : undefined;
  const sockets = new Set<Socket>();
  const waiting: Socket[] = [];
  let take = (socket: Socket): void => void waiting.push(socket);
  const server = createServer({ noDelay: true, pauseOnConnect: true }, (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.on('error', () => {}); // followed by its close
    take(socket);
  });
  try {
    await listening(server, folder === undefined ? { host: '127.0.0.1', port: port ?? 0 } : { path: join(folder, 's') });
  } catch (cause) {
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
    throw refused(port, cause);
  }
  return {
    address: addressOf(server),
    serve(each) {
      take = each;
      for (const socket of waiting.splice(0)) each(socket);
    },
    async close() {
      server.close();
      for (const socket of sockets) socket.destroy();
      if (folder !== undefined) await rm(folder, { recursive: true, force: true }).catch(() => {});
    },
  };
}

/** Of mode 0700, in the folder that is this user's anyway, where there is one. */
async function socketFolder(): Promise<string> {
  const folders = [process.env['XDG_RUNTIME_DIR'], tmpdir()].filter((each) => each?.startsWith('/'));
  for (const folder of folders as string[]) {
    if (join(folder, 'kprof-xxxxxx', 's').length > longestPath) continue;
    const made = await mkdtemp(join(folder, 'kprof-')).catch(() => undefined);
    if (made !== undefined) return made;
  }
  throw new KprofError('disk', `There is no folder for a socket in ${folders.join(' or ')}`, { hint: 'serve at a port instead: --port 0' });
}

const listening = (server: Server, where: { readonly host?: string; readonly port?: number; readonly path?: string }): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(where, () => {
      server.off('error', reject);
      resolve();
    });
  });

function addressOf(server: Server): Address {
  const address = server.address();
  if (address === null || typeof address === 'string') return { text: `unix:${address}`, port: undefined };
  return { text: `127.0.0.1:${address.port}`, port: address.port };
}

function refused(port: number | undefined, cause: unknown): KprofError {
  const { code } = cause as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE')
    return new KprofError('usage', `Port ${port} of this machine is in use`, { cause, hint: 'another one, or any: --port 0' });
  return new KprofError('disk', `Nothing can listen ${port === undefined ? 'at a socket' : `at port ${port}`} here`, { cause });
}
