/** The stream as a pod without zstd, or without a core to spare, sends it. */
import { KprofError } from '../errors.ts';
import type { Content, Stage } from './content.ts';
import type { Remarks } from './remarks.ts';

/** A plain archive: whole when it ended and the digest of its file came on stderr, in whichever order. */
export function createPlainStage(content: Content, remarks: Remarks): Stage {
  const agrees = (): boolean => {
    const announced = remarks.sha256();
    if (announced === undefined) return false;
    if (announced !== content.sha256()) throw new KprofError('incomplete', 'its checksum differs from that of the file in the pod');
    return true;
  };
  const whole = (): boolean => content.ended() && agrees();

  return {
    take: content.take,
    whole,
    async end() {
      content.finish();
      if (!whole()) throw new KprofError('incomplete', 'no checksum came');
    },
    stop: () => {},
  };
}
