/** The ports on which a container's processes listen, as a debug container sees them: loopback-only ones included. */
import type { DebugContainer } from '../cluster.ts';
import { ask } from '../remote/remote.ts';
import type { Process, Tools } from '../toolkit.ts';
import { asTarget } from './session.ts';

/** A port, and the process whose socket it is. */
export interface Listener {
  readonly port: number;
  readonly pid: number;
}

const most = 64;

/** Inodes of listening sockets by port, of /proc/net/tcp and tcp6: `sl local_address rem_address st … inode`, state 0A is LISTEN. */
export function parseSockets(text: string): ReadonlyMap<string, number> {
  const lines = text.split('\n').map((line) => line.trim().split(/\s+/));
  const listening = lines.filter((words) => words[3] === '0A' && /:[0-9A-F]{4}$/.test(words[1] ?? '') && /^\d+$/.test(words[9] ?? ''));
  return new Map(listening.map((words) => [words[9] as string, Number.parseInt((words[1] as string).slice(-4), 16)]));
}

/** The inodes of sockets by process, of `ls -l /proc/PID/fd …`. */
export function parseOwners(text: string): ReadonlyMap<string, number> {
  const owners = new Map<string, number>();
  let pid: number | undefined;
  for (const line of text.split('\n')) {
    const folder = /^\/proc\/(\w+)\/fd:$/.exec(line)?.[1];
    if (folder !== undefined) pid = /^\d{1,10}$/.test(folder) ? Number(folder) : undefined;
    const inode = / -> socket:\[(\d+)\]$/.exec(line)?.[1];
    if (inode !== undefined && pid !== undefined && !owners.has(inode)) owners.set(inode, pid);
  }
  return owners;
}

/** All ports of the pod on which somebody listens, whoever it is. */
export async function openPorts(container: DebugContainer, signal: AbortSignal): Promise<ReadonlySet<number>> {
  const bounds = { what: 'look at the open ports', signal };
  return new Set(parseSockets((await ask(container, ['run', 'cat', '/proc/net/tcp', '/proc/net/tcp6'], bounds)).stdout).values());
}

/** Only sockets whose owner is one of `processes` count: another container's ports are not ours to try. */
export async function listeners(
  container: DebugContainer,
  processes: readonly Process[],
  tools: Tools,
  signal: AbortSignal,
): Promise<readonly Listener[]> {
  const bounds = { what: 'look at the open ports', signal };
  const some = processes.slice(0, most);
  // With a file or a process that is not there these end with an error, and print the others.
  const sockets = await ask(container, ['run', 'cat', '/proc/net/tcp', '/proc/net/tcp6'], bounds);
  const users = new Map(some.map((process) => [`${process.uid}:${process.gid}`, process]));
  const texts: string[] = [];
  for (const process of users.values()) {
    const folders = some.filter(({ uid, gid }) => uid === process.uid && gid === process.gid).map(({ pid }) => `/proc/${pid}/fd`);
    // With a second folder `ls` names each.
    const argv = asTarget({ container, process, tools }, ['ls', '-l', '/proc/self/fd', ...folders]);
    texts.push((await ask(container, ['run', ...argv], { ...bounds, maxBytes: 8 * 2 ** 20 })).stdout);
  }
  const ports = parseSockets(sockets.stdout);
  const found = [...parseOwners(texts.join('\n'))].map(([inode, pid]) => ({ port: ports.get(inode), pid }));
  const wanted = new Set(some.map(({ pid }) => pid));
  return found.filter((each): each is Listener => each.port !== undefined && wanted.has(each.pid));
}
