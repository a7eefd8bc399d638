/** The stream as a pod sends it compressed, made plain. */
import { constants, createZstdDecompress } from 'node:zlib';
import { KprofError } from '../errors.ts';
import type { Content, Stage, StageEvents } from './content.ts';
import { codeOf } from './disk.ts';
import { createZstdFrame } from './zstd-frame.ts';

// Larger windows cost memory that nobody but a hostile sender asks for.
const windowLogMax = 27;
const chunkSize = 64 * 1024;

const damaged = (error: unknown): unknown =>
  codeOf(error) === undefined || error instanceof KprofError
    ? error
    : new KprofError('incomplete', `the compressed stream is damaged (${codeOf(error)})`, { cause: error });

const nothing = (came: number): KprofError =>
  new KprofError('incomplete', came === 0 ? 'nothing came' : 'the compressed stream was cut off');

/** Decodes one zstd frame into `content` as it comes; whole when the frame's checksum is right and the archive is complete. */
export function createZstdStage(content: Content, on: StageEvents): Stage {
  const frame = createZstdFrame();
  const decoder = createZstdDecompress({ chunkSize, params: { [constants.ZSTD_d_windowLogMax]: windowLogMax } });
  let came = 0;
  let whole = false;

  const handOn = async (): Promise<void> => {
    for await (const bytes of decoder) await content.take(bytes);
    content.finish();
    whole = true;
  };
  const handedOn = handOn().catch((error: unknown) => {
    throw damaged(error);
  });
  handedOn.then(on.whole, on.failed);

  const drained = (): Promise<void> =>
    new Promise((resolve) => {
      const free = (): void => {
        decoder.off('drain', free).off('close', free);
        resolve();
      };
      decoder.on('drain', free).on('close', free);
    });

  return {
    take(bytes) {
      frame.take(bytes);
      came += bytes.length;
      const taken = decoder.write(bytes);
      if (frame.ended()) decoder.end();
      return taken || frame.ended() ? undefined : drained();
    },
    whole: () => whole,
    async end() {
      if (!frame.ended()) throw nothing(came);
      await handedOn;
    },
    stop: () => void decoder.destroy(),
  };
}
