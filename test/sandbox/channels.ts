/** Exec and attach over a WebSocket: `v5.channel.k8s.io` and `v4.channel.k8s.io`. */
import type WebSocket from 'ws';
import type { Fault } from './faults.ts';
import type { Kept, Running } from './kubelet.ts';
import { CannotRun, exitCode, run } from './processes.ts';
import type { Wire } from './wire.ts';

/** One stream: its first bytes are the channel and, from a client of v5, 255 and the channel that it closes. */
export interface Stream {
  readonly socket: WebSocket;
  /** What was agreed on. */
  readonly protocol: string;
  readonly wire: Wire;
  readonly query: URLSearchParams;
  readonly faults: readonly Fault[];
}

const [stdin, stdout, stderr, verdict, closing] = [0, 1, 2, 3, 255];

/** Takes what the client sends as stdin; an end of the line is the end of stdin. */
function takeStdin({ socket, protocol }: Stream, to: NodeJS.WritableStream | null): void {
  to?.on('error', () => undefined); // It ended; the verdict tells.
  to?.on('drain', () => socket.resume());
  socket.on('message', (data) => {
    const frame = data as Buffer;
    if (frame[0] === closing && frame[1] === stdin && protocol.startsWith('v5')) to?.end();
    else if (frame[0] === stdin && frame.length > 1 && to?.write(frame.subarray(1)) === false) socket.pause();
  });
  socket.once('close', () => to?.end());
}

async function conclude({ socket, protocol, wire, faults }: Stream, status: object): Promise<void> {
  const told = faults.find((fault) => fault.fault === 'verdict');
  const other = told?.code === undefined ? status : told.code === 'none' ? undefined : statusOf(told.code, protocol, []);
  if (other !== undefined) await wire.control(verdict, Buffer.from(JSON.stringify(other)));
  if (!wire.isCut()) socket.close(1000);
}

/** The verdict: since v5 the API server words it, before the runtime does. */
function statusOf(code: number, protocol: string, argv: readonly string[]): object {
  const metadata = protocol.startsWith('v5') ? { metadata: {} } : {};
  if (code === 0) return { ...metadata, status: 'Success' };
  const why = protocol.startsWith('v5')
    ? `command terminated with exit code ${code}`
    : `error executing command [${argv.join(' ')}], exit code ${code}`;
  return {
    ...metadata,
    status: 'Failure',
    message: `command terminated with non-zero exit code: ${why}`,
    reason: 'NonZeroExitCode',
    details: { causes: [{ reason: 'ExitCode', message: String(code) }] },
  };
}

function cannotRun(id: string, why: string, protocol: string): object {
  const message = `Internal error occurred: error executing command in container: failed to exec in container: failed to start exec "${id}": OCI runtime exec failed: exec failed: ${why}`;
  const common = { status: 'Failure', reason: 'InternalError', code: 500 };
  return protocol.startsWith('v5')
    ? { metadata: {}, ...common, message: `Internal error occurred: ${message}`, details: { causes: [{ message }] } }
    : { ...common, message };
}

/** Runs a command, its argv as it came, until it and its output have ended. */
export async function exec(stream: Stream, container: Running): Promise<void> {
  const { query, wire, protocol } = stream;
  const argv = query.getAll('command');
  const pipe = (name: string) => (query.get(name) === 'true' ? 'pipe' : 'ignore');
  const isTty = query.get('tty') === 'true';
  const words = isTty ? ['/usr/bin/script', '-qefc', `stty -echo 2>/dev/null; ${argv.map(quote).join(' ')}`, '/dev/null'] : argv;
  // Tells that the command is connected.
  await wire.control(stdout, Buffer.alloc(0));
  try {
    const child = run(words, container, [pipe('stdin'), pipe('stdout'), isTty ? 'ignore' : pipe('stderr')]);
    takeStdin(stream, child.stdin);
    const over = new Promise<number>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code, signal) => resolve(exitCode(code, signal)));
    });
    const pump = async (channel: number, from: NodeJS.ReadableStream | null) => {
      for await (const chunk of from ?? []) await wire.data(channel, chunk as Buffer);
    };
    const [code] = await Promise.all([over, pump(stdout, child.stdout), pump(stderr, child.stderr)]);
    await conclude(stream, statusOf(code, protocol, argv));
  } catch (error) {
    const why = error instanceof CannotRun ? error.message : `unable to start container process: ${String(error)}`;
    await conclude(stream, cannotRun(container.id, why, protocol));
  }
}

const quote = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;

/** Joins a container's main process: what it prints from now on, and its stdin where it has one. */
export async function attach(stream: Stream, { log, running, ended }: Kept): Promise<void> {
  const { wire } = stream;
  await wire.control(stdout, Buffer.alloc(0));
  if (stream.query.get('stdin') === 'true') takeStdin(stream, running?.main.stdin ?? null);
  let last = Promise.resolve();
  const leave = log.follow((piece) => {
    last = last.then(() => wire.data(piece.stream === 'stdout' ? stdout : stderr, piece.bytes));
  });
  stream.socket.once('close', leave);
  await ended;
  await last;
  leave();
  await conclude(stream, statusOf(0, stream.protocol, []));
}
