/** The near end of one try: two sinks, and a verdict. */
import type { Sink } from '../cluster.ts';
import type { Arrival } from './arrival.ts';
import { createContent, type OnProgress, type Stage, type StageEvents } from './content.ts';
import { Fault } from './fault.ts';
import { createPlainStage } from './plain.ts';
import { createProof } from './proof.ts';
import { endedUnheard, exited, explained } from './reasons.ts';
import { createRemarks, type Identity } from './remarks.ts';
import { createStall } from './stall.ts';
import { createSweep } from './sweep.ts';
import { createZstdStage } from './zstd.ts';

/** What is pulled. */
export interface Wanted {
  /** `zstd`: the stream is one zstd frame with a checksum. `none`: it is plain, and `kprof-sha256 HEX` or `kprof-crc32 HEX` comes on stderr. */
  readonly codec: 'zstd' | 'none';
  /** The file's own name in the pod, without folders. */
  readonly name: string;
  /** The largest file that is taken, in bytes. */
  readonly maxBytes: number;
  readonly onProgress?: OnProgress | undefined;
  /** Milliseconds with next to no byte after which the line counts as dead; a minute, if absent. */
  readonly silence?: number | undefined;
  /** To sum a file up, or the part of it that is here, a pod reads it in silence: so many bytes per millisecond at worst; 10,000, if absent. */
  readonly slowestSum?: number | undefined;
}

/** What is here, whole. */
export interface Pulled {
  readonly bytes: number;
  /** Hex digest of the content. */
  readonly sha256: string;
}

/** Takes what the sender in the pod prints. */
export interface Receiver {
  readonly stdout: Sink;
  readonly stderr: Sink;
  /** The sender ended: gives what is here, or throws a KprofError with the reason why it is not whole. */
  end(code: number): Promise<Pulled>;
  /** Discards what still comes; settles when nothing is written any more. */
  stop(): Promise<void>;
}

/** What a try begins with. */
export interface Start {
  readonly arrival: Arrival;
  /** Bytes that the disk has left. */
  readonly room: number;
  /** The file that it must be; undefined the first time. */
  readonly identity: Identity | undefined;
}

const minute = 60_000;
// A sender that failed says so right after its stream.
const untilVerdict = 2000;

/** What a receiver tells. */
export interface ReceiverEvents extends Omit<StageEvents, 'short'> {
  readonly identity: (identity: Identity) => void;
}

/** Puts the stages together; `on.whole` is called once when all is here, `on.failed` when it can't be any more. */
export function createReceiver({ arrival, room, identity }: Start, wanted: Wanted, on: ReceiverEvents): Receiver {
  const { codec, silence = minute, slowestSum = 10_000, onProgress = () => {} } = wanted;
  const offset = arrival.bytes();
  const remarks = createRemarks();
  const sweep = createSweep();
  const content = createContent(arrival, { ...wanted, room, size: offset === 0 ? undefined : identity?.size }, onProgress);
  const proof = createProof(arrival, remarks, { identity, told: on.identity });
  const tooQuiet = new Fault('line', `no byte came for ${Math.round(silence / 1000)} s`, { failure: 'timeout' });
  const stall = createStall(silence, () => on.failed(tooQuiet));
  stall.allow(offset / slowestSum);
  const failed = (error: unknown): void => on.failed(explained(error, remarks.text()));
  let over = false;
  let told = false;
  let begun = false;
  let held: Promise<void> | undefined;
  let verdictDue: NodeJS.Timeout | undefined;

  const settle = (): void => {
    proof.check(content.size());
    if (content.ended()) stall.allow((content.size() ?? 0) / slowestSum);
    if (told || !stage.whole() || !proof.given()) return;
    told = true;
    stall.beat(Number.POSITIVE_INFINITY);
    on.whole();
  };
  // What a stage tells of its own accord meets what is thrown here.
  const whole = (): void => {
    try {
      settle();
    } catch (error) {
      failed(error);
    }
  };
  const short = (error: unknown): void => {
    verdictDue ??= setTimeout(() => failed(error), untilVerdict);
  };
  const stage: Stage =
    codec === 'zstd' ? createZstdStage(content, { whole, failed, short }) : createPlainStage(content, () => proof.agrees());

  const hold = (busy: Promise<void>): Promise<void> => {
    stall.hold(busy);
    held = busy.then(settle).catch(failed);
    return held;
  };
  const guarded =
    (take: Sink): Sink =>
    (bytes) => {
      if (over) return undefined;
      sweep(bytes.length);
      try {
        const busy = take(bytes);
        return busy === undefined ? settle() : hold(busy);
      } catch (error) {
        return failed(error);
      }
    };

  return {
    stdout: guarded((bytes) => {
      // Not what comes on stderr: a sender could complain for ever.
      stall.beat(bytes.length);
      if (!begun) stall.allow(0);
      begun = true;
      return stage.take(bytes);
    }),
    stderr: guarded(remarks.take),
    async end(code) {
      await held;
      if (code !== 0 && code !== endedUnheard) throw exited(code, remarks.text());
      await stage.end().catch((error: unknown) => {
        throw explained(error, remarks.text());
      });
      proof.check(content.size());
      proof.agrees();
      if (!proof.given()) throw new Fault('anew', 'the pod did not say what the beginning of the file is');
      if (code !== 0) throw exited(code, remarks.text());
      return { bytes: arrival.bytes(), sha256: arrival.sha256() };
    },
    async stop() {
      over = true;
      clearTimeout(verdictDue);
      stall.stop();
      await Promise.all([held, stage.stop()]);
    },
  };
}
