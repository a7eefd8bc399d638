/** The far end of a pull, as a pod would play it. */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { constants, zstdCompressSync } from 'node:zlib';
import type { Execution } from '../../src/cluster.ts';
import type { From, OpenPull } from '../../src/pull/attempt.ts';
import type { Patience } from '../../src/retry.ts';

/** What the sender does; by default it prints `stdout`, waits for the ack and exits 0. */
export interface Script {
  /** Whole, or piece by piece and perhaps without end. */
  readonly stdout?: Uint8Array | Iterable<Uint8Array>;
  /** Before stdout. */
  readonly says?: string;
  /** After it. */
  readonly stderr?: string;
  /** After each piece of stdout. */
  readonly between?: string;
  /** Milliseconds between the pieces. */
  readonly pause?: number;
  /** Lengths of the pieces that stdout comes in, again and again. */
  readonly pieces?: readonly number[];
  readonly code?: number;
  /** Exits at once instead of waiting for the ack. */
  readonly impatient?: boolean;
  /** The line is lost after the last byte. */
  readonly lost?: Error;
  /** Nothing more happens after the last byte, whatever is sent. */
  readonly hangs?: boolean;
  /** The ack does not come within so many milliseconds: exit code 74, as the script in the pod does. */
  readonly patience?: number;
}

/** A sender, and what was seen of the near end. */
export interface Sender {
  readonly open: OpenPull;
  readonly seen: { sent: string; aborted: boolean; bytes: number; readonly from: From[] };
}

/** For a sender that does the same again and again. */
export const impatience: Patience = { pause: 1, longestPause: 1, fruitless: 0 };

export const digestLine = (content: Uint8Array): string => `kprof-sha256 ${createHash('sha256').update(content).digest('hex')}\n`;

/** One zstd frame, with a checksum unless told otherwise. */
export const zstd = (bytes: Uint8Array, checksum = 1): Buffer =>
  zstdCompressSync(bytes, { params: { [constants.ZSTD_c_checksumFlag]: checksum, [constants.ZSTD_c_compressionLevel]: 1 } });

function* cut(bytes: Uint8Array | Iterable<Uint8Array>, pieces: readonly number[]): Generator<Uint8Array> {
  if (!(bytes instanceof Uint8Array)) return yield* bytes;
  for (let at = 0, i = 0; at < bytes.length; i += 1) {
    const length = pieces[i % pieces.length] as number;
    yield bytes.subarray(at, at + length);
    at += length;
  }
}

const later = (milliseconds: number): Promise<'late'> => new Promise((resolve) => setTimeout(() => resolve('late'), milliseconds).unref());

/** Makes a sender; of several scripts each is for one try, the last one for all that follow. */
export function sender(...scripts: readonly [Script, ...Script[]]): Sender {
  const seen: Sender['seen'] = { sent: '', aborted: false, bytes: 0, from: [] };

  const open: OpenPull = ({ stdout: out, stderr: err, signal, from }) => {
    const script = (scripts[seen.from.length] ?? scripts.at(-1)) as Script;
    const { stdout = new Uint8Array(), says = '', stderr = '', pieces = [32_768], code = 0 } = script;
    const acked = Promise.withResolvers<'ack'>();
    let aborted = false;
    seen.from.push(from);
    const gone = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => {
        aborted = true;
        seen.aborted = true;
        reject(new Error('aborted'));
      });
    });
    gone.catch(() => {});
    const print = async (): Promise<void> => {
      await err(Buffer.from(says));
      for (const piece of cut(stdout, pieces)) {
        if (aborted) return;
        seen.bytes += piece.length;
        await out(Buffer.from(piece));
        if (script.between !== undefined) await err(Buffer.from(script.between));
        if (script.pause !== undefined) await sleep(script.pause);
      }
      await err(Buffer.from(stderr));
    };
    const run = async (): Promise<{ code: number }> => {
      await print();
      if (script.lost) throw script.lost;
      if (script.hangs) await new Promise(() => {});
      if (script.impatient || code !== 0) return { code };
      const heard = await Promise.race([acked.promise, ...(script.patience ? [later(script.patience)] : [])]);
      return { code: heard === 'ack' ? 0 : 74 };
    };
    const execution: Execution = {
      done: Promise.race([run(), gone]),
      send(text) {
        seen.sent += text;
        if (text === 'ack\n') acked.resolve('ack');
      },
    };
    return execution;
  };
  return { open, seen };
}
