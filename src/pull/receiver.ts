/** The near end of a pull: two sinks, and a verdict. */
import type { Sink } from '../cluster.ts';
import { KprofError } from '../errors.ts';
import { createContent, type OnProgress, type StageEvents } from './content.ts';
import type { PartialFile } from './partial.ts';
import { createPlainStage } from './plain.ts';
import { createRemarks } from './remarks.ts';
import { createStall } from './stall.ts';
import { createSweep } from './sweep.ts';
import { createZstdStage } from './zstd.ts';

/** What is pulled. */
export interface Wanted {
  /** `zstd`: the archive is one zstd frame with a checksum. `none`: it is plain, and the line `kprof-sha256 HEX` comes on stderr. */
  readonly codec: 'zstd' | 'none';
  /** The file's own name in the pod, without folders. */
  readonly name: string;
  /** The largest file that is taken, in bytes. */
  readonly maxBytes: number;
  readonly onProgress?: OnProgress | undefined;
  /** Milliseconds without a byte after which the line counts as dead; a minute, if absent. */
  readonly silence?: number | undefined;
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
  /** Discards what still comes. */
  stop(): void;
}

const minute = 60_000;
// To make the digest a pod reads the file once more, in silence: so many bytes per millisecond at worst.
const slowestDigest = 20_000;

/** A sender that fails gives its own reason; that of a cut stream is only the consequence. */
function checkExit(code: number, remark: string): void {
  if (code === 0) return;
  throw new KprofError('incomplete', `the sender in the pod ended with exit code ${code}${remark === '' ? '' : `: ${remark}`}`);
}

/** The reason, with what the sender said on stderr. */
function explained(error: unknown, remark: string): unknown {
  if (!(error instanceof KprofError) || error.failure !== 'incomplete' || remark === '') return error;
  return new KprofError('incomplete', `${error.message}; the sender said: ${remark}`, { cause: error.cause });
}

/** Puts the stages together; `on.whole` is called once when all is here, `on.failed` when it can't be any more. `room`: bytes that the disk has left. */
export function createReceiver(file: PartialFile, room: number, wanted: Wanted, on: StageEvents): Receiver {
  const { codec, silence = minute, onProgress = () => {} } = wanted;
  const remarks = createRemarks();
  const sweep = createSweep();
  const content = createContent(file, room, wanted, onProgress);
  const stall = createStall(silence, () => on.failed(new KprofError('timeout', `no byte came for ${Math.round(silence / 1000)} s`)));
  const failed = (error: unknown): void => on.failed(explained(error, remarks.text()));
  let over = false;
  let told = false;
  let held: Promise<void> | undefined;

  const settle = (): void => {
    if (content.ended()) stall.allow(content.size() / slowestDigest);
    if (told || !stage.whole()) return;
    told = true;
    on.whole();
  };
  const stage = codec === 'zstd' ? createZstdStage(content, { whole: settle, failed }) : createPlainStage(content, remarks);

  const hold = (busy: Promise<void>): Promise<void> => {
    stall.hold(busy);
    held = busy.then(settle).catch(failed);
    return held;
  };
  const guarded =
    (take: Sink): Sink =>
    (bytes) => {
      if (over) return undefined;
      stall.beat();
      sweep(bytes.length);
      try {
        const busy = take(bytes);
        return busy === undefined ? settle() : hold(busy);
      } catch (error) {
        return failed(error);
      }
    };

  return {
    stdout: guarded(stage.take),
    stderr: guarded(remarks.take),
    async end(code) {
      await held;
      checkExit(code, remarks.text());
      await stage.end().catch((error: unknown) => {
        throw explained(error, remarks.text());
      });
      return { bytes: content.size(), sha256: content.sha256() };
    },
    stop() {
      over = true;
      stall.stop();
      stage.stop();
    },
  };
}
