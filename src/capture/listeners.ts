/** The ports on which a container's processes listen, as a debug container sees them: loopback-only ones included. */
import { SocketAddress } from 'node:net';
import type { DebugContainer } from '../cluster.ts';
import { insist } from '../remote/remote.ts';
import type { Process, Tools } from '../toolkit.ts';
import { asTarget } from './session.ts';

/** A port, and the process whose socket it is. */
export interface Listener {
  readonly port: number;
  readonly pid: number;
  /** As it is written: «127.0.0.1», «::1», «::». */
  readonly address: string;
}

const most = 64;

/** Where a socket listens. */
type Socket = Pick<Listener, 'port' | 'address'>;

/** Listening sockets by inode, of /proc/net/tcp and tcp6: `sl local_address rem_address st … inode`, state 0A is LISTEN. */
export function parseSockets(text: string): ReadonlyMap<string, Socket> {
  const lines = text.split('\n').map((line) => line.trim().split(/\s+/));
  const listening = lines.filter((words) => words[3] === '0A' && /:[0-9A-F]{4}$/.test(words[1] ?? '') && /^\d+$/.test(words[9] ?? ''));
  return new Map(
    listening.map((words) => {
      const [address = '', port = ''] = (words[1] as string).split(':');
      return [words[9] as string, { port: Number.parseInt(port, 16), address: readable(address) }];
    }),
  );
}

/** Of 4 or 16 bytes in hex, as words of the machine, which has their last byte first. */
function readable(hex: string): string {
  const words = hex.match(/.{8}/g) ?? [];
  const bytes = words.flatMap((word) => (word.match(/../g) ?? []).toReversed().map((byte) => Number.parseInt(byte, 16)));
  if (bytes.length === 4) return bytes.join('.');
  const pairs = words.length === 4 ? bytes.flatMap((byte, at) => (at % 2 === 0 ? [(byte << 8) | (bytes[at + 1] ?? 0)] : [])) : [];
  return new SocketAddress({ family: 'ipv6', address: pairs.map((pair) => pair.toString(16)).join(':') || '::' }).address;
}

/** Whether a forwarded port gets there: the node dials 127.0.0.1, and ::1 only where it knows itself by that name. */
export const isUsual = ({ address }: Pick<Listener, 'address'>): boolean => ['127.0.0.1', '0.0.0.0', '::'].includes(address);

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
  const { stdout } = await insist(container, ['run', 'cat', '/proc/net/tcp', '/proc/net/tcp6'], bounds);
  return new Set([...parseSockets(stdout).values()].map(({ port }) => port));
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
  const sockets = await insist(container, ['run', 'cat', '/proc/net/tcp', '/proc/net/tcp6'], bounds);
  const users = new Map(some.map((process) => [`${process.uid}:${process.gid}`, process]));
  const texts: string[] = [];
  for (const process of users.values()) {
    const folders = some.filter(({ uid, gid }) => uid === process.uid && gid === process.gid).map(({ pid }) => `/proc/${pid}/fd`);
    // With a second folder `ls` names each.
    const argv = asTarget({ container, process, tools }, ['ls', '-l', '/proc/self/fd', ...folders]);
    texts.push((await insist(container, ['run', ...argv], { ...bounds, maxBytes: 8 * 2 ** 20 })).stdout);
  }
  const open = parseSockets(sockets.stdout);
  const wanted = new Set(some.map(({ pid }) => pid));
  return [...parseOwners(texts.join('\n'))].flatMap(([inode, pid]) => {
    const socket = open.get(inode);
    return socket === undefined || !wanted.has(pid) ? [] : [{ ...socket, pid }];
  });
}
