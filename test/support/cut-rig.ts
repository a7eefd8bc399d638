/** A file that is pulled through the real exec stream and a TCP proxy, from a sender that speaks the real protocol. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { execStream } from '../../src/kube/exec-stream.ts';
import type { Command } from '../../src/kube/exec-verdict.ts';
import type { OpenPull } from '../../src/pull/attempt.ts';
import { type PullOptions, pull } from '../../src/pull/pull.ts';
import { header, padding, zeros } from './archives.ts';
import { type ChaosProxy, chaosProxy } from './chaos-proxy.ts';
import { connectionTo, type ExecServer, execServer, type Session, success } from './exec-server.ts';
import { zstd } from './sender.ts';

const piece = 32 * 1024;

/** What became of one pull. */
export interface Run {
  readonly sha256: string;
  /** Bytes that arrived here, per byte of the file; what is lost of them is at most a block of zstd at each cut, 128 KiB. */
  readonly ratio: number;
  /** The same of those that the server sent: some of them died in the buffers of the line, whose size has nothing to do with the file's. */
  readonly sent: number;
  /** Where it went on, in bytes. */
  readonly resumedAt: readonly number[];
}

/** The rig, for one file. */
export interface CutRig extends AsyncDisposable {
  readonly proxy: ChaosProxy;
  /** Of the server itself, without the proxy. */
  readonly port: number;
  /** Pulls into `folder`. */
  run(folder: string, more?: Partial<PullOptions>): Promise<Run>;
}

const hex = (sum: number): string => sum.toString(16).padStart(8, '0');

// Not Node's streaming encoder: it may end with an empty frame, which zstd does not.
function compress(content: Uint8Array, offset: number): Buffer {
  const whole = [header({ name: 'x', size: content.length }), content, padding(content.length), zeros(2)];
  return zstd(offset === 0 ? Buffer.concat(whole) : content.subarray(offset));
}

/** What a pod would send of it, from each offset on; whole it is made once. */
function packing(content: Uint8Array): { readonly from: (offset: number) => Buffer; readonly sum: string } {
  let whole: Buffer | undefined;
  const from = (offset: number): Buffer => {
    if (offset > 0) return compress(content, offset);
    whole ??= compress(content, 0);
    return whole;
  };
  return { from, sum: hex(crc32(content)) };
}

/** What inroot and zstd do in a pod, down to the wait for the ack. */
async function send({ socket, request, end }: Session, content: Uint8Array, packed: ReturnType<typeof packing>): Promise<void> {
  const acked = new Promise<void>((resolve) => socket.on('message', (data) => String(data).includes('ack') && resolve()));
  const offset = Number(new URL(request.url ?? '', 'http://x').searchParams.get('command'));
  const write = (channel: number, bytes: Uint8Array | string): Promise<void> =>
    new Promise((resolve, reject) =>
      socket.send(Buffer.concat([Buffer.of(channel), Buffer.from(bytes as string)]), (error) => (error ? reject(error) : resolve())),
    );
  await write(2, `kprof-file ${content.length} 1 1\n`);
  if (offset > 0) await write(2, `kprof-prefix ${hex(crc32(content.subarray(0, offset)))}\n`);
  const bytes = packed.from(offset);
  for (let at = 0; at < bytes.length; at += piece) await write(1, bytes.subarray(at, at + piece));
  await write(2, `kprof-crc32 ${packed.sum}\n`);
  await acked;
  end(success);
}

/** Opens the exec stream to a rig; `counted` is told what arrives. */
export function openAt(port: number, counted: (bytes: Uint8Array) => void = () => {}): OpenPull {
  const connection = connectionTo({ address: () => ({ port }) } as never);
  return ({ from, stdout, ...io }) => {
    const command: Command = { namespace: 'shop', pod: 'api', container: 'debug', argv: [String(from.offset)] };
    const counting = (bytes: Uint8Array) => {
      counted(bytes);
      return stdout(bytes);
    };
    return execStream(connection, command, { ...io, stdout: counting });
  };
}

const portOf = (server: ExecServer): number => Number(server.connection.server.port);

/** Starts it. */
export async function cutRig(content: Uint8Array): Promise<CutRig> {
  const packed = packing(content);
  packed.from(0); // a whole GiB would hold up the first line for too long
  const server = await execServer({ session: (session) => void send(session, content, packed).catch(() => {}) }); // the line was cut
  const proxy = await chaosProxy('127.0.0.1', portOf(server));
  return {
    proxy,
    port: portOf(server),
    async run(folder, more) {
      const to = join(folder, 'x.partial');
      rmSync(to, { force: true });
      const before = proxy.received();
      const resumedAt: number[] = [];
      let arrived = 0;
      const counted = (bytes: Uint8Array): void => {
        arrived += bytes.length;
      };
      const open = openAt(proxy.port, counted);
      const onResume = (_: unknown, bytes: number): void => void resumedAt.push(bytes);
      const { sha256 } = await pull(open, { codec: 'zstd', name: 'x', to, maxBytes: content.length, onResume, ...more });
      return { sha256, ratio: arrived / content.length, sent: (proxy.received() - before) / content.length, resumedAt };
    },
    async [Symbol.asyncDispose]() {
      proxy.close();
      await server[Symbol.asyncDispose]();
    },
  };
}
