/** The stream as a pod sends it compressed, made plain. */
import { constants, createZstdDecompress } from 'node:zlib';
import { KprofError } from '../errors.ts';
import type { Content, Stage, StageEvents } from './content.ts';
import { codeOf } from './disk.ts';
import { damage } from './fault.ts';
import { createZstdFrame } from './zstd-frame.ts';

// Larger windows cost memory that nobody but a hostile sender asks for.
const windowLogMax = 27;
const chunkSize = 64 * 1024;

// A frame is hardly larger than what is in it (RFC 8878: three bytes for each block of up to 128 KiB), unless it has blocks of nothing, without end.
const overhead = 1.02;
const slack = 2 ** 20;

const damaged = (error: unknown): unknown =>
  codeOf(error) === undefined || error instanceof KprofError ? error : damage(`the compressed stream is damaged (${codeOf(error)})`, error);

/** Decodes one zstd frame into `content` as it comes; whole when the frame's checksum is right and the file is complete. */
export function createZstdStage(content: Content, on: StageEvents): Stage {
  const frame = createZstdFrame();
  const decoder = createZstdDecompress({ chunkSize, params: { [constants.ZSTD_d_windowLogMax]: windowLogMax } });
  let came = 0;
  let whole = false;

  const decode = async (): Promise<void> => {
    for await (const bytes of decoder) await content.take(bytes);
  };
  const handOn = async (): Promise<void> => {
    await decode().catch((error: unknown) => {
      on.failed(damaged(error));
      throw damaged(error);
    });
    content.finish();
    whole = true;
    on.whole();
  };
  const handedOn = handOn();
  handedOn.catch((error: unknown) => frame.ended() && on.short(error));

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
      if (decoder.writableLength === 0 && came > slack + overhead * (content.size() ?? 0))
        throw new KprofError('incomplete', 'the compressed stream is larger than what is in it');
      came += bytes.length;
      // It failed, which is told; a drain would never come.
      if (decoder.destroyed) return undefined;
      const taken = decoder.write(bytes);
      if (frame.ended()) decoder.end();
      return taken || frame.ended() ? undefined : drained();
    },
    whole: () => whole,
    async end() {
      if (!frame.ended()) throw damage(came === 0 ? 'nothing came' : 'the compressed stream was cut off');
      await handedOn;
    },
    async stop() {
      decoder.destroy();
      await handedOn.catch(() => {}); // told already
    },
  };
}
